"""How rows flow through a streamed segment: which operator fires next, and how many rows each tensor must hold.

Every operator produces one output row at a time, as soon as the rows it reads are there; the one furthest downstream
that can fire, fires. So a row is consumed as early as possible, and a line buffer holds only what is still to be read:
the overlap of neighbouring windows, and the lag between the two paths of a residual. The same in C is
`tinyc/codegen/runtime/tinyc_stream.c`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tinyc.ir.access import AxisAccess, Elementwise, Interval, Window


@dataclass(frozen=True, slots=True)
class Feed:
    """How an operator reads one line: output row y needs rows y·stride − before to y·stride − before + reach."""

    line: int
    stride: int = 1
    before: int = 0
    reach: int = 1

    @classmethod
    def of(cls, line: int, axis: AxisAccess) -> Feed:
        """From the access map of the rows axis, which must be a window or elementwise."""
        if isinstance(axis, Elementwise):
            return cls(line)
        if not isinstance(axis, Window):
            raise ValueError(f"rows read as {axis} cannot be streamed")
        return cls(line, axis.stride, axis.before, axis.reach)

    def needs(self, row: int, rows: int) -> Interval:
        """Rows that output row `row` reads, of a tensor that has `rows`."""
        lo = row * self.stride - self.before
        return min(max(0, lo), rows), max(0, min(rows, lo + self.reach))


@dataclass(frozen=True, slots=True)
class Stage:
    """One operator of a segment: the lines it reads and the line it writes."""

    feeds: tuple[Feed, ...]
    output: int


class Flow:
    """The state of a segment while it runs: rows made so far of every line.

    Lines that no stage writes are there from the start, unless they are pushed row by row.
    """

    def __init__(self, rows: Sequence[int], stages: Sequence[Stage], pushed: int | None = None) -> None:
        self.rows, self.stages, self.pushed = tuple(rows), tuple(stages), pushed
        written = {pushed, *(stage.output for stage in stages)}
        self.made = [0 if line in written else count for line, count in enumerate(rows)]
        self._readers: list[list[tuple[int, Feed]]] = [[] for _ in rows]
        for index, stage in enumerate(stages):
            for feed in stage.feeds:
                self._readers[feed.line].append((index, feed))
        self._cursor = len(stages) - 1

    def ready(self, index: int) -> bool:
        """Whether a stage's next row exists and can be computed."""
        stage = self.stages[index]
        row = self.made[stage.output]
        if row >= self.rows[stage.output]:
            return False
        return all(feed.needs(row, self.rows[feed.line])[1] <= self.made[feed.line] for feed in stage.feeds)

    def next(self) -> int | None:
        """The stage to fire: the furthest downstream that is ready; None where all rows are made or wait for a push."""
        while self._cursor >= 0:
            if self.ready(self._cursor):
                return self._cursor
            self._cursor -= 1
        return None

    def fired(self, index: int) -> None:
        """Record that a stage produced its next row."""
        self._arrived(self.stages[index].output, index)

    def push(self) -> None:
        """Record that the caller delivered the next row of the pushed line."""
        assert self.pushed is not None
        self._arrived(self.pushed, 0)

    def _arrived(self, line: int, stage: int) -> None:
        self.made[line] += 1
        self._cursor = max((stage, *(reader for reader, _ in self._readers[line])))

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
    """One run of a segment: for every stage, which rows of every line were still needed when it wrote each of its rows.

    `needed[stage][row][line]` is the first row of the line that some stage still reads, this very row included.
    """

    needed: tuple[tuple[tuple[int, ...], ...], ...]
    depths: tuple[int, ...]


def trace(rows: Sequence[int], stages: Sequence[Stage], pushed: int | None = None) -> Trace:
    """Let the rows flow once and note what was needed when, and how many rows each line had to hold."""
    flow = Flow(rows, stages, pushed)
    depths = [0 if made == 0 else count for made, count in zip(flow.made, rows, strict=True)]
    needed: list[list[tuple[int, ...]]] = [[] for _ in stages]
    while True:
        while (index := flow.next()) is not None:
            line = stages[index].output
            first = tuple(flow.first_needed(number) for number in range(len(rows)))
            depths[line] = max(depths[line], flow.made[line] + 1 - first[line])
            needed[index].append(first)
            flow.fired(index)
        if pushed is None or flow.made[pushed] == rows[pushed]:
            break
        depths[pushed] = max(depths[pushed], flow.made[pushed] + 1 - flow.first_needed(pushed))
        flow.push()
    return Trace(tuple(map(tuple, needed)), tuple(depths))


def trail_distance(needed: Sequence[tuple[int, ...]], source: int, source_bytes: int, output_bytes: int) -> int:
    """Bytes by which an output must lie below a line that dies, so that no row is overwritten before it is read.

    `needed` are a stage's rows in a Trace; row q of the output ends at (q + 1) · output_bytes and must not reach the
    first byte of `source` that is still needed then (the overlap rule of docs/memory.md).
    """
    return max(0, max((q + 1) * output_bytes - first[source] * source_bytes for q, first in enumerate(needed)))
