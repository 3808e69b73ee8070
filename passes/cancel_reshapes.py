"""Lets reshapes and transposes meet, merge and cancel."""

from __future__ import annotations

from dataclasses import dataclass, replace

from tinyc.ir.graph import Graph, Node, Value
from tinyc.ir.operator import TypeRuleError
from tinyc.ir.transform import Pass, graph_pass
from tinyc.ir.types import Shape
from tinyc.ops import Mean, Reshape, Transpose
from tinyc.ops.common import Movement
from tinyc.passes.origins import origin, passed_through
from tinyc.passes.rewriting import bypass, erase_if_unread, only_reader, pointwise_operand, replace_result


@graph_pass("cancel-reshapes", opt_level=1)
@dataclass(frozen=True)
class CancelReshapes(Pass):
    """Removes movements of data that undo each other, or that nobody notices.

    * A reshape of a reshape is one reshape, and one to the same shape is nothing.
    * A transpose that moves only axes of length 1 is a reshape; two transposes compose.
    * A transpose that undoes what movements before it did, whatever those are, is a reshape of what they began with.
    * A reshape or transpose moves before a function of single codes where it then meets another of its kind.
    * A transpose moves behind a mean, where it has less to move and often nothing: the sum that a mean
      takes is exact, so the order of its terms changes no result.
    """

    def rewrite(self, node: Node, graph: Graph) -> bool:
        match node.op:
            case Reshape():
                return _skip(node, graph) or _merge_reshapes(node, graph) or _hoist(node, graph)
            case Transpose():
                return (
                    _as_reshape(node, graph) or _compose(node, graph) or _undo(node, graph) or _hoist(node, graph)
                )
            case Mean():
                return _sink_behind_mean(node, graph)
        return False


def _skip(node: Node, graph: Graph) -> bool:
    return node.input(0).type == node.output.type and bypass(graph, node)


def _merge_reshapes(node: Node, graph: Graph) -> bool:
    first = node.input(0).producer
    if first is None or not isinstance(first.op, Reshape):
        return False
    graph.replace(node, inputs=[first.input(0)])
    erase_if_unread(graph, first)
    return True


def _as_reshape(node: Node, graph: Graph) -> bool:
    access = node.access()[0]
    if access is None or not access.is_elementwise:
        return False
    graph.replace(node, op=Reshape(node.output.type.shape))
    return True


def _compose(node: Node, graph: Graph) -> bool:
    first = node.input(0).producer
    if first is None or not isinstance(first.op, Transpose):
        return False
    assert isinstance(node.op, Transpose)
    perm = tuple(first.op.perm[axis] for axis in node.op.perm)
    graph.replace(node, op=Transpose(perm), inputs=[first.input(0)])
    erase_if_unread(graph, first)
    return True


def _undo(node: Node, graph: Graph) -> bool:
    """Look through the movements before a transpose for a value whose elements the result has in their order."""
    value = node.input(0)
    while value.producer is not None and isinstance(value.producer.op, Movement):
        before = passed_through(value.producer)
        if before is None:
            return False
        value = before
        if origin(node.output, value).keeps_order:
            passed = origin(node.input(0), value).nodes
            graph.replace(node, op=Reshape(node.output.type.shape), inputs=[value])
            for movement in passed:  # readers before what they read
                erase_if_unread(graph, movement)
            return True
    return False


# ---------------------------------------------------------------------- moving before a function
def _hoist(node: Node, graph: Graph) -> bool:
    """Put a movement before the function whose result it alone reads, if that leads it to its like."""
    function = node.input(0).producer
    if function is None or not _leads_to_like(node, graph):
        return False
    x, shape = pointwise_operand(function), node.output.type.shape
    if x is None or not _takes(function, x, shape):
        return False
    moved = graph.add(node.op, [x], x.type.with_shape(shape), name=node.name, before=function).output
    function = graph.replace(function, inputs=[moved if v is x else v for v in function.inputs])
    graph.retype(function.output, function.output.type.with_shape(shape))
    function.output.source = None  # the file's tensor has its elements in another shape or order
    return replace_result(graph, node, function.output)


def _leads_to_like(node: Node, graph: Graph) -> bool:
    """Whether only functions of single codes lie between this movement and an earlier one of its kind."""
    value = node.input(0)
    while value.producer is not None and only_reader(graph, value) is not None:
        if type(value.producer.op) is type(node.op):
            return True
        operand = pointwise_operand(value.producer)
        if operand is None or operand.type.shape != value.type.shape:
            return False
        value = operand
    return False


def _takes(function: Node, x: Value, shape: Shape) -> bool:
    """Whether the function maps a tensor of this shape, in place of x, to one of the same shape."""
    given = (x.type.with_shape(shape) if v is x else v.type if v else None for v in function.inputs)
    try:
        return function.op.infer(*given)[0][0] == shape
    except TypeRuleError:
        return False


# ---------------------------------------------------------------------- moving behind a mean
def _sink_behind_mean(node: Node, graph: Graph) -> bool:
    """mean(transpose(x)) becomes transpose(mean(x)), over the axes where those of the mean come from."""
    first = node.input(0).producer
    if first is None or not isinstance(first.op, Transpose) or only_reader(graph, first.output) is None:
        return False
    assert isinstance(node.op, Mean)
    perm, keep = first.op.perm, node.op.keep_dims
    mean = replace(node.op, axes=tuple(sorted(perm[axis] for axis in node.op.axes)))
    kept = [axis for i, axis in enumerate(perm) if keep or i not in node.op.axes]  # in the result's order
    x, y = first.input(0), node.output.type
    shape = mean.infer(x.type)[0][0]
    reduced = graph.add(mean, [x], y.with_shape(shape), name=node.name, before=node).output
    order = sorted(kept)
    graph.replace(node, op=Transpose(tuple(order.index(axis) for axis in kept)), inputs=[reduced])
    graph.erase(first)
    return True
