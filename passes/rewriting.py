"""What several passes need: taking a node out of the graph, and knowing which nodes change no memory."""

from __future__ import annotations

import math

import numpy as np

from tinyc.ir.access import Access, AxisAccess, Elementwise, Sampled, Window
from tinyc.ir.graph import Graph, Node, Value
from tinyc.ir.types import Array, DType, Shape, Signature

CODES = np.arange(-128, 128, dtype=np.int8)  # every int8 code, once, in ascending order


def can_stand_for(graph: Graph, new: Value, old: Value) -> bool:
    """Whether `new` may be seen by all who see `old`.

    A network output must be the result of a node, and of one output only: callers write inputs and read outputs
    independently of each other.
    """
    return not graph.is_output(old) or (new.producer is not None and not graph.is_output(new))


def replace_result(graph: Graph, node: Node, new: Value) -> bool:
    """Let every reader of the node's one result read `new` and erase the node; False where `new` may not stand for it.

    `new` takes the result's name where the caller sees it, and its source if it has none that fits.
    """
    old = node.output
    if not can_stand_for(graph, new, old):
        return False
    name = old.name if graph.is_output(old) else None
    if old.type == new.type:
        new.source = new.source or old.source
    graph.replace_value(old, new)
    graph.erase(node)
    if name is not None:
        graph.rename(new, name)
    return True


def bypass(graph: Graph, node: Node) -> bool:
    """Remove a node whose result equals its first input; False where the network's ends keep it."""
    return replace_result(graph, node, node.input(0))


def sole_operand(node: Node) -> Value | None:
    """The value that the node reads, if it reads no other, once, and has one result."""
    present = [v for v in node.inputs if v is not None]
    return present[0] if len(present) == 1 and len(node.outputs) == 1 else None


def keeps_memory(node: Node) -> bool:
    """Whether the node's result is its operand's bytes, unchanged and in the same order (perhaps under another shape).

    The access map says that the order is kept; running the reference on every code says that the codes are.
    """
    x = sole_operand(node)
    if x is None or x.is_constant:
        return False
    if node.op.is_view:
        return True
    y = node.output.type
    alike = x.type.dtype is y.dtype is DType.int8 and x.type.quant == y.quant and x.type.elements == y.elements
    access = node.access()[0]
    return alike and access is not None and _keeps_order(access, x.type.shape, y.shape) and _keeps_codes(node)


def _keeps_order(access: Access, x: Shape, y: Shape) -> bool:
    """Whether output element k reads input element k alone, counting both in memory order."""
    if access.is_elementwise:
        return True
    followed = [_followed(axis, size) for axis, size in zip(access.axes, x, strict=True) if size != 1]
    if None in followed or [y[axis] for axis in followed if axis is not None] != [n for n in x if n != 1]:
        return False
    return followed == sorted(set(followed), key=lambda axis: -1 if axis is None else axis)


def _followed(axis: AxisAccess, size: int) -> int | None:
    """The output axis whose index is this input axis's index, if there is one."""
    match axis:
        case Elementwise():
            return axis.axis
        case Window():
            return axis.axis if (axis.extent, axis.stride, axis.before) == (1, 1, 0) else None
        case Sampled():
            return axis.axis if axis.source == tuple(range(size)) else None
    return None


def _keeps_codes(node: Node) -> bool:
    """Whether the reference gives back each of the 256 codes."""
    shape = node.input(0).type.shape
    return all(np.array_equal(y.ravel(), x.ravel()) for x, y in ((x, _run(node, x)) for x in _code_tensors(shape)))


def _run(node: Node, x: Array) -> Array:
    return node.op.reference(node.signature, x)[0]


def _code_tensors(shape: Shape) -> list[Array]:
    """Tensors of a shape that hold every code between them."""
    size = math.prod(shape)
    return [np.resize(np.roll(CODES, -start), shape) for start in range(0, len(CODES), max(1, size))]


def spread(values: Array, signature: Signature) -> Array:
    return np.resize(values, signature.output.shape)
