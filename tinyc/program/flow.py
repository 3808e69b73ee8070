"""How rows flow through a streamed segment: which operator fires next, and how many rows each tensor must hold.

Every operator makes a few output rows at a time, its *block*, as soon as the rows that they read are there and its own
line has room for them; of those that can, the one furthest downstream fires. How much room a line needs is found by
letting the rows flow on demand: a line then holds only what is still to be read, the overlap of neighbouring windows
and the lag between the two paths of a residual. What happens then, event by event, is a `course`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

from tinyc.ir.access import AxisAccess, Elementwise, Interval, Sampled, Whole


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


@dataclass(frozen=True, slots=True)
class Stage:
    """One operator of a segment: the lines it reads, the line it writes, and the rows of its first and other blocks."""

    feeds: tuple[Feed, ...]
    output: int
    height: int = 1
    first: int = 1

    def block(self, row: int, rows: int) -> int:
        """Rows of the block that begins at `row`, of `rows` in all."""
        return min(self.height if row else self.first, rows - row)

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
        self._readers: list[list[tuple[int, Feed]]] = [[] for _ in rows]
        for index, stage in enumerate(stages):
            for feed in stage.feeds:
                self._readers[feed.line].append((index, feed))
        self._last_reader = [max((index for index, _ in readers), default=0) for readers in self._readers]
        self._cursor = len(stages) - 1

    def block(self, index: int) -> int:
        """Rows that a stage makes when it fires next; 0 where it has made all."""
        stage = self.stages[index]
        return stage.block(self.made[stage.output], self.rows[stage.output])

    def ready(self, index: int) -> bool:
        """Whether a stage's next block is to be made, and the rows that it reads are there."""
        stage, count = self.stages[index], self.block(index)
        if not count or not self._is_fed(stage, count):
            return False
        return self._is_wanted(stage.output) if self.depths is None else self._has_room(stage.output, count)

    def _is_fed(self, stage: Stage, count: int) -> bool:
        row, made, rows = self.made[stage.output], self.made, self.rows
        return all(feed.needs(row, rows[feed.line], count)[1] <= made[feed.line] for feed in stage.feeds)

    def _is_wanted(self, line: int) -> bool:
        """Whether a reader waits for rows of a line, or none reads it any more."""
        made, waiting = self.made[line], False
        for index, feed in self._readers[line]:
            count = self.block(index)
            waiting = waiting or count > 0
            if count and feed.needs(self.made[self.stages[index].output], self.rows[line], count)[1] > made:
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
        for index, feed in self._readers[line]:
            output = self.stages[index].output
            row = self.made[output]
            if row < self.rows[output]:
                lowest = min(lowest, feed.needs(row, self.rows[line])[0])
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
        self, stage: int, source: int, source_bytes: int, output_bytes: int, kernel: int | None = None
    ) -> int:
        """Bytes by which a stage's output must lie below a line that dies, so that no row is overwritten unread.

        A block that ends at row q of the output must not reach the first byte of `source` that is still needed then
        (the overlap rule of docs/memory.md). What the block itself reads is still needed too, unless its kernel may
        write it while it reads it, `kernel` bytes lower or more.
        """
        key = stage, source, source_bytes, output_bytes, kernel
        if key not in self._distances:
            self._distances[key] = self._distance(*key)
        return self._distances[key]

    def _distance(self, stage: int, source: int, source_bytes: int, output_bytes: int, kernel: int | None) -> int:
        own, rows = self.stages[stage], self.rows
        feed = next((f for f in own.feeds if f.line == source), None) if kernel is not None else None
        worst = 0
        for made in self.firings[stage]:
            start = made[own.output]
            end = start + own.block(start, rows[own.output])
            if feed is not None and kernel is not None:
                first = feed.needs(start, rows[source], end - start)[0]
                worst = max(worst, start * output_bytes - first * source_bytes + kernel)
                made = (*made[: own.output], end, *made[own.output + 1 :])
            worst = max(worst, end * output_bytes - self._first_needed(source, made) * source_bytes)
        return worst

    @cached_property
    def _distances(self) -> dict[tuple[int, int, int, int, int | None], int]:
        """Those that were asked for: many segments share one trace."""
        return {}

    def _first_needed(self, line: int, made: tuple[int, ...]) -> int:
        lowest = made[line]
        for output, feed in self._readers[line]:
            row = made[output]
            if row < self.rows[output]:
                lowest = min(lowest, feed.needs(row, self.rows[line])[0])
        return lowest

    @cached_property
    def _readers(self) -> list[list[tuple[int, Feed]]]:
        """For each line, the lines that are made from it, and how."""
        return [[(s.output, f) for s in self.stages for f in s.feeds if f.line == n] for n in range(len(self.rows))]


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
