"""What `plan` would say of a spec, a thousand times a second: for spaces whose networks are made of blocks.

Where no part reaches from one block into another, blocks are planned one by one (`tinyc.nas.local`). Else their tables,
which are remembered, are put in a row; the least need, and then the quickest parts within it, are searched for in them
by the code that `build` uses (`tinyc.schedule.least`). What parts become and what they add is
remembered by block (`tinyc.nas.pieces`), and where known places or first fit leave no gap, that is the plan. Else the
whole compiler is asked, as where it may repeat work to need less. So the answer is always exact.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import chain, islice
from typing import Generic, TypeVar

from tinyc.compiler import ROOM, InputMode
from tinyc.nas.blocks import Block, closed_below, may_reorder, shelf
from tinyc.nas.chosen import Chosen
from tinyc.nas.code_size import Library, part_bytes
from tinyc.nas.code_size import Part as Code
from tinyc.nas.compiled import fast_search
from tinyc.nas.formulae import live_activations
from tinyc.nas.joining import JoinedNeeds, join
from tinyc.nas.local import local
from tinyc.nas.pieces import Shared, network_piece
from tinyc.nas.planner import plan
from tinyc.nas.report import Flash, Need
from tinyc.nas.spaces.space import Space
from tinyc.nas.stretches import has_places
from tinyc.schedule.cost import total_instructions
from tinyc.schedule.least import Least, least, quickest
from tinyc.schedule.needs import Needs
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
        chosen = self._chosen(blocks)
        if not chosen:
            return None
        self.asked["blocks"] += 1
        pieces = [network_piece(self.input == "stream"), *chain.from_iterable([one.pieces for one in chosen])]
        code = part_bytes(Code.total(piece.code for piece in pieces), blocks[0].place.target, self.library)
        shared = frozenset[Shared]().union(*[piece.shared for piece in pieces])
        weights = sum([piece.weights for piece in pieces]) + sum([a.bytes for a in shared if a.is_weights])
        tables = sum([piece.tables for piece in pieces]) + sum([a.bytes for a in shared if not a.is_weights])
        instructions = total_instructions(chain.from_iterable([piece.costs for piece in pieces]))
        macs = sum([block.macs for block in blocks])
        return Need(chosen[0].cut.bytes, Flash(weights, tables, code), macs, instructions)

    def _chosen(self, blocks: Sequence[Block]) -> Sequence[Chosen]:
        """The parts of all blocks as the compiler chooses them: those that leave room at the steps that need not be
        tight, if they must, so that places are known for all, or else by first fit. None where it is to be asked."""
        stream = self.input == "stream"
        found = () if stream else local(blocks)
        if found:
            return found
        place = blocks[0].place
        joined = join(blocks, shelf(place.target, place.onnx), fast_search(), stream)
        needs = JoinedNeeds(joined, fast_search())
        most = least(needs)
        if most is None or (closed_below(blocks) > most.bytes and not _begins_tight(needs, most)):
            return ()
        tried, reorders = list[Chosen](), may_reorder(blocks)
        for room in ROOM:
            cut = quickest(needs, most, most.bytes, room)
            tried.append(Chosen(joined, needs.search, cut, room, joined.prepared.work))
            if reorders and tried[-1].adds_work:
                return ()
            if has_places(tried[-1]):
                return tried[-1:]
        return list(islice((chosen for chosen in tried if chosen.has_first_fit()), 1))

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
