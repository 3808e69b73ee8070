"""What several passes share: finding a node by name, taking one out of the graph, what a node does to each code."""

from __future__ import annotations

import math

import numpy as np

from tinyc.errors import UsageError
from tinyc.ir.access import Access, AxisAccess, Elementwise, Window
from tinyc.ir.graph import Graph, Node, Value
from tinyc.ir.types import Array, DType, Shape
from tinyc.ops import Lut

CODES = np.arange(-128, 128, dtype=np.int8)  # every int8 code, rising: the table of the identity


# ---------------------------------------------------------------------- what an option names
def named_operator(graph: Graph, name: str, option: str) -> Node:
    """The operator with this name, or that of its tensor. Raises UsageError, naming the pass and its option."""
    for node in graph.nodes:
        if name in (node.name, node.output.name, node.output.source):
            return node
    known = ", ".join(node.name for node in graph.nodes[:8])
    raise UsageError(f"{option}={name or 'NAME'} is no operator of {graph.name}; the first are: {known}, …")


# ---------------------------------------------------------------------- taking a node out
def replace_result(graph: Graph, node: Node, new: Value) -> bool:
    """Let all who read the node's one result read `new`, of the same type and codes; erase the node.

    False, and no change, where `new` may not stand for a network output: that must be some node's result,
    and each output another's, because the caller writes inputs and reads outputs independently of each
    other. `new` takes over the name where the caller knows it, and name and source where it has no source
    of its own.
    """
    old = node.output
    seen = graph.is_output(old)
    if seen and (new.producer is None or graph.is_output(new)):
        return False
    named = seen or (new.source is None and not new.is_constant and new.producer is not None)
    new.source = new.source or old.source
    graph.replace_value(old, new)
    graph.erase(node)
    if named:
        graph.rename(new, old.name)
    return True


def bypass(graph: Graph, node: Node) -> bool:
    """Remove a node whose result is what its first input holds; False where `replace_result` refuses."""
    return replace_result(graph, node, node.input(0))


def erase_if_unread(graph: Graph, node: Node) -> None:
    """Remove a node that a rewrite left without readers."""
    if not any(value.uses or graph.is_output(value) for value in node.outputs):
        graph.erase(node)


def only_reader(graph: Graph, value: Value) -> Node | None:
    """The one node that reads this value, however often, if nothing else sees it."""
    return value.users[0] if len(value.users) == 1 and not graph.is_output(value) else None


# ---------------------------------------------------------------------- what a node does to each code
def pointwise_operand(node: Node) -> Value | None:
    """The one tensor x such that result element k is f(x element k), in memory order, with one f for all k.

    None where there is no such tensor. All other operands are constants: of one element, or a table.
    """
    tensors = {id(v): v for v in node.inputs if v is not None and not v.is_constant}
    if len(tensors) != 1 or len(node.outputs) != 1:
        return None
    (x,) = tensors.values()
    for value, access in zip(node.inputs, node.access(), strict=True):
        if value is x:
            if access is None or not _keeps_order(access):
                return None
        elif value is not None and value.type.elements != 1 and not isinstance(node.op, Lut):
            return None
    return x if x.type.elements == node.output.type.elements else None


def _keeps_order(access: Access) -> bool:
    return access.is_elementwise or all(_stays(axis, i) for i, axis in enumerate(access.axes))


def _stays(axis: AxisAccess, index: int) -> bool:
    """Whether output axis `index` has the same indices as this input axis; a window of one element counts."""
    match axis:
        case Elementwise():
            return axis.axis == index
        case Window():
            return (axis.axis, axis.extent, axis.stride, axis.before) == (index, 1, 1, 0)
    return False


def code_table(node: Node) -> Array | None:
    """int8[256]: entry i is the result's code where the operand's is i − 128; found by running the reference.

    None where the node is no such function of one int8 tensor, or a constant's data is not known.
    """
    x = pointwise_operand(node)
    if x is None or x.type.dtype is not DType.int8 or node.output.type.dtype is not DType.int8:
        return None
    if any(v is not None and v.is_constant and v.data is None for v in node.inputs):
        return None
    table = np.zeros(256, np.int8)
    for codes in _code_tensors(x.type.shape):
        operands = [codes if v is x else None if v is None else v.data for v in node.inputs]
        table[codes.ravel().astype(int) + 128] = node.op.reference(node.signature, *operands)[0].ravel()
    return table


def _code_tensors(shape: Shape) -> list[Array]:
    """Tensors of a shape that hold every code between them."""
    size = math.prod(shape)
    return [np.resize(np.roll(CODES, -start), shape) for start in range(0, len(CODES), size)]


def keeps_memory(node: Node) -> bool:
    """Whether the result is the operand's bytes and quantisation, perhaps under another shape."""
    if node.op.is_view:
        return True
    x, table = pointwise_operand(node), code_table(node)
    if x is None or table is None or x.type.quant != node.output.type.quant:
        return False
    return np.array_equal(table, CODES)
