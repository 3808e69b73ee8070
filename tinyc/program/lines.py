"""The lines of a segment: one per tensor, how many rows each holds, and rows that flow through them with data."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from tinyc.ir.graph import Graph, Value
from tinyc.ir.types import Array
from tinyc.program.flow import Feed, Flow, Stage, Trace, trace
from tinyc.program.rows import RowStage, line_rows


class SegmentLines:
    """The tensors of a segment, numbered: rows, bytes of a row, and how many rows each line buffer holds.

    A tensor that nothing outside the segment reads is internal: it needs no more than a line buffer. `stored` are those
    that are there before the segment begins.
    """

    def __init__(self, stages: Sequence[RowStage], graph: Graph, pushed: Value | None = None) -> None:
        made = {id(stage.output): stage for stage in stages}
        self.values = list(dict.fromkeys(v for s in stages for v in (*(read for read, _ in s.reads), s.output)))
        self.numbers = {id(value): number for number, value in enumerate(self.values)}
        shown = [made.get(id(v)) for v in self.values]
        self.rows = [s.rows if s else line_rows(v.type) for s, v in zip(shown, self.values, strict=True)]
        self.row_bytes = [
            s.row_bytes if s else v.type.bytes // rows for s, v, rows in zip(shown, self.values, self.rows, strict=True)
        ]
        self.stages = tuple(
            Stage(
                tuple(replace(f, line=self.numbers[id(v)]) for v, f in s.reads), self.numbers[id(s.output)],
                s.height, s.first,
            )
            for s in stages
        )
        self.pushed = None if pushed is None else self.numbers[id(pushed)]
        self.stored = [n for n, v in enumerate(self.values) if id(v) not in made and n != self.pushed]
        self.trace = trace(self.rows, self.stages, self.pushed)
        self.depths = self.trace.depths
        inside = {id(value.producer) for value in self.values if id(value) in made}
        self.is_internal = [
            id(v) in made and not graph.is_output(v) and all(id(user) in inside for user in v.users)
            and (bool(v.uses) or v.producer is None)
            for v in self.values
        ]

    @property
    def held(self) -> list[int]:
        """Rows that each line holds: line buffers inside, whole tensors at the ends."""
        ends = [not inside and number != self.pushed for number, inside in enumerate(self.is_internal)]
        return [rows if end else depth for rows, depth, end in zip(self.rows, self.depths, ends, strict=True)]

    @property
    def flowing(self) -> Trace:
        """The rows flowing through the lines that there will be."""
        return trace(self.rows, self.stages, self.pushed, self.held)


class LineBuffers:
    """The lines of a flow with their data, each in a memory (bytes) of its own or a part of one.

    A line buffer slides: when it is full, rows that nobody needs any more leave at its front. `garbage` fills what is
    free then, so that nothing can be read that is gone.
    """

    def __init__(
        self, flow: Flow, memories: Sequence[Array], labels: Sequence[str], garbage: np.random.Generator
    ) -> None:
        assert flow.depths is not None
        self.flow, self.depths, self.memories, self.labels, self.garbage = flow, flow.depths, memories, labels, garbage
        self.held = [0] * len(memories)  # the first row that is still in the buffer

    def operand(self, feed: Feed, row: int, count: int) -> Array:
        """The rows that `count` output rows from `row` on read, as bytes."""
        lo, hi = feed.needs(row, self.flow.rows[feed.line], count)
        return self._rows(feed.line, lo, hi - lo)

    def append(self, line: int, count: int, rows: Array) -> None:
        """Store the next `count` rows of a line, after making room where its buffer is too full for them."""
        made = self.flow.made[line]
        if made + count - self.held[line] > self.depths[line]:
            self._slide(line, self.flow.first_needed(line) - self.held[line])
        self._rows(line, made, count)[:] = np.frombuffer(np.ascontiguousarray(rows).tobytes(), np.uint8)

    def _rows(self, line: int, first: int, count: int) -> Array:
        start, depth = first - self.held[line], self.depths[line]
        if start < 0 or start + count > depth:
            raise IndexError(f"rows {start} to {start + count} of {self.labels[line]!r} are not in its {depth} rows")
        size = len(self.memories[line]) // depth
        return self.memories[line][start * size : (start + count) * size]

    def _slide(self, line: int, rows: int) -> None:
        memory = self.memories[line]
        shift = rows * (len(memory) // self.depths[line])
        memory[: len(memory) - shift] = memory[shift:].copy()
        memory[len(memory) - shift :] = self.garbage.integers(0, 256, shift, dtype=np.uint8)
        self.held[line] += rows


def let_flow(flow: Flow, fire: Callable[[int], None], push: Callable[[int], None] | None = None) -> None:
    """Fire the stages of a flow until all rows are made; where none is ready, `push` delivers a pushed row."""
    while True:
        while (index := flow.next()) is not None:
            fire(index)
            flow.fired(index)
        if push is None or flow.pushed is None or flow.made[flow.pushed] == flow.rows[flow.pushed]:
            return
        push(flow.made[flow.pushed])
        flow.push()
