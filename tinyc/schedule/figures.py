"""A network as numbers: what the choice of segments needs to know of its operators and tensors, and nothing else.

Tensors have numbers instead of names, so that the figures of a block of layers are those of the same block anywhere:
`tinyc.nas.joining` puts networks together from blocks whose figures are known.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from tinyc.ir.graph import Graph, Value
from tinyc.program.flow import Feed
from tinyc.program.lines import SegmentLines
from tinyc.program.rows import RowStage, first_block, line_rows
from tinyc.schedule.step import BYTE_INSTRUCTIONS, Form, Means, Step
from tinyc.schedule.tasks import stored

HIDDEN = -1  # the line between the two stages of an operator


class Tensor(NamedTuple):
    """Bytes and life of a tensor, in steps. `line`: bytes of it while it only exists inside a segment that makes
    single rows; None where it then needs all its bytes. An input is made before step 0, an output lives to the end.
    """

    bytes: int
    made: int
    last: int
    line: int | None


@dataclass(frozen=True, slots=True)
class Read:
    """How a stage reads a tensor, of which it sees so many rows."""

    tensor: int
    rows: int
    feed: Feed


@dataclass(frozen=True, slots=True)
class Stage:
    """One stage of an operator that makes a block of rows at a time: of `first` rows, and then of `height`."""

    output: int
    rows: int
    reads: tuple[Read, ...]
    height: int = 1
    first: int = 1


@dataclass(frozen=True, slots=True)
class Kernel:
    """What one kernel of an operator needs: scratch, instructions of an inference, and trails: (tensor, rows that are
    seen of it, bytes by which the output must lie below it)."""

    name: str
    scratch: int
    work: float
    trails: tuple[tuple[int, int, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Operation:
    """One operator: its results, and kernels for it as a whole, the fastest first, each with less scratch than before.

    In rows: its stages (none where it cannot stream), kernels ordered likewise, bytes of hidden lines, tensors of which
    all must be there before it begins even then, and the instructions that rows add; those `moved` are of moving the
    rows of its results, which no segment does that ends with it.
    """

    made: tuple[int, ...]
    whole: tuple[Kernel, ...]
    stages: tuple[Stage, ...] = ()
    rows: tuple[Kernel, ...] = ()
    hidden: int = 0
    complete: tuple[int, ...] = ()
    row_work: int = 0
    moved: int = 0


@dataclass(frozen=True, eq=False)
class Figures:
    """A network in the order of its execution; `pushed` is the input whose rows arrive one by one, and `entry` the
    instructions of moving them."""

    operations: Sequence[Operation]
    tensors: Sequence[Tensor]
    pushed: int | None = None
    entry: int = 0


@dataclass(frozen=True)
class Blocks:
    """A segment in blocks of other heights: its operations, bytes of its lines by tensor, instructions of moving a
    pushed input, instructions that it adds."""

    operations: tuple[Operation, ...]
    lines: Mapping[int, int]
    entry: int = 0

    @property
    def work(self) -> int:
        return self.entry + sum(op.row_work for op in self.operations)


class FigureReader:
    """Reads the figures of a graph whose operators run as these steps."""

    def __init__(self, graph: Graph, steps: Sequence[Step], pushed: Value | None = None) -> None:
        self.graph, self.steps, self.pushed = graph, steps, pushed
        self._position = {id(step.node): number for number, step in enumerate(steps)}
        self._values = list(dict.fromkeys([*graph.inputs, *(v for step in steps for v in step.node.outputs)]))
        self._number = {id(value): number for number, value in enumerate(self._values)}

    def figures(self) -> Figures:
        """In single rows, which need the least."""
        operations = [self._operation(step, step.single) for step in self.steps]
        tensors = tuple(self._tensor(value) for value in self._values)
        pushed = None if self.pushed is None else self._number[id(self.pushed)]
        lines, entry = dict[int, int](), 0
        # How many rows a line holds does not depend on where a segment begins or ends around it.
        for start, stop in windows(Figures(tuple(operations), tensors)):
            forms = [form for step in self.steps[start:stop] if (form := step.single)]
            found = self._flow(forms, operations[start:stop])
            operations[start:stop] = found.operations
            lines |= found.lines
            entry = max(entry, found.entry)
        tensors = tuple(t if t.line is None else t._replace(line=lines.get(n)) for n, t in enumerate(tensors))
        return Figures(tuple(operations), tensors, pushed, entry)

    def blocks(self, start: int, stop: int, heights: Sequence[int]) -> Blocks:
        """A segment by itself, so many rows at a time."""
        made: dict[int, RowStage] = {}
        forms: list[Form] = []
        for step, height in zip(self.steps[start:stop], heights, strict=True):
            form = step.form(height, first_block(step.node, height, made)) or step.single
            assert form is not None
            made |= {id(stage.output): stage for stage in form.stages}
            forms.append(form)
        plain = [self._operation(step, form) for step, form in zip(self.steps[start:stop], forms, strict=True)]
        return self._flow(forms, plain, exact=True)

    def _operation(self, step: Step, form: Form | None) -> Operation:
        made = tuple(self._number[id(v)] for v in step.node.outputs)
        whole = self._kernels(step.kernels, step.node.inputs)
        if form is None:
            return Operation(made, whole)
        rows = self._kernels(form.kernels, [value for value, _ in form.stages[-1].reads])
        made_here = {id(stage.output): stage.rows for stage in form.stages}
        stages = tuple(self._stage(stage, made_here) for stage in form.stages)
        complete = dict.fromkeys(  # what it reads whole, or through a view
            self.number(value) for stage in form.stages for value, feed in stage.reads
            if self.number(value) != HIDDEN and (feed.is_fixed or stored(value) is not value)
        )
        return Operation(made, whole, stages, rows, 0, tuple(complete), form.work)

    def _kernels(self, kernels: Sequence[Means], reads: Sequence[Value | None]) -> tuple[Kernel, ...]:
        def trails(means: Means) -> Iterator[tuple[int, int, int]]:
            for index, distance in means.trails:
                value = reads[index]
                if value is not None and self.number(value) != HIDDEN:
                    yield self.number(value), line_rows(value.type), distance

        return tuple(Kernel(means.kernel, means.scratch, means.work, tuple(trails(means))) for means in kernels)

    def _stage(self, stage: RowStage, made_here: Mapping[int, int]) -> Stage:
        """`made_here`: rows of what the operator's own stages make, by the identity of the value."""
        reads = (
            Read(self.number(value), made_here.get(id(value), line_rows(value.type)), feed)
            for value, feed in stage.reads
        )
        return Stage(self.number(stage.output), stage.rows, tuple(reads), stage.height, stage.first)

    def number(self, value: Value) -> int:
        """The number of the tensor whose bytes a value shows; HIDDEN for what only exists in rows."""
        return self._number.get(id(stored(value)), HIDDEN)

    def name(self, number: int) -> str:
        """Of the value that a number stands for."""
        return self._values[number].name

    def _tensor(self, value: Value) -> Tensor:
        last, whole = last_use(self.graph, value, self._position)
        made = -1 if value.producer is None else self._position[id(value.producer)]
        last = max(made, last, 0)  # an input is there when the first step begins, read or not
        return Tensor(value.type.bytes, made, last, None if whole or not value.uses else value.type.bytes)

    def _flow(self, forms: Sequence[Form], operations: Sequence[Operation], *, exact: bool = False) -> Blocks:
        """Lines, hidden ones too, and the work of moving their rows. Where the segment ends exactly here, lines that
        leave it have all their rows."""
        stages = [(number, stage) for number, form in enumerate(forms) for stage in form.stages]
        pushed = self.pushed if any(v is self.pushed for _, stage in stages for v, _ in stage.reads) else None
        flow = SegmentLines([stage for _, stage in stages], self.graph, pushed)
        trace = flow.flowing if exact else flow.trace
        hidden, work, moved = [0] * len(forms), [form.work for form in forms], [0] * len(forms)
        lines, entry = dict[int, int](), 0
        if pushed is not None and flow.pushed is not None:
            lines[self._number[id(pushed)]] = flow.depths[flow.pushed] * flow.row_bytes[flow.pushed]
            entry = _moving(trace.moved_rows(flow.pushed), flow.row_bytes[flow.pushed])
        for number, stage in stages:
            line = flow.numbers[id(stage.output)]
            depth = flow.depths[line] if flow.is_internal[line] or not exact else stage.rows
            moving = _moving(trace.moved_rows(line, depth), stage.row_bytes)
            work[number] += moving
            if stage.output.producer is None:
                hidden[number] += depth * stage.row_bytes
            else:
                lines[self._number[id(stage.output)]] = depth * stage.row_bytes
                moved[number] += moving
        found = zip(operations, hidden, work, moved, strict=True)
        return Blocks(tuple(replace(o, hidden=h, row_work=w, moved=m) for o, h, w, m in found), lines, entry)


def windows(network: Figures) -> Iterator[tuple[int, int]]:
    """The longest runs of operators that can stream together; they may overlap (`longest_segments`)."""
    operations = network.operations
    longest = longest_segments(
        [t.made for t in network.tensors], [len(op.rows) for op in operations], [len(op.complete) for op in operations],
        [number for op in operations for number in op.complete],
    )
    for start, stop in enumerate(longest):
        if stop > start and (start == 0 or longest[start - 1] != stop):
            yield start, stop


def longest_segments(made: Any, row_count: Any, complete_count: Any, complete: Any) -> list[int]:
    """By step, where the longest segment that begins there ends; the step itself where none does. From columns as
    `tinyc.schedule.search.tables` has them: the search reads this too, compiled.

    A segment never holds both the producer of a tensor and an operator that waits until all of it is there: the tensor
    would need all its bytes, and what else that operator reads as well.
    """
    count = len(row_count)
    found, start, k = [0] * count, 0, 0
    for step in range(count):
        after = 0 if row_count[step] > 0 else step + 1
        for waiting in range(k, k + complete_count[step]):
            after = max(after, made[complete[waiting]] + 1)
        k += complete_count[step]
        if after > start:
            for covered in range(start, step):
                found[covered] = step
            found[step] = step
            start = after
    for covered in range(start, count):
        found[covered] = count
    return found


def _moving(rows: int, bytes: int) -> int:
    """Instructions of moving rows of so many bytes: whole ones, so that their sums do not depend on the order."""
    return round(BYTE_INSTRUCTIONS * rows * bytes)


def last_use(graph: Graph, value: Value, position: Mapping[int, int]) -> tuple[int, bool]:
    """The last step that reads a tensor (the number of steps for an output), and whether it is seen through a view."""
    last, whole = (len(position), True) if graph.is_output(value) else (-1, False)
    for user in value.users:
        if id(user) in position:
            last = max(last, position[id(user)])
        else:
            last, whole = max(last, last_use(graph, user.output, position)[0]), True
    return last, whole
