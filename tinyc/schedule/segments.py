"""Chooses which runs of operators stream row by row, under a budget of SRAM.

Executed layer by layer, an operator needs its whole input and output; streamed, the tensors inside a segment shrink to
line buffers. A dynamic programme over the order of execution finds the least peak of any partition into segments, and
then, among the partitions under a budget, the one with the least extra work.
"""

from __future__ import annotations

import math
import sys
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache

from tinyc.ir.graph import Graph, Node, Value
from tinyc.program.flow import trail_distance
from tinyc.program.lower import SegmentLines
from tinyc.program.rows import RowStage
from tinyc.schedule.tasks import overlap, stored

ROW_INSTRUCTIONS = 250  # of the runtime and the call, per row of an operator (measured on Cortex-M4)
BYTE_INSTRUCTIONS = 0.5  # of memmove, per byte that a sliding line buffer moves


@dataclass(frozen=True)
class Step:
    """What the choice needs to know of one operator: scratch, and its row by row form (empty where it has none)."""

    node: Node
    scratch: int
    row_scratch: int
    row_work: float  # instructions that its kernels need more when they compute row by row
    stages: tuple[RowStage, ...]
    trails: tuple[tuple[int, int], ...]  # (input, bytes by which the output must lie below it to overlap it)


@dataclass(frozen=True, slots=True)
class _Tensor:
    """A tensor's bytes and life, in steps; `line_bytes`: what it needs in a segment that holds all of its life."""

    bytes: int
    made: int
    last: int
    line_bytes: int


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a partition: a streamed segment, or an operator executed as a whole."""

    start: int
    stop: int
    peak: float
    work: float  # instructions that streaming adds
    streamed: bool


@dataclass(frozen=True)
class Partition:
    """Parts that cover all steps: the peak of the worst of them in bytes, and the instructions that streaming adds."""

    parts: tuple[Part, ...]

    @property
    def peak(self) -> float:
        return max((part.peak for part in self.parts), default=0.0)

    @property
    def work(self) -> float:
        return sum(part.work for part in self.parts)


class Partitions:
    """Every way to cut an order of execution into streamed segments and operators that run as a whole.

    `pushed` is the network's input where its rows arrive one by one: the first segment must take all of them.
    """

    def __init__(self, graph: Graph, steps: Sequence[Step], pushed: Value | None = None) -> None:
        self.count = len(steps)
        self.parts = _Parts(graph, steps, pushed).all()
        self.least_peak = self._least_peak()  # infinite where the input cannot be streamed

    def _least_peak(self) -> float:
        best = [0.0] + [math.inf] * self.count
        for part in self.parts:
            best[part.stop] = min(best[part.stop], max(best[part.start], part.peak))
        return best[self.count]

    def choose(self, budget: float | None) -> Partition | None:
        """The partition with the least work whose peak stays within `budget` bytes (None: without a budget).

        Where none does, the one with the least peak, and of those the least work; None where none can run at all.
        """
        if math.isinf(self.least_peak):
            return None
        limit = sys.float_info.max if budget is None else max(float(budget), self.least_peak)
        return self._cheapest(limit)  # never a part that cannot run

    def _cheapest(self, limit: float) -> Partition:
        """The partition with the least work whose every part stays within the limit; fewest parts on a tie."""
        best: list[tuple[float, int]] = [(0.0, 0)] + [(math.inf, 0)] * self.count
        chosen: dict[int, Part] = {}
        for part in self.parts:
            cost = (best[part.start][0] + part.work, best[part.start][1] + 1)
            if part.peak <= limit and cost < best[part.stop]:
                best[part.stop], chosen[part.stop] = cost, part
        found, stop = [], self.count
        while stop > 0:
            found.append(chosen[stop])
            stop = chosen[stop].start
        return Partition(tuple(reversed(found)))

    def front(self) -> list[Partition]:
        """The partitions that no other beats in both peak and work, from the least work to the least peak."""
        found: list[Partition] = []
        peaks = sorted({part.peak for part in self.parts})
        partition = self.choose(None)
        while partition is not None:
            if found and partition.work <= found[-1].work:
                found.pop()  # as little work with a lower peak
            found.append(partition)
            below = bisect_left(peaks, partition.peak) - 1
            within = below >= 0 and peaks[below] >= self.least_peak
            partition = self._cheapest(peaks[below]) if within else None
        return found


class _Parts:
    """Every part that a partition may have, with its peak and the work that it adds."""

    def __init__(self, graph: Graph, steps: Sequence[Step], pushed: Value | None) -> None:
        self.steps, self.pushed = steps, None if pushed is None else id(pushed)
        self.runs = [_Run(graph, steps, start, stop, pushed) for start, stop in _streamable_runs(steps)]
        lines = {key: size for run in self.runs for key, size in run.line_bytes.items()}
        self.tensors = _tensors(graph, steps, lines)

    def all(self) -> list[Part]:
        """Sorted by where they start."""
        wholes = [Part(i, i + 1, self._whole(i), 0.0, False) for i in range(len(self.steps))]
        starts = [(i, run) for run in self.runs for i in range(run.start, run.stop)]
        streamed = [part for i, run in starts for part in self._streamed_from(i, run)]
        return sorted((*wholes, *streamed), key=lambda p: (p.start, p.stop, p.streamed))

    def _whole(self, i: int) -> float:
        """Peak while operator i runs as a whole."""
        if self.pushed is not None and self.tensors[self.pushed].last >= i:
            return math.inf  # the whole image is never there
        step = self.steps[i]
        live = sum(t.bytes for t in self.tensors.values() if t.made <= i <= t.last)
        return live + step.scratch - self._saved_by_trail(i)

    def _saved_by_trail(self, i: int) -> int:
        """The most that the output saves by overlapping an input that dies."""
        step = self.steps[i]
        out = self.tensors[id(step.node.output)]
        sources = [(self.tensors.get(id(stored(step.node.input(index)))), distance) for index, distance in step.trails]
        return max((overlap(t.bytes, out.bytes, d) for t, d in sources if t is not None and t.last == i), default=0)

    def _streamed_from(self, i: int, run: _Run) -> Iterator[Part]:
        """The segments [i, j) for every j."""
        scratch, work, hidden = 0, 0.0, 0
        for j in range(i + 1, run.stop + 1):
            scratch = max(scratch, self.steps[j - 1].row_scratch)
            work += run.work[j - 1 - run.start]
            hidden += run.hidden_bytes[j - 1 - run.start]
            live = [(key, t) for key, t in self.tensors.items() if t.made < j and t.last >= i]
            if any(key == self.pushed and (i > 0 or t.last >= j) for key, t in live):
                continue  # rows that arrive now are not there later
            bytes = sum(
                t.line_bytes if (t.made >= i or key == self.pushed) and t.last < j else t.bytes for key, t in live
            )
            yield Part(i, j, bytes + hidden + scratch - self._saved_by_overlap(i, j, live, run), work, True)

    def _saved_by_overlap(self, i: int, j: int, live: list[tuple[int, _Tensor]], run: _Run) -> int:
        """The most that one output of the segment saves by following an input that dies in it."""
        dying = [
            (key, t) for key, t in live if t.made < i and t.last < j and key in run.lines and key != self.pushed
        ]
        new = [(key, t) for key, t in live if t.made >= i and t.last >= j]
        return max((
            overlap(source.bytes, out.bytes, run.distance(k, o))
            for k, source in dying for o, out in new
        ), default=0)


def _streamable_runs(steps: Sequence[Step]) -> Iterator[tuple[int, int]]:
    """The longest runs of operators that can all be streamed. Only the first of a run may read a view."""
    start = 0
    for stop in range(len(steps) + 1):
        streams = stop < len(steps) and bool(steps[stop].stages)
        if stop > start and (not streams or _reads_view(steps[stop].node)):
            yield start, stop
            start = stop
        if not streams:
            start = stop + 1


def _reads_view(node: Node) -> bool:
    return any(stored(v) is not v for v in node.inputs if v is not None and not v.is_constant)


class _Run:
    """A longest run of operators that can be streamed, and how rows flow through it.

    How far a reader lags behind depends on the operators between, not on where a segment begins or ends: so one run
    of the rows tells the line buffers and overlaps of every segment inside.
    """

    def __init__(
        self, graph: Graph, steps: Sequence[Step], start: int, stop: int, pushed: Value | None
    ) -> None:
        self.start, self.stop = start, stop
        stages = [(number, stage) for number, step in enumerate(steps[start:stop]) for stage in step.stages]
        pushed = pushed if any(v is pushed for _, stage in stages for v, _ in stage.reads) else None
        flow = SegmentLines([stage for _, stage in stages], graph, pushed)
        self.lines, self._row_bytes, self._needed = flow.numbers, flow.row_bytes, flow.trace.needed
        self._stage = {id(stage.output): number for number, (_, stage) in enumerate(stages)}
        self.line_bytes: dict[int, int] = {}
        if flow.pushed is not None:
            self.line_bytes[id(pushed)] = flow.depths[flow.pushed] * flow.row_bytes[flow.pushed]
        self.hidden_bytes = [0] * (stop - start)  # of tensors that only exist in the streamed form (sums)
        self.work = [step.row_work for step in steps[start:stop]]
        for number, stage in stages:
            depth = flow.depths[flow.numbers[id(stage.output)]]
            moved = (depth - 1) * stage.row_bytes
            self.work[number] += stage.rows * (ROW_INSTRUCTIONS + BYTE_INSTRUCTIONS * moved)
            self.line_bytes[id(stage.output)] = depth * stage.row_bytes
            if stage.output.producer is None:
                self.hidden_bytes[number] += depth * stage.row_bytes

    @cache  # noqa: B019  a run lives as long as one choice
    def distance(self, source: int, output: int) -> int:
        """Bytes by which a result must lie below a tensor that dies in the segment (both by identity)."""
        line, out = self.lines[source], self.lines[output]
        return trail_distance(self._needed[self._stage[output]], line, self._row_bytes[line], self._row_bytes[out])


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
