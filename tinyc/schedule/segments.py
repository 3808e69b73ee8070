"""Chooses which runs of operators stream row by row, under a budget of SRAM.

Executed layer by layer, an operator needs its whole input and output; streamed, the tensors inside a segment shrink to
line buffers. A dynamic programme over the order of execution finds the least peak of any partition into segments, and
then, among the partitions under a budget, the one with the least extra work.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from tinyc.ir.graph import Graph, Node, Value
from tinyc.program.lower import SegmentLines
from tinyc.program.rows import RowView

ROW_INSTRUCTIONS = 250  # of the runtime and the call, per row of an operator (measured on Cortex-M4)
BYTE_INSTRUCTIONS = 0.5  # of memmove, per byte that a sliding line buffer moves


@dataclass(frozen=True)
class Step:
    """What the choice needs to know of one operator: scratch, and its row by row form where it has one."""

    node: Node
    scratch: int
    row_scratch: int
    view: RowView | None
    in_place: int | None  # input whose bytes the output may take over


@dataclass(frozen=True, slots=True)
class _Tensor:
    """A tensor's bytes and life, in steps; `line_bytes` are what it needs inside a segment that holds all of its life."""

    bytes: int
    made: int
    last: int
    line_bytes: int


def choose_segments(graph: Graph, steps: Sequence[Step], budget: int | None) -> tuple[tuple[str, ...], ...]:
    """Runs of operators (by output name) to stream so that the peak stays within `budget` bytes at the least cost.

    Where no partition does, the one with the least peak. None: stream nothing.
    """
    if budget is None:
        return ()
    choice = _Choice(graph, steps)
    limit = max(float(budget), choice.least_peak())
    return tuple(
        tuple(step.node.output.name for step in steps[i:j]) for i, j in choice.cheapest(limit) if j - i > 1
    )


class _Choice:
    def __init__(self, graph: Graph, steps: Sequence[Step]) -> None:
        self.steps = steps
        self.extra = [0.0] * len(steps)  # instructions that streaming an operator adds
        self.tensors = _tensors(graph, steps, _line_bytes(graph, steps, self.extra))
        self.peaks = [self._peaks_from(i) for i in range(len(steps))]

    def _peaks_from(self, i: int) -> list[float]:
        """Peak of the segment [i, j) for j = i + 1, i + 2, … as far as it can be streamed."""
        peaks = [self._single(i)]
        scratch = 0
        for j in range(i + 1, len(self.steps) + 1):
            if self.steps[j - 1].view is None:
                break
            scratch = max(scratch, self.steps[j - 1].row_scratch)
            if j > i + 1:
                peaks.append(self._streamed(i, j) + scratch)
        return peaks

    def _single(self, i: int) -> float:
        step = self.steps[i]
        live = sum(t.bytes for t in self.tensors.values() if t.made <= i <= t.last)
        return live + step.scratch - self._saved_in_place(i)

    def _saved_in_place(self, i: int) -> int:
        step = self.steps[i]
        if step.in_place is None:
            return 0
        source = self.tensors.get(id(step.node.input(step.in_place)))
        out = self.tensors.get(id(step.node.output))
        return min(source.bytes, out.bytes) if source and out and source.last == i else 0

    def _streamed(self, i: int, j: int) -> float:
        return sum(
            t.line_bytes if t.made >= i and t.last < j else t.bytes
            for t in self.tensors.values() if t.made < j and t.last >= i
        )

    def least_peak(self) -> float:
        """The least peak over all partitions."""
        best = [0.0] + [math.inf] * len(self.steps)
        for i, peaks in enumerate(self.peaks):
            for j, peak in enumerate(peaks, i + 1):
                best[j] = min(best[j], max(best[i], peak))
        return best[-1]

    def cheapest(self, limit: float) -> list[tuple[int, int]]:
        """The partition with the least extra work whose every part stays within the limit; fewest parts on a tie."""
        best: list[tuple[float, int, int]] = [(0.0, 0, 0)] + [(math.inf, 0, 0)] * len(self.steps)
        for i, peaks in enumerate(self.peaks):
            work = 0.0
            for j, peak in enumerate(peaks, i + 1):
                work += self.extra[j - 1]
                cost = best[i][0] + (work if j - i > 1 else 0.0)
                if peak <= limit and (cost, best[i][1] + 1) < best[j][:2]:
                    best[j] = (cost, best[i][1] + 1, i)
        parts, j = [], len(self.steps)
        while j > 0:
            parts.append((best[j][2], j))
            j = best[j][2]
        return parts[::-1]


def _line_bytes(graph: Graph, steps: Sequence[Step], extra: list[float]) -> dict[int, int]:
    """Bytes of each tensor's line buffer, by value; found once over every longest run that can be streamed.

    How far a reader lags behind depends on the operators between, not on where the segment begins or ends.
    """
    found: dict[int, int] = {}
    start = 0
    while start < len(steps):
        end = start
        while end < len(steps) and steps[end].view is not None:
            end += 1
        if end - start > 1:
            views = [s.view for s in steps[start:end] if s.view is not None]
            lines = SegmentLines(views, graph)
            for number, step in enumerate(steps[start:end], start):
                line = lines.numbers[step.node.output.name]
                found[id(step.node.output)] = lines.depths[line] * lines.row_bytes[line]
                moved = (lines.depths[line] - 1) * lines.row_bytes[line]
                extra[number] = lines.rows[line] * (ROW_INSTRUCTIONS + BYTE_INSTRUCTIONS * moved)
        start = max(end, start + 1)
    return found


def _tensors(graph: Graph, steps: Sequence[Step], line_bytes: dict[int, int]) -> dict[int, _Tensor]:
    """Lives of all tensors in steps. A view prolongs the life of what it shows, which then needs all of its bytes."""
    position = {id(step.node): number for number, step in enumerate(steps)}
    found: dict[int, _Tensor] = {}
    for value in (*graph.inputs, *(v for node in graph.nodes for v in node.outputs)):
        if value.producer is not None and id(value.producer) not in position:
            continue  # a view: counted with what it shows
        last, whole = _last_use(graph, value, position)
        made = -1 if value.producer is None else position[id(value.producer)]
        line = value.type.bytes if whole else line_bytes.get(id(value), value.type.bytes)
        found[id(value)] = _Tensor(value.type.bytes, made, max(made, last), line)
    return found


def _last_use(graph: Graph, value: Value, position: dict[int, int]) -> tuple[int, bool]:
    """The last step that reads a tensor (the number of steps for an output), and whether it is seen through a view."""
    last, whole = (len(position), True) if graph.is_output(value) else (-1, False)
    for user in value.users:
        if id(user) in position:
            last = max(last, position[id(user)])
        else:
            last, whole = max(last, _last_use(graph, user.output, position)[0]), True
    return last, whole
