"""Graph + Schedule → Program: every value gets a buffer, every operator a kernel call.

Views (reshape) share their input's buffer. An operator with a window that has a batch runs once per image, in a loop.
Operators of a segment run together, a few rows at a time, through line buffers.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from tinyc.errors import UsageError
from tinyc.ir.access import Elementwise, Window
from tinyc.ir.graph import Graph, Node, Value
from tinyc.ir.types import Signature, TensorType
from tinyc.program.flow import Stage, Trace, trace
from tinyc.program.kernel import Kernel, Site, find_kernel, needs_kernel, select
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
from tinyc.program.rows import RowStage, line_rows, segment_stages

if TYPE_CHECKING:
    from tinyc.schedule.schedule import Schedule
    from tinyc.targets import Target

IMAGE = "image"  # the loop variable of a batch
POSITION_BYTES, LINE_BYTES = 8, 4  # sizeof(tinyc_position), sizeof(tinyc_line_state)


def lower(graph: Graph, schedule: Schedule, target: Target) -> Program:
    """The program of a scheduled graph. The graph's outputs must be results or inputs, not constants.

    Raises UsageError where a segment of the schedule, or the input, cannot be streamed as the schedule asks.
    """
    return _Lowering(graph, schedule, target).program()


class _Lowering:
    def __init__(self, graph: Graph, schedule: Schedule, target: Target) -> None:
        self.graph, self.schedule, self.target = graph, schedule, target
        self.buffers: dict[str, Buffer] = {}
        self.home: dict[str, str] = {}  # value → buffer
        self.streamed = {name for segment in schedule.segments for name in segment}

    def program(self) -> Program:
        self.pushed = streamed_input(self.graph, self.schedule.segments) if self.schedule.stream_input else None
        for value in self.graph.inputs:
            if value is not self.pushed:
                self._new_buffer(value, is_input=True)
        body = [s for nodes in self._steps() for s in self._statements(nodes)]
        outputs = tuple(self._port(v) for v in self.graph.outputs)
        for port in outputs:
            self.buffers[port.place.buffer] = replace(self.buffers[port.place.buffer], is_output=True)
        constants = {name: v.data for name, v in self.graph.constants.items()}
        inputs = tuple(self._port(v) for v in self.graph.inputs)
        return Program(self.graph.name, self.buffers, constants, tuple(body), inputs, outputs)

    def _steps(self) -> Iterator[list[Node]]:
        """Nodes in order; those of a segment together."""
        by_name = {node.output.name: node for node in self.graph.nodes}
        segments = {name: segment for segment in self.schedule.segments for name in segment}
        for name in self.schedule.order:
            segment = segments.get(name, (name,))
            if name == segment[0]:
                yield [by_name[n] for n in segment]

    # -- places
    def _buffer(self, bytes: int, label: str, **roles: bool) -> Range:
        name = f"{'s' if roles.get('is_scratch') else ''}{len(self.buffers)}"
        self.buffers[name] = Buffer(name, bytes, label, **roles)
        return Range(name, 0, bytes)

    def _new_buffer(self, value: Value, *, is_input: bool = False) -> Range:
        place = self._buffer(value.type.bytes, value.name, is_input=is_input)
        self.home[value.name] = place.buffer
        return place

    def _home(self, value: Value) -> str:
        """The buffer that holds a value; a view lies where its operand does."""
        if value.name not in self.home:
            node = value.producer
            if node is None or needs_kernel(node):
                raise UsageError(f"a segment would need {value.name!r} before it is there; split it in two")
            self.home[value.name] = self._home(node.input(0))
        return self.home[value.name]

    def _range(self, value: Value) -> Range:
        return Range(self._home(value), 0, value.type.bytes)

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
    def _statements(self, nodes: list[Node]) -> list[Statement]:
        if nodes[0].output.name in self.streamed:
            return [self._segment(nodes)]
        (node,) = nodes
        if not needs_kernel(node):
            self._home(node.output)
            return []
        return [self._call(node)]

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

    def _segment(self, nodes: list[Node]) -> Segment:
        stages = segment_stages(nodes, [self.schedule.height(node.output.name) for node in nodes])
        pushed = self.pushed if nodes[0].output.name == self.schedule.order[0] else None
        lines = SegmentLines([stage for _, stage in stages], self.graph, pushed)
        for number in lines.stored:
            self._home(lines.values[number])
        places = [self._line_place(number, lines) for number in range(len(lines.values))]
        kernels = {
            id(variant): stage_kernel(self._kernel(node), stage, self.target)
            for node, stage in stages for variant in stage.variants
        }
        calls_of = [(kernels[id(v)], v.site) for _, stage in stages for v in stage.variants]
        scratch = self._scratch(calls_of, f"the segment from {nodes[0].name}")
        operators = []
        for (_, stage), flow_stage in zip(stages, lines.stages, strict=True):
            read = {id(value) for value, _ in stage.reads}
            calls = []
            for v in stage.variants:
                inputs = tuple(
                    Rows(lines.numbers[id(x)]) if x is not None and id(x) in read else self._operand(x)
                    for x in v.inputs
                )
                call = Call(kernels[id(v)], v.site, inputs, (Rows(flow_stage.output),), scratch, stage.name)
                calls.append((v.first, call))
            operators.append(StreamedOperator(flow_stage, tuple(calls)))
        table = zip(places, lines.values, lines.rows, lines.row_bytes, strict=True)
        state_bytes = POSITION_BYTES + LINE_BYTES * len(places)
        state = self._buffer(state_bytes, "rows of every line", is_state=True) if pushed else None
        made = tuple(Line(p, rows, size, v.name) for p, v, rows, size in table)
        return Segment(made, tuple(operators), lines.pushed, state)

    def _line_place(self, number: int, lines: SegmentLines) -> Range:
        value, whole = lines.values[number], lines.rows[number] * lines.row_bytes[number]
        if value.name in self.home:
            return Range(self.home[value.name], 0, whole)
        if number == lines.pushed:
            place = self._buffer(lines.depths[number] * lines.row_bytes[number], value.name, is_input=True)
            self.home[value.name] = place.buffer
            return place
        if not lines.is_internal[number]:
            return self._new_buffer(value)
        depth = lines.depths[number]
        return self._buffer(depth * lines.row_bytes[number], f"{value.name}, {depth} of {lines.rows[number]} rows")


def stage_kernel(kernel: Kernel, stage: RowStage, target: Target) -> Kernel:
    """A node's kernel for one of its stages: those that the compiler adds (sums) have the one that serves them best."""
    if all(isinstance(site.op, kernel.op) for site in stage.sites):
        return kernel
    return select(stage.name, stage.sites[:1], target)


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
    def flowing(self) -> Trace:
        """The rows flowing through the lines that there will be: line buffers inside, whole tensors at the ends."""
        ends = [not inside and number != self.pushed for number, inside in enumerate(self.is_internal)]
        depths = [rows if end else depth for rows, depth, end in zip(self.rows, self.depths, ends, strict=True)]
        return trace(self.rows, self.stages, self.pushed, depths)


def streamed_input(graph: Graph, segments: Sequence[Sequence[str]]) -> Value:
    """The input that the caller pushes row by row. Raises UsageError where it cannot be."""
    if len(graph.inputs) != 1:
        raise UsageError(f"only a single input can be streamed; the network has {len(graph.inputs)}")
    (image,) = graph.inputs
    first = set(segments[0]) if segments and graph.nodes and segments[0][0] == graph.nodes[0].output.name else set()
    late = [user.name for user in image.users if user.output.name not in first]
    if late or graph.is_output(image) or not image.uses:
        reader = f"{late[0]!r} reads it whole" if late else "nothing reads it row by row"
        raise UsageError(f"input {image.name!r} cannot be streamed: {reader}. Build with --input stored.")
    return image


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
