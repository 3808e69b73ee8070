"""What `plan` would say of a spec, a thousand times a second: for spaces whose networks are made of blocks.

The tables of blocks are remembered and put in a row; the least need, and then the quickest parts within it, are
searched for in them by the code that `build` uses (`tinyc.schedule.least`). What parts become and what they add is
remembered by block (`tinyc.nas.pieces`), and where known places or first fit leave no gap, that is the plan. Else the
whole compiler is asked, as where it may repeat work to need less. So the answer is always exact.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import chain
from typing import Generic, TypeVar

from tinyc.compiler import ROOM, InputMode
from tinyc.nas.blocks import Block, shelf
from tinyc.nas.code_size import Library, part_bytes
from tinyc.nas.code_size import Part as Code
from tinyc.nas.compiled import fast_search
from tinyc.nas.formulae import live_activations
from tinyc.nas.joining import Joined, JoinedNeeds, join
from tinyc.nas.pieces import Finished, Piece, Shared, network_piece, pieces_of
from tinyc.nas.planner import plan
from tinyc.nas.report import Flash, Need
from tinyc.nas.spaces.space import Space
from tinyc.program.lifetimes import width
from tinyc.schedule.cost import total_instructions
from tinyc.schedule.least import Least, least, quickest
from tinyc.schedule.needs import Needs
from tinyc.schedule.placing import Holds, Inside, columns
from tinyc.schedule.search import CHOICES
from tinyc.targets import Target
from tinyc.targets import load as load_target

S = TypeVar("S")


@dataclass(frozen=True)
class QuickPlanner(Generic[S]):
    """Needs of the specs of a space on a target, with objective `sram`. `asked` counts how each answer was found: from
    the `blocks` of its network, or by the `compiler`."""

    space: Space[S]
    target: str | Target = "cortex-m7"
    input: InputMode = "stored"
    library: Library = "stand-in"
    asked: Counter[str] = field(default_factory=Counter, compare=False)

    def __call__(self, spec: S) -> Need:
        """Raises what `plan` raises."""
        blocks = self.blocks(spec)
        found = self._of_blocks(blocks) if blocks else None
        if found is not None:
            return found
        self.asked["compiler"] += 1
        report = plan(self.space.graph(spec), self._machine, input=self.input, library=self.library)
        return report.need

    def _of_blocks(self, blocks: Sequence[Block]) -> Need | None:
        """The answer, where the blocks alone tell it."""
        place = blocks[0].place
        joined = join(blocks, shelf(place.target, place.onnx), fast_search(), self.input == "stream")
        needs = JoinedNeeds(joined, fast_search())
        found = least(needs)
        if found is None or (joined.closed > found.bytes and not _begins_tight(needs, found)):
            return None
        for room in ROOM:
            chosen = _Chosen(joined, needs, found, room)
            if joined.has_orders and chosen.adds_work:
                return None
            if chosen.fits():
                self.asked["blocks"] += 1
                return chosen.need(self.library)
        return None

    def blocks(self, spec: S) -> list[Block]:
        """The blocks of the network; none where the space has none. Raises ModelError where no kernel serves one."""
        blocks = self.space.blocks(spec)
        if not blocks:
            return []
        begun = self.space.begin(spec)
        return shelf(self._machine, begun.onnx).row([layers for _, layers in blocks], begun.last.type.shape)

    def live_activations(self, spec: S) -> int:
        """The formula of that name (`tinyc.nas.formulae`): most bytes of activations live at once, layer by layer."""
        blocks = self.blocks(spec)
        return max([block.live for block in blocks]) if blocks else live_activations(self.space.graph(spec))

    @property
    def _machine(self) -> Target:
        return loaded(self.target)


@lru_cache
def loaded(target: str | Target) -> Target:
    """A target by its name, read once."""
    return load_target(target) if isinstance(target, str) else target


def _begins_tight(needs: Needs, found: Least) -> bool:
    """Whether all that may run first needs as much as the worst part: then no repeated work later on needs less."""
    first = ((0, bounds.stop, bounds.streamed) for bounds in needs.parts(0))
    return all(needs.need(*part, needs.state(part[1])) >= found.bytes for part in first)


class _Chosen:
    """A network whose parts are chosen."""

    def __init__(self, joined: Joined, needs: Needs, least: Least, room: float) -> None:
        cut = quickest(needs, least, least.bytes, room)
        self.joined, self.search, self.cut, self.room = joined, needs.search, cut, room
        self.limit = cut.bytes - width(cut.state)  # of a part without state
        self.finished = dict(self._finished())

    def _finished(self) -> Iterator[tuple[int, Finished]]:
        """Segments, and operators as a whole that may not have their fastest kernels, by the number of the part."""
        row, work, limit = self.joined, self.joined.prepared.work, self.limit
        most = self.room * self.cut.bytes - width(self.cut.state)
        starts, kinds = map(self.search.column, (self.cut.starts, self.cut.kinds))
        for number in self.search.other_parts(row.prepared, limit, starts, kinds):
            start, stop, streamed = self.cut.part(number)
            first, last = row.block_of(start), row.block_of(stop - 1)
            pieces = pieces_of(tuple(row.blocks[first : last + 1]), row.stream and start == 0)
            begin = row.steps[first]
            yield number, pieces.finished(start - begin, stop - begin, streamed, limit, most, limit, work)

    @property
    def adds_work(self) -> bool:
        """Whether another order of execution might have parts that add less."""
        return any(found.part.streamed or found.part.lean for found in self.finished.values())

    # ------------------------------------------------------------------ bytes
    def fits(self) -> bool:
        """Whether all has room in what the worst part needs, as the compiler finds it out: by places or first fit."""
        search, p, holds = self.search, self.joined.prepared, self._holds()
        given, overlaps = map(search.column, columns([*self.cut.starts, self.cut.end], holds))
        if search.has_places(p, self.cut.bytes, self.cut.state, given, overlaps, CHOICES):
            return True
        sizes = [value for number, inside in holds.inside.items() for size in inside.sizes for value in (number, size)]
        trails = [value for inside in holds.inside.values() for trail in inside.trails for value in trail]
        lean = [number in holds.lean for number in range(len(self.cut.starts))]
        told = map(search.column, (self.cut.starts, self.cut.kinds, lean, sizes, trails))
        return bool(search.parts_fit(p, self.cut.bytes, self.cut.state, *told))

    def _holds(self) -> Holds:
        inside, lean = dict[int, Inside](), list[int]()
        for number, found in self.finished.items():
            if found.inside is not None:
                inside[number] = self._numbered(found.inside, self.joined.block_of(self.cut.starts[number]))
            elif found.part.lean:
                lean.append(number)
        return Holds(inside, lean)

    def _numbered(self, inside: Inside, block: int) -> Inside:
        """With the numbers of tensors in the network, for what is inside a segment that begins in a block."""
        p, row = self.joined.prepared, self.joined
        made = p.results + int(p.data[p.result_from + row.steps[block]])
        trails = (
            (int(p.data[made + lower]), row.firsts[block] if upper < 0 else int(p.data[made + upper]), apart)
            for lower, upper, apart in inside.trails
        )
        return Inside(inside.sizes, tuple(trails))

    # ------------------------------------------------------------------ figures
    def need(self, library: Library) -> Need:
        """All figures."""
        pieces = [network_piece(self.joined.stream), *self._pieces()]
        code = part_bytes(Code.total(piece.code for piece in pieces), self.joined.blocks[0].place.target, library)
        shared = frozenset[Shared]().union(*[piece.shared for piece in pieces])
        weights = sum([piece.weights for piece in pieces]) + sum([a.bytes for a in shared if a.is_weights])
        tables = sum([piece.tables for piece in pieces]) + sum([a.bytes for a in shared if not a.is_weights])
        instructions = total_instructions(chain.from_iterable([piece.costs for piece in pieces]))
        return Need(self.cut.bytes, Flash(weights, tables, code), self.joined.macs, instructions)

    def _pieces(self) -> Iterator[Piece]:
        """Of finished parts, and of all other operators as a whole."""
        steps, apart = self.joined.steps, set[int]()
        for number, found in self.finished.items():
            start, stop, _ = self.cut.part(number)
            apart.update(range(start, stop))
            yield found.piece
        for block, begin, end in zip(self.joined.blocks, steps, steps[1:], strict=False):
            pieces, own = pieces_of((block,), False), range(begin, end)
            if apart.isdisjoint(own):
                yield pieces.all
            else:
                yield from (pieces.whole[step - begin] for step in own if step not in apart)
