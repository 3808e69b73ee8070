"""Graph + Schedule → Program: every value gets a buffer, every operator a kernel call.

Views (reshape) share their input's buffer. An operator with a window that has a batch runs once per image, in a loop.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from tinyc.ir.access import Elementwise, Window
from tinyc.ir.graph import Graph, Node, Value
from tinyc.ir.types import Signature, TensorType
from tinyc.program.kernel import Kernel, Site, find_kernel
from tinyc.program.program import Buffer, Call, Flash, Loop, Operand, Port, Program, Range, Statement

if TYPE_CHECKING:
    from tinyc.schedule import Schedule
    from tinyc.targets import Target

IMAGE = "image"  # the loop variable of a batch


def lower(graph: Graph, schedule: Schedule, target: Target) -> Program:
    """The program of a scheduled graph. The graph's outputs must be results or inputs, not constants."""
    return _Lowering(graph, schedule, target).program()


class _Lowering:
    def __init__(self, graph: Graph, schedule: Schedule, target: Target) -> None:
        self.graph, self.schedule, self.target = graph, schedule, target
        self.buffers: dict[str, Buffer] = {}
        self.home: dict[str, str] = {}  # value → buffer

    def program(self) -> Program:
        for value in self.graph.inputs:
            self._new_buffer(value, is_input=True)
        by_name = {node.output.name: node for node in self.graph.nodes}
        body = [s for name in self.schedule.order for s in self._statement(by_name[name])]
        outputs = tuple(self._port(v) for v in self.graph.outputs)
        for port in outputs:
            self.buffers[port.place.buffer] = replace(self.buffers[port.place.buffer], is_output=True)
        constants = {name: v.data for name, v in self.graph.constants.items()}
        inputs = tuple(self._port(v) for v in self.graph.inputs)
        return Program(self.graph.name, self.buffers, constants, tuple(body), inputs, outputs)

    # -- places
    def _new_buffer(self, value: Value, *, is_input: bool = False) -> Range:
        name = f"{len(self.buffers)}"
        self.buffers[name] = Buffer(name, value.type.bytes, value.name, is_input=is_input)
        self.home[value.name] = name
        return self._range(value)

    def _range(self, value: Value) -> Range:
        return Range(self.home[value.name], 0, value.type.bytes)

    def _port(self, value: Value) -> Port:
        return Port(value.source or value.name, value.type, self._range(value))

    def _operand(self, value: Value | None) -> Operand:
        if value is None:
            return None
        return Flash(value.name) if value.is_constant else self._range(value)

    # -- statements
    def _statement(self, node: Node) -> list[Statement]:
        source = node.inputs[0]
        if node.op.is_view and source is not None and not source.is_constant:
            self.home[node.output.name] = self.home[source.name]
            return []
        inputs = tuple(self._operand(v) for v in node.inputs)
        kernel = find_kernel(self.schedule.kernels[node.output.name])
        outputs = tuple(self._new_buffer(v) for v in node.outputs)
        site = Site.of(node)
        images = _images(node)
        if images == 1:
            return [self._call(kernel, site, inputs, outputs, node.name)]
        single = replace(site, sig=_one_image(site.sig, inputs))
        moving = tuple(_per_image(r, images) if isinstance(r, Range) else r for r in inputs)
        written = tuple(_per_image(r, images) for r in outputs)
        return [Loop(IMAGE, images, (self._call(kernel, single, moving, written, node.name),))]

    def _call(
        self, kernel: Kernel, site: Site, inputs: tuple[Operand, ...], outputs: tuple[Range, ...], node: str
    ) -> Call:
        scratch, bytes = None, kernel.scratch(site, self.target)
        if bytes:
            name = f"s{len(self.buffers)}"
            self.buffers[name] = Buffer(name, bytes, f"scratch of {node}", is_scratch=True)
            scratch = Range(name, 0, bytes)
        return Call(kernel, site, inputs, outputs, scratch, node)


def _images(node: Node) -> int:
    """Rounds of a batch loop: the batch, where the operator slides a window and images do not mix."""
    access = node.access()[0]
    if access is None or not any(isinstance(a, Window) for a in access.axes):
        return 1
    return node.output.type.shape[0] if access.axes[0] == Elementwise(0) else 1


def _one_image(sig: Signature, inputs: tuple[Operand, ...]) -> Signature:
    def single(kind: TensorType) -> TensorType:
        return kind.with_shape((1, *kind.shape[1:]))

    moving = [isinstance(r, Range) for r in inputs]
    return Signature(
        tuple(single(t) if t and m else t for t, m in zip(sig.inputs, moving, strict=True)),
        tuple(single(t) for t in sig.outputs),
    )


def _per_image(r: Range, images: int) -> Range:
    return replace(r, bytes=r.bytes // images, steps=((IMAGE, r.bytes // images),))
