"""The parts that a partition may have: an operator executed as a whole, or a run of operators that streams.

For each, the bytes that are live while it runs, and the instructions that streaming adds. One flow of rows through a
longest run tells both for every segment inside it.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache

from tinyc.ir.graph import Graph, Node, Value
from tinyc.program.lower import SegmentLines
from tinyc.program.rows import RowStage, first_block
from tinyc.schedule.heights import height_choices
from tinyc.schedule.step import BYTE_INSTRUCTIONS, Form, Step
from tinyc.schedule.tasks import overlap, stored

QUICKER_STEPS = 8  # times that a chosen segment gets more rows at a time
QUICKER_TRIES = 4  # ways to do so that are looked at each time


@dataclass(frozen=True, slots=True)
class _Tensor:
    """A tensor's bytes and life, in steps. `whole`: it needs all its bytes even in a segment that holds its life."""

    bytes: int
    made: int
    last: int
    whole: bool


_Tensors = dict[int, _Tensor]  # by the identity of the value


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a partition: a streamed segment, or an operator executed as a whole."""

    start: int
    stop: int
    peak: float
    work: float  # instructions that streaming adds
    heights: tuple[int, ...] = ()  # rows at a time of each operator; none where it runs as a whole
    exact: bool = False  # whether the figures are those of the segment by itself

    @property
    def streamed(self) -> bool:
        return bool(self.heights)


# Parts by order of execution, start and steps of a run (by identity), with the steps, so that these live as long.
Known = dict[tuple[tuple[int, ...], int, tuple[int, ...]], tuple[tuple[Step, ...], list[Part]]]


class Parts:
    """The parts that a partition may have, with their peaks and the work that they add."""

    def __init__(self, graph: Graph, steps: Sequence[Step], pushed: Value | None, known: Known | None = None) -> None:
        self.graph, self.steps, self.image = graph, steps, pushed
        self.known: Known = {} if known is None else known
        self.pushed = None if pushed is None else id(pushed)
        self.tensors = _tensors(graph, steps)
        self.made, self.last = defaultdict[int, _Tensors](dict), defaultdict[int, _Tensors](dict)
        for key, t in self.tensors.items():
            self.made[t.made][key] = self.last[t.last][key] = t

    def all(self) -> list[Part]:
        """Sorted by where they start."""
        wholes = [Part(i, i + 1, self._whole(i), 0.0) for i in range(len(self.steps))]
        order = tuple(id(step.node) for step in self.steps)
        streamed = _undominated(part for window in _windows(self.steps) for part in self._within(*window, order))
        return sorted((*wholes, *streamed), key=lambda p: (p.start, p.stop, p.streamed))

    def _within(self, start: int, stop: int, order: tuple[int, ...]) -> list[Part]:
        """The segments in a run of operators that can stream together."""
        steps = tuple(self.steps[start:stop])
        key = (order, start, tuple(map(id, steps)))
        if key not in self.known:
            runs = [self._run(start, stop, heights) for heights in height_choices(steps)]
            found = (part for run in runs for i in range(start, stop) for part in self._streamed_from(i, run))
            self.known[key] = steps, list(_undominated(found))
        return self.known[key][1]

    def _run(self, start: int, stop: int, heights: tuple[int, ...], *, exact: bool = False) -> _Run:
        return _Run(self.graph, self.steps, start, stop, self.image, heights, exact)

    def exact(self, start: int, stop: int, heights: tuple[int, ...]) -> Part:
        """A segment by itself. As a piece of a longer run, its blocks might begin at other rows."""
        run = self._run(start, stop, heights, exact=True)
        return next(replace(part, exact=True) for part in self._streamed_from(start, run) if part.stop == stop)

    def quicker(self, part: Part, limit: float, worth: float) -> Part:
        """A segment with more rows at a time, while its peak stays within the limit; only gains of `worth` count."""
        for _ in range(QUICKER_STEPS):
            taller = self._taller(part, worth)
            better = (self.exact(part.start, part.stop, heights) for _, heights in taller[:QUICKER_TRIES])
            found = next((p for p in better if p.peak <= limit and p.work <= part.work - worth), None)
            if found is None:
                break
            part = found
        return part

    def _taller(self, part: Part, worth: float) -> list[tuple[float, tuple[int, ...]]]:
        """Heights one step up for one operator, or for two neighbours; those that may gain the most first."""
        found: list[tuple[float, tuple[int, ...]]] = []
        forms = [step.forms for step in self.steps[part.start : part.stop]]
        higher = [min((h for h in own if h > now), default=now) for own, now in zip(forms, part.heights, strict=True)]
        gains = [own[now].work - own[h].work for own, now, h in zip(forms, part.heights, higher, strict=True)]
        for size in (1, 2):
            for k in range(len(gains) - size + 1):
                heights = (*part.heights[:k], *higher[k : k + size], *part.heights[k + size :])
                found.append((sum(gains[k : k + size]), heights))
        return sorted((f for f in found if f[0] > worth), reverse=True)

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
        scratch, work = 0, 0.0
        bytes = sum(t.bytes for t in self.tensors.values() if t.made < i <= t.last)
        dying: dict[int, _Tensor] = {}  # read last in the segment
        new: dict[int, _Tensor] = {}  # made in it and read later
        for j in range(i + 1, run.stop + 1):
            step = j - 1 - run.start
            scratch, work = max(scratch, run.scratch[step]), work + run.work[step]
            made = {key: t for key, t in self.made[j - 1].items() if t.last >= j}
            ended = {key: t for key, t in self.last[j - 1].items() if key in run.lines}
            inside = {key for key, t in ended.items() if t.made >= i or key == self.pushed}
            bytes += run.hidden_bytes[step] + sum(t.bytes for t in made.values())
            bytes += sum(t.bytes for t in ended.values() if t.made == j - 1)  # made and never read
            bytes -= sum(t.bytes - run.line_bytes[key] for key, t in ended.items() if key in inside and not t.whole)
            dying |= {key: t for key, t in ended.items() if key not in inside}
            new = {key: t for key, t in new.items() if key not in ended} | made
            if self._misses_rows(i, j):
                continue
            saved = max((
                overlap(source.bytes, out.bytes, run.distance(k, o))
                for k, source in dying.items() for o, out in new.items()
            ), default=0)
            yield Part(i, j, bytes + scratch - saved, work, run.heights[i - run.start : j - run.start])

    def _misses_rows(self, i: int, j: int) -> bool:
        """Whether a segment would need the pushed image later than its rows arrive, or leave it to a later one."""
        last = -1 if self.pushed is None else self.tensors[self.pushed].last
        return last >= j or (i > 0 and last >= i)


def _undominated(parts: Iterable[Part]) -> Iterator[Part]:
    """Of the parts that cover the same steps, those that no other beats in both peak and work."""
    same = defaultdict[tuple[int, int], list[Part]](list)
    for part in parts:
        same[part.start, part.stop].append(part)
    for group in same.values():
        least = math.inf
        for part in sorted(group, key=lambda p: (p.peak, p.work)):
            if part.work < least:
                least = part.work
                yield part


def _windows(steps: Sequence[Step]) -> Iterator[tuple[int, int]]:
    """The longest runs of operators that can stream together; they may overlap.

    A run never holds both the producer of a tensor and an operator that waits until all of it is there: the tensor
    would need all its bytes, and what else that operator reads as well.
    """
    position = {id(step.node): number for number, step in enumerate(steps)}
    start = 0
    for stop, step in enumerate(steps):
        after = stop + 1 if not step.streams else max((position[id(n)] + 1 for n in _complete(step)), default=0)
        if after > start:
            if stop > start:
                yield start, stop
            start = after
    if start < len(steps):
        yield start, len(steps)


def _complete(step: Step) -> Iterator[Node]:
    """The operators that must have run before a step begins: it reads their results through views, or whole."""
    stages = step.forms[1].stages
    for value, feed in (read for stage in stages for read in stage.reads):
        root = stored(value)
        made_inside = any(value is stage.output for stage in stages)
        if root is not None and root.producer is not None and not made_inside and (root is not value or feed.is_fixed):
            yield root.producer


class _Run:
    """A longest run of operators that can be streamed, `heights` rows at a time, and how rows flow through it.

    How far a reader lags behind depends on the operators between, not on where a segment begins or ends: so one run
    of the rows tells the line buffers and overlaps of every segment inside. Blocks may begin at other rows, though, and
    what leaves a segment is not held back by readers after it: `exact` is a run that is a segment by itself.
    """

    def __init__(
        self, graph: Graph, steps: Sequence[Step], start: int, stop: int, pushed: Value | None,
        heights: tuple[int, ...], exact: bool,
    ) -> None:
        self.start, self.stop, self.heights = start, stop, heights
        forms = _aligned(steps[start:stop], heights)
        stages = [(number, stage) for number, form in enumerate(forms) for stage in form.stages]
        pushed = pushed if any(v is pushed for _, stage in stages for v, _ in stage.reads) else None
        flow = SegmentLines([stage for _, stage in stages], graph, pushed)
        self.lines, self._row_bytes, self._trace = flow.numbers, flow.row_bytes, flow.flowing if exact else flow.trace
        self._stage = {id(stage.output): number for number, (_, stage) in enumerate(stages)}
        self._trails = {id(form.stages[-1].output): form.trails for form in forms}
        self.line_bytes: dict[int, int] = {}
        self.work, self.scratch = [form.work for form in forms], [form.scratch for form in forms]
        if flow.pushed is not None:
            self.line_bytes[id(pushed)] = flow.depths[flow.pushed] * flow.row_bytes[flow.pushed]
            self.work[0] += BYTE_INSTRUCTIONS * self._trace.moved_rows(flow.pushed) * flow.row_bytes[flow.pushed]
        self.hidden_bytes = [0] * (stop - start)  # of tensors that only exist in the streamed form (sums)
        for number, stage in stages:
            line = flow.numbers[id(stage.output)]
            depth = flow.depths[line] if flow.is_internal[line] or not exact else stage.rows
            self.work[number] += BYTE_INSTRUCTIONS * self._trace.moved_rows(line, depth) * stage.row_bytes
            self.line_bytes[id(stage.output)] = depth * stage.row_bytes
            if stage.output.producer is None:
                self.hidden_bytes[number] += depth * stage.row_bytes

    @cache  # noqa: B019  a run lives as long as one choice
    def distance(self, source: int, output: int) -> int:
        """Bytes by which a result must lie below a tensor that dies in the segment (both by identity)."""
        line, out, kernel = self.lines[source], self.lines[output], self._trails[output].get(source)
        return self._trace.trail_distance(
            self._stage[output], line, self._row_bytes[line], self._row_bytes[out], kernel
        )


def _aligned(steps: Sequence[Step], heights: Sequence[int]) -> list[Form]:
    """The forms of steps that stream together, as `segment_stages` makes them."""
    made: dict[int, RowStage] = {}
    found: list[Form] = []
    for step, height in zip(steps, heights, strict=True):
        form = step.form(height, first_block(step.node, height, made)) or step.forms[1]
        made |= {id(stage.output): stage for stage in form.stages}
        found.append(form)
    return found


def _tensors(graph: Graph, steps: Sequence[Step]) -> dict[int, _Tensor]:
    """Lives of all tensors in steps. A view prolongs the life of what it shows, which then needs all of its bytes."""
    position = {id(step.node): number for number, step in enumerate(steps)}
    found: dict[int, _Tensor] = {}
    for value in (*graph.inputs, *(v for node in graph.nodes for v in node.outputs)):
        if value.producer is not None and id(value.producer) not in position:
            continue  # a view: counted with what it shows
        last, whole = _last_use(graph, value, position)
        made = -1 if value.producer is None else position[id(value.producer)]
        found[id(value)] = _Tensor(value.type.bytes, made, max(made, last), whole)
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
