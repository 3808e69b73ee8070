"""How rows flow through a streamed segment: which operator fires next, and how many rows each tensor must hold.

Every operator makes a few output rows at a time, its *block*, as soon as the rows that they read are there and its own
line has room for them; of those that can, the one furthest downstream fires. How much room a line needs is found by
letting the rows flow on demand: a line then holds only what is still to be read, the overlap of neighbouring windows
and the lag between the two paths of a residual. What happens then, event by event, is a `course`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from tinyc.ir.access import AxisAccess, Elementwise, Interval, Sampled, Whole
from tinyc.ir.types import Array


@dataclass(frozen=True, slots=True)
class Feed:
    """How an operator reads one line: output row y needs rows y·stride − before to y·stride − before + reach.

    Where it reads all rows for each of its own, the stride is 0: it waits until the line is complete. Where it picks
    rows (nearest neighbour), output row y needs row `table[y]` alone, and these never fall.
    """

    line: int
    stride: int = 1
    before: int = 0
    reach: int = 1
    table: tuple[int, ...] = ()

    @classmethod
    def of(cls, line: int, axis: AxisAccess, rows: int) -> Feed:
        """From the access map of the axis that holds the `rows` rows of the line."""
        if isinstance(axis, Elementwise):
            return cls(line)
        if isinstance(axis, Whole):
            return cls(line, stride=0, reach=rows)
        if isinstance(axis, Sampled):
            return cls(line, table=axis.source)
        return cls(line, axis.stride, axis.before, axis.reach)

    @property
    def is_fixed(self) -> bool:
        """Whether every output row reads the same rows."""
        return self.stride == 0

    def needs(self, row: int, rows: int, count: int = 1) -> Interval:
        """Rows that `count` output rows from `row` on read, of a tensor that has `rows`."""
        if self.table:
            return self.table[row], self.table[row + count - 1] + 1
        lo = row * self.stride - self.before
        hi = lo + (count - 1) * self.stride + self.reach
        return min(max(0, lo), rows), max(0, min(rows, hi))

    def ends(self, rows: int, line_rows: int) -> Array:
        """By how many of `rows` output rows are made: the rows of the line that this took."""
        return self.extent(rows, line_rows).ends

    def starts(self, rows: int, line_rows: int) -> Array:
        """By how many of `rows` output rows are made: the first row of the line that the others still need."""
        return self.extent(rows, line_rows).starts

    def extent(self, rows: int, line_rows: int) -> Extent:
        """Both, of `rows` output rows; the line itself does not matter."""
        return _extent(self.stride, self.before, self.reach, self.table, rows, line_rows)


class Extent(NamedTuple):
    """`starts` and `ends` of a feed, also as numbers that are quick to look up."""

    starts: Array
    ends: Array
    first: tuple[int, ...]
    until: tuple[int, ...]


@lru_cache(maxsize=1 << 12)
def _extent(stride: int, before: int, reach: int, table: tuple[int, ...], rows: int, line_rows: int) -> Extent:
    feed = Feed(0, stride, before, reach, table)
    needs = [feed.needs(row, line_rows) for row in range(rows)]
    starts = np.array([*(lo for lo, _ in needs), line_rows])
    ends = np.maximum.accumulate(np.array([0, *(hi for _, hi in needs)]))
    return Extent(starts, ends, tuple(starts.tolist()), tuple(ends.tolist()))


@dataclass(frozen=True, slots=True)
class Stage:
    """One operator of a segment: the lines it reads, the line it writes, and the rows of its first and other blocks."""

    feeds: tuple[Feed, ...]
    output: int
    height: int = 1
    first: int = 1

    def block(self, row: int, rows: int) -> int:
        """Rows of the block that begins at `row`, of `rows` in all."""
        block, left = self.height if row else self.first, rows - row
        return block if block < left else left

    def blocks(self, row: int, end: int) -> int:
        """How many blocks make the rows from `row`, where one begins, to `end`."""
        after = row or min(self.first, end)
        return (row == 0 < end) - (after - end) // self.height


class Flow:
    """The state of a segment while it runs: rows made so far of every line.

    Lines that no stage writes are there from the start, unless they are pushed row by row. With `depths`, a stage fires
    where its line of so many rows has room for its block; without, where a reader waits for it.
    """

    def __init__(
        self, rows: Sequence[int], stages: Sequence[Stage], pushed: int | None = None,
        depths: Sequence[int] | None = None,
    ) -> None:
        self.rows, self.stages, self.pushed, self.depths = tuple(rows), tuple(stages), pushed, depths
        written = {pushed, *(stage.output for stage in stages)}
        self.made = [0 if line in written else count for line, count in enumerate(rows)]
        self._sources: list[list[tuple[int, Extent]]] = [[] for _ in stages]  # the lines that a stage reads, and how
        self._readers: list[list[tuple[int, Extent]]] = [[] for _ in rows]  # the stages that read a line, and how
        for index, stage in enumerate(stages):
            for feed in stage.feeds:
                extent = feed.extent(rows[stage.output], rows[feed.line])
                self._sources[index].append((feed.line, extent))
                self._readers[feed.line].append((index, extent))
        self._last_reader = [max((index for index, _ in readers), default=0) for readers in self._readers]
        self._cursor = len(stages) - 1

    def block(self, index: int) -> int:
        """Rows that a stage makes when it fires next; 0 where it has made all."""
        stage = self.stages[index]
        return stage.block(self.made[stage.output], self.rows[stage.output])

    def ready(self, index: int) -> bool:
        """Whether a stage's next block is to be made, and the rows that it reads are there."""
        line, count, made = self.stages[index].output, self.block(index), self.made
        if not count:
            return False
        end = made[line] + count
        for source, extent in self._sources[index]:
            if extent.until[end] > made[source]:
                return False
        return self._is_wanted(line) if self.depths is None else self._has_room(line, count)

    def _is_wanted(self, line: int) -> bool:
        """Whether a reader waits for rows of a line, or none reads it any more."""
        made, waiting = self.made[line], False
        for index, extent in self._readers[line]:
            count = self.block(index)
            waiting = waiting or count > 0
            if count and extent.until[self.made[self.stages[index].output] + count] > made:
                return True
        return not waiting

    def _has_room(self, line: int, count: int) -> bool:
        assert self.depths is not None
        depth = self.depths[line]
        return depth == self.rows[line] or self.made[line] + count - self.first_needed(line) <= depth

    def next(self) -> int | None:
        """The stage to fire: the furthest downstream that is ready; None where all rows are made or wait for a push."""
        while self._cursor >= 0:
            if self.ready(self._cursor):
                return self._cursor
            self._cursor -= 1
        return None

    def fired(self, index: int) -> None:
        """Record that a stage made its next block."""
        line = self.stages[index].output
        self.made[line] += self.block(index)
        self._cursor = max(index, self._last_reader[line])

    def push(self) -> None:
        """Record that the caller delivered the next row of the pushed line."""
        assert self.pushed is not None
        self.made[self.pushed] += 1
        self._cursor = self._last_reader[self.pushed]

    def first_needed(self, line: int) -> int:
        """The lowest row of a line that some stage still reads; all that were made where none does."""
        lowest = self.made[line]
        for index, extent in self._readers[line]:
            output = self.stages[index].output
            row = self.made[output]
            if row < self.rows[output] and extent.first[row] < lowest:
                lowest = extent.first[row]
        return lowest


@dataclass(frozen=True)
class Trace:
    """One run of a segment, without data.

    `firings[stage]`: rows made of every line before each of its blocks. `depths`: rows that each line had to hold.
    `arrivals[line]`: rows there before each block of it, those of them still to be read, and rows of the block.
    """

    rows: tuple[int, ...]
    stages: tuple[Stage, ...]
    firings: tuple[tuple[tuple[int, ...], ...], ...]
    depths: tuple[int, ...]
    arrivals: tuple[tuple[tuple[int, int, int], ...], ...]

    def rows_made(self, stage: int) -> int:
        """Rows of its output that a stage made in all."""
        if not self.firings[stage]:
            return 0
        made = self.firings[stage][-1][self.stages[stage].output]
        return made + self.stages[stage].block(made, self.rows[self.stages[stage].output])

    def moved_rows(self, line: int, depth: int | None = None) -> int:
        """Rows of a line that its buffer of `depth` rows moves in all, to make room at its end."""
        depth = self.depths[line] if depth is None else depth
        held = moved = 0  # held: rows that have left at the front
        for made, kept, count in self.arrivals[line]:
            if made + count - held > depth:
                held, moved = made - kept, moved + kept
        return moved

def trail_distance(
    rows: Sequence[int], stages: Sequence[Stage], sink: int, source: int, source_bytes: int, output_bytes: int,
    kernel: int | None = None,
) -> int:
    """Bytes by which the output of stage `sink` must lie below a line that dies, so that no row is overwritten unread.

    A block that ends at row q of the output must not reach the first byte of `source` that is still needed then (the
    overlap rule of docs/memory.md). What the block itself reads is still needed too, unless its kernel may write it
    while it reads it, `kernel` bytes lower or more. `source_bytes` and `output_bytes` are those of a row. Every order
    in which rows may flow is allowed for: of the other lines no more is taken to be made than the block needs.
    """
    found = _lag(tuple(rows), tuple(stages), sink, source, kernel is not None)
    return distance(found, source_bytes, output_bytes, kernel)


@lru_cache(maxsize=1 << 14)  # networks repeat their blocks
def _lag(
    rows: tuple[int, ...], stages: tuple[Stage, ...], sink: int, source: int, in_place: bool
) -> tuple[Array, Array, Array | None]:
    """`lag` of the stages of a segment."""
    found = [Demand.of(stage, rows) for stage in stages]
    return lag(found, sink, source, rows[source], in_place, demanded(found, sink))


@dataclass(frozen=True, slots=True, eq=False)
class Demand:
    """A stage as a table: `reads` are lines, each with the rows that are needed to have made so many rows of the
    output, and the first row that is still needed by the others."""

    output: int
    rows: int
    reads: Sequence[tuple[int, Array, Array]]
    height: int = 1
    first: int = 1

    @classmethod
    def of(cls, stage: Stage, rows: Sequence[int]) -> Demand:
        count = rows[stage.output]
        reads = [(f.line, f.ends(count, rows[f.line]), f.starts(count, rows[f.line])) for f in stage.feeds]
        return cls(stage.output, count, reads, stage.height, stage.first)

    @property
    def ends(self) -> Array:
        """The rows where its blocks end."""
        return np.array([*range(min(self.first, self.rows), self.rows, self.height), self.rows])

    def whole_blocks(self, made: Array) -> Array:
        """Rows made once every block is whole that these rows are in."""
        if self.height == self.first == 1:
            return made
        after = self.first - (self.first - made) // self.height * self.height
        return np.where(made > 0, np.minimum(np.where(made <= self.first, self.first, after), self.rows), 0)


def demanded(stages: Sequence[Demand], sink: int) -> dict[int, Array]:
    """For every block of a sink: how many rows of each line are made before it is."""
    made = {stages[sink].output: stages[sink].ends}
    for stage in reversed(stages[: sink + 1]):
        if stage.output in made:
            made[stage.output] = wanted = stage.whole_blocks(made[stage.output])
            for line, until, _ in stage.reads:
                if line != stage.output:
                    made[line] = np.maximum(made[line], until[wanted]) if line in made else until[wanted]
    return made


def lag(
    stages: Sequence[Demand], sink: int, source: int, source_rows: int, in_place: bool, made: Mapping[int, Array]
) -> tuple[Array, Array, Array | None]:
    """For every block of a sink: the row where it ends, the first row of `source` that is still needed while it is
    written, and the first that the block itself reads, where its kernel may write that `in_place`. `made` is what is
    `demanded`."""
    own = stages[sink]
    ends = own.ends
    starts = np.concatenate(([0], ends[:-1]))
    direct = next((begin for line, _, begin in own.reads if line == source), None) if in_place else None
    needed = np.full(len(ends), source_rows)
    for stage in stages:
        for line, _, begin in stage.reads:
            if line == source:
                after = starts if direct is None and stage.output == own.output else made.get(stage.output)
                needed = np.minimum(needed, begin[0] if after is None else begin[after])
    return ends, needed, None if direct is None else direct[starts]


def distance(
    found: tuple[Array, Array, Array | None], source_bytes: int, output_bytes: int, kernel: int | None
) -> int:
    """The trail distance that follows from a `lag`, for rows of so many bytes."""
    ends, needed, own = found
    worst = int((ends * output_bytes - needed * source_bytes).max())
    if kernel is not None and own is not None:
        starts = np.concatenate(([0], ends[:-1]))
        worst = max(worst, int((starts * output_bytes - own * source_bytes).max()) + kernel)
    return max(0, worst)


def trace(
    rows: Sequence[int], stages: Sequence[Stage], pushed: int | None = None, depths: Sequence[int] | None = None
) -> Trace:
    """Let the rows flow once: on demand, to find how many rows each line must hold, or through lines of `depths`."""
    return _trace(tuple(rows), tuple(stages), pushed, None if depths is None else tuple(depths))


@lru_cache(maxsize=256)  # networks repeat their blocks
def _trace(
    rows: tuple[int, ...], stages: tuple[Stage, ...], pushed: int | None, depths: tuple[int, ...] | None
) -> Trace:
    flow = Flow(rows, stages, pushed, depths)
    found = [0 if made == 0 else count for made, count in zip(flow.made, rows, strict=True)]
    firings: list[list[tuple[int, ...]]] = [[] for _ in stages]
    arrivals: list[list[tuple[int, int, int]]] = [[] for _ in rows]

    def arrive(line: int, count: int) -> None:
        made = flow.made[line]
        kept = made - flow.first_needed(line)
        found[line] = max(found[line], kept + count)
        arrivals[line].append((made, kept, count))

    while True:
        while (index := flow.next()) is not None:
            firings[index].append(tuple(flow.made))
            arrive(stages[index].output, flow.block(index))
            flow.fired(index)
        if pushed is None or flow.made[pushed] == rows[pushed]:
            break
        arrive(pushed, 1)
        flow.push()
    return Trace(
        flow.rows, flow.stages, tuple(map(tuple, firings)), tuple(found), tuple(map(tuple, arrivals)),
    )
