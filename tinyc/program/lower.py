"""Graph + Schedule → Program: every value gets a buffer, every operator a kernel call.

The segments of the schedule become operators of the graph first (`tinyc.program.segment`), with line buffers inside.
Views (reshape) share their input's buffer. An operator with a window that has a batch runs once per image, in a loop.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from tinyc.errors import UsageError
from tinyc.ir.access import Elementwise, Window
from tinyc.ir.graph import Graph, Node, Value
from tinyc.ir.types import Signature, TensorType
from tinyc.program.kernel import Kernel, Site, find_kernel, needs_kernel, select
from tinyc.program.lines import SegmentLines
from tinyc.program.program import (
    Buffer,
    Call,
    Flash,
    Line,
    Loop,
    Operand,
    Port,
    Program,
    Range,
    Rows,
    Segment,
    Statement,
    StreamedOperator,
)
from tinyc.program.rows import RowStage, row_stages
from tinyc.program.segment import SegmentOperator, form_segments

if TYPE_CHECKING:
    from tinyc.schedule.schedule import Schedule
    from tinyc.targets import Target

IMAGE = "image"  # the loop variable of a batch
STATE = "rows of every line"  # the label of what must outlive a push
POSITION_BYTES, LINE_BYTES = 8, 4  # sizeof(tinyc_position), sizeof(tinyc_line_state)


def state_bytes(lines: int) -> int:
    """What must outlive a push: the place in the list of events, and the state of so many lines."""
    return POSITION_BYTES + LINE_BYTES * lines


def lower(graph: Graph, schedule: Schedule, target: Target) -> Program:
    """The program of a scheduled graph. The graph's outputs must be results or inputs, not constants.

    Raises UsageError where a segment of the schedule, or the input, cannot be streamed as the schedule asks.
    """
    return _Lowering(graph, schedule, target).program()


class _Lowering:
    def __init__(self, graph: Graph, schedule: Schedule, target: Target) -> None:
        if schedule.stream_input:
            check_streamed_input(graph, schedule.segments)
        self.graph, self.schedule, self.target = with_segments(graph, schedule), schedule, target
        self.pushed = self.graph.inputs[0] if schedule.stream_input else None
        self.buffers: dict[str, Buffer] = {}
        self.home: dict[int, str] = {}  # value, by identity → buffer

    def program(self) -> Program:
        for value in self.graph.inputs:
            if value is not self.pushed:
                self._new_buffer(value, is_input=True)
        body = [s for node in self.graph.nodes for s in self._statements(node)]
        outputs = tuple(self._port(v) for v in self.graph.outputs)
        for port in outputs:
            self.buffers[port.place.buffer] = replace(self.buffers[port.place.buffer], is_output=True)
        constants = {name: v.data for name, v in self.graph.constants.items()}
        inputs = tuple(self._port(v) for v in self.graph.inputs)
        return Program(self.graph.name, self.buffers, constants, tuple(body), inputs, outputs)

    # -- places
    def _buffer(self, bytes: int, label: str, **roles: bool) -> Range:
        name = f"{'s' if roles.get('is_scratch') else ''}{len(self.buffers)}"
        self.buffers[name] = Buffer(name, bytes, label, **roles)
        return Range(name, 0, bytes)

    def _new_buffer(self, value: Value, *, is_input: bool = False) -> Range:
        place = self._buffer(value.type.bytes, value.name, is_input=is_input)
        self.home[id(value)] = place.buffer
        return place

    def _range(self, value: Value) -> Range:
        return Range(self.home[id(value)], 0, value.type.bytes)

    def _port(self, value: Value) -> Port:
        return Port(value.source or value.name, value.type, self._range(value))

    def _operand(self, value: Value | None) -> Operand:
        if value is None:
            return None
        return Flash(value.name) if value.is_constant else self._range(value)

    def _scratch(self, kernels: Iterable[tuple[Kernel, Site]], label: str) -> Range | None:
        """One buffer that is large enough for each of these calls, none of which runs while another does."""
        bytes = max(int(kernel.scratch(site, self.target)) for kernel, site in kernels)
        return self._buffer(bytes, f"scratch of {label}", is_scratch=True) if bytes else None

    def _kernel(self, node: Node) -> Kernel:
        return find_kernel(self.schedule.kernels[node.output.name])

    # -- statements
    def _statements(self, node: Node) -> Iterator[Statement]:
        if isinstance(node.op, SegmentOperator):
            yield self._segment(node, node.op)
        elif needs_kernel(node):
            yield self._call(node)
        else:
            self.home[id(node.output)] = self.home[id(node.input(0))]  # a view lies where its operand does

    def _call(self, node: Node) -> Statement:
        kernel, (site, images) = self._kernel(node), one_image(node)
        inputs = tuple(self._operand(v) for v in node.inputs)
        outputs = tuple(self._new_buffer(v) for v in node.outputs)
        scratch = self._scratch([(kernel, site)], node.name)
        if images == 1:
            return Call(kernel, site, inputs, outputs, scratch, node.name)
        moving = tuple(_per_image(r, images) if isinstance(r, Range) else r for r in inputs)
        written = tuple(_per_image(r, images) for r in outputs)
        return Loop(IMAGE, images, (Call(kernel, site, moving, written, scratch, node.name),))

    def _segment(self, node: Node, op: SegmentOperator) -> Segment:
        ends = zip((*op.body.parameters, *op.body.results), (*node.inputs, *node.outputs), strict=True)
        outside = {id(inside): value for inside, value in ends}
        pushed = next((p for p in op.body.parameters if outside[id(p)] is self.pushed), None)
        lines = SegmentLines([stage for _, stage in op.stages], op.body.graph, pushed)
        places = [self._line_place(number, held, lines, outside) for number, held in enumerate(lines.held)]
        calls = [self._row_calls(inner, stage, lines, outside) for inner, stage in op.stages]
        scratch = self._scratch(
            [(call.kernel, call.site) for own in calls for _, call in own], f"the segment from {op.body.nodes[0].name}"
        )
        operators = tuple(
            StreamedOperator(stage, tuple((first, replace(call, scratch=scratch)) for first, call in own))
            for stage, own in zip(lines.stages, calls, strict=True)
        )
        state = self._buffer(state_bytes(len(places)), STATE, is_state=True) if pushed else None
        table = zip(places, lines.values, lines.rows, lines.row_bytes, strict=True)
        return Segment(tuple(Line(p, rows, size, v.name) for p, v, rows, size in table), operators, lines.pushed, state)

    def _row_calls(
        self, node: Node, stage: RowStage, lines: SegmentLines, outside: Mapping[int, Value | None]
    ) -> list[tuple[int, Call]]:
        """The call of every variant, with the first row that it makes; scratch is shared by all of a segment."""
        kernel, read = stage_kernel(self._kernel(node), stage, self.target), {id(value) for value, _ in stage.reads}
        output = (Rows(lines.numbers[id(stage.output)]),)
        found = []
        for v in stage.variants:
            values = [None if x is None else outside.get(id(x), x) for x in v.inputs]
            inputs = tuple(
                Rows(lines.numbers[id(x)]) if x is not None and id(x) in read else self._operand(value)
                for x, value in zip(v.inputs, values, strict=True)
            )
            site = replace(v.site, data=tuple(None if value is None else value.data for value in values))
            found.append((v.first, Call(kernel, site, inputs, output, None, stage.name)))
        return found

    def _line_place(self, number: int, held: int, lines: SegmentLines, outside: Mapping[int, Value | None]) -> Range:
        """Where a line lies that holds so many rows."""
        value, whole = outside.get(id(lines.values[number])), lines.rows[number] * lines.row_bytes[number]
        if value is not None and id(value) in self.home:
            return Range(self.home[id(value)], 0, whole)
        if value is not None and number != lines.pushed:
            return self._new_buffer(value)
        if value is not None:
            place = self._buffer(held * lines.row_bytes[number], value.name, is_input=True)
            self.home[id(value)] = place.buffer
            return place
        label = f"{lines.values[number].name}, {held} of {lines.rows[number]} rows"
        return self._buffer(held * lines.row_bytes[number], label)


def with_segments(graph: Graph, schedule: Schedule) -> Graph:
    """A copy of a graph in the order of its schedule, each of whose segments is one operator.

    Raises UsageError where a segment cannot be executed.
    """
    wrapped = graph.copy()
    by_name = {node.output.name: node for node in wrapped.nodes}
    wrapped.reorder(by_name[name] for name in schedule.order)
    form_segments(wrapped, schedule.segments, schedule.heights)
    return wrapped


def stage_kernel(kernel: Kernel, stage: RowStage, target: Target) -> Kernel:
    """A node's kernel for one of its stages: those that the compiler adds (sums) have the one that serves them best."""
    if all(isinstance(site.op, kernel.op) for site in stage.sites):
        return kernel
    return select(stage.name, stage.sites[:1], target)


def check_streamed_input(graph: Graph, segments: Sequence[Sequence[str]]) -> None:
    """Raises UsageError where the caller cannot push the input row by row."""
    if len(graph.inputs) != 1:
        raise UsageError(f"only a single input can be streamed; the network has {len(graph.inputs)}")
    (image,) = graph.inputs
    first = set(segments[0]) if segments and graph.nodes and segments[0][0] == graph.nodes[0].output.name else set()
    late = [user for user in image.users if user.output.name not in first]
    if late or graph.is_output(image) or not image.uses:
        by_row = bool(late) and not isinstance(row_stages(late[0]), str)
        how = "reads it outside the segment that takes its rows" if by_row else "reads it whole"
        reader = f"{late[0].name!r} {how}" if late else "nothing reads it row by row"
        raise UsageError(f"input {image.name!r} cannot be streamed: {reader}. Build with --input stored.")


def one_image(node: Node) -> tuple[Site, int]:
    """The site of one call and how many there are: the batch is a loop where the operator slides a window."""
    site, access = Site.of(node), node.access()[0]
    images = node.output.type.shape[0] if node.output.type.rank else 1
    slides = access is not None and any(isinstance(a, Window) for a in access.axes)
    if images == 1 or access is None or not slides or access.axes[0] != Elementwise(0):
        return site, 1
    op = node.op.tile(site.sig, 0, (0, 1))
    if op is None:
        return site, 1
    constant = [v is None or v.is_constant for v in node.inputs]
    maps = [a for a, c in zip(node.access(), constant, strict=True) if c and a is not None]
    if any(Elementwise(0) in a.axes for a in maps):
        return site, 1  # a constant that differs from image to image cannot be cut
    inputs = tuple(t if t is None or c else _single(t) for t, c in zip(site.sig.inputs, constant, strict=True))
    return replace(site, op=op, sig=Signature(inputs, tuple(_single(t) for t in site.sig.outputs))), images


def _single(kind: TensorType) -> TensorType:
    return kind.with_shape((1, *kind.shape[1:]))


def _per_image(r: Range, images: int) -> Range:
    return replace(r, bytes=r.bytes // images, steps=((IMAGE, r.bytes // images),))
