"""Networks of blocks whose parts are chosen: what these become, whether all has room, and what they add up to."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Any

from tinyc.nas.joining import Joined
from tinyc.nas.pieces import Finished, Piece, pieces_of
from tinyc.program.lifetimes import width
from tinyc.schedule.least import Least
from tinyc.schedule.placing import Holds, Inside, columns


class Chosen:
    """A network, or blocks of one, cut into parts, which with more rows at a time need less than a `room` part of the
    bytes that the worst one needs. `work`: instructions of the network."""

    def __init__(self, joined: Joined, search: Any, cut: Least, room: float, work: float) -> None:
        self.joined, self.search, self.cut, self.room, self.work = joined, search, cut, room, work
        self.finished = dict(self._finished())

    def _finished(self) -> Iterator[tuple[int, Finished]]:
        """Segments, and operators as a whole that may not have their fastest kernels, by the number of the part."""
        row, limit = self.joined, self.cut.bytes - width(self.cut.state)  # of a part without state
        most = self.room * self.cut.bytes - width(self.cut.state)
        starts, kinds = map(self.search.column, (self.cut.starts, self.cut.kinds))
        for number in self.search.other_parts(row.prepared, limit, starts, kinds):
            start, stop, streamed = self.cut.part(number)
            first, last = row.block_of(start), row.block_of(stop - 1)
            pieces = pieces_of(tuple(row.blocks[first : last + 1]), row.stream and start == 0)
            begin = row.steps[first]
            yield number, pieces.finished(start - begin, stop - begin, streamed, limit, most, limit, self.work)

    @property
    def adds_work(self) -> bool:
        """Whether another order of execution might have parts that add less."""
        return any(found.part.streamed or found.part.lean for found in self.finished.values())

    # ------------------------------------------------------------------ room for all in what the worst part needs
    def result_offsets(
        self, entries: Sequence[int], rule: int, most: int, first: int = 0, stop: int | None = None
    ) -> tuple[int, ...]:
        """Offsets at which the result of parts may lie, where their input may lie at the `entries` (see `search`): of
        all parts, or of those from `first` on up to `stop`, before which a single tensor passes."""
        given, overlaps = self.columns
        found = self.search.result_offsets(
            self.joined.prepared, self.cut.bytes, self.cut.state,
            given[4 * first :] if stop is None else given[4 * first : 4 * stop], overlaps,
            self.search.column(entries), rule, most,
        )
        return tuple(map(int, found))

    def has_first_fit(self) -> bool:
        """Whether first fit finds room."""
        search, p, holds = self.search, self.joined.prepared, self._holds
        sizes = [value for number, inside in holds.inside.items() for size in inside.sizes for value in (number, size)]
        trails = [value for inside in holds.inside.values() for trail in inside.trails for value in trail]
        lean = [number in holds.lean for number in range(len(self.cut.starts))]
        told = map(search.column, (self.cut.starts, self.cut.kinds, lean, sizes, trails))
        return bool(search.parts_fit(p, self.cut.bytes, self.cut.state, *told))

    @cached_property
    def columns(self) -> tuple[Any, Any]:
        """Parts, and overlaps in their segments."""
        given, overlaps = columns([*self.cut.starts, self.cut.end], self._holds)
        return self.search.column(given), self.search.column(overlaps)

    @cached_property
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
    @cached_property
    def pieces(self) -> list[Piece]:
        """Of finished parts, and of all other operators as a whole."""
        return list(self._pieces())

    def _pieces(self) -> Iterator[Piece]:
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
