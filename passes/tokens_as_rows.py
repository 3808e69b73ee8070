"""Gives tokens the shape [1,N,C], in which they are rows that can be streamed."""

from __future__ import annotations

import math
from dataclasses import dataclass

from tinyc.ir.access import AxisAccess, Elementwise, Whole
from tinyc.ir.graph import Graph, Node, Value
from tinyc.ir.transform import Pass, graph_pass
from tinyc.ir.types import Shape
from tinyc.ops import Reshape
from tinyc.passes.rewriting import erase_if_unread, replace_result


@graph_pass("tokens-as-rows", opt_level=1)
@dataclass(frozen=True)
class TokensAsRows(Pass):
    """An operator that computes each token alone, on [N,C] or [N,1,C], does so on [1,N,C] where its neighbour does.

    Exporters put a reshape before and after dense layers on tokens. Such an operator follows its neighbour into its
    shape; the reshapes move to where tokens end, and those that meet cancel (`cancel-reshapes`). An operand [N,C] that
    broadcasts to [1,N,C], and is a reshape of that, is read without the reshape.
    """

    def rewrite(self, node: Node, graph: Graph) -> bool:
        return _read_rows(node, graph) or self._follow(node, graph)

    def _follow(self, node: Node, graph: Graph) -> bool:
        shape = _tokens(node)
        operands = range(len(node.inputs))
        if shape is None or not _has_neighbour(node, shape):
            return False
        if not all(_is_same_for_all(node, i) or _is_read_by_token(node, i) for i in operands):
            return False
        inputs = [_as_rows(graph, node, i, shape) for i in operands]
        ((found, _),) = node.op.infer(*(None if v is None else v.type for v in inputs))
        made = graph.add(node.op, inputs, node.output.type.with_shape(found), name=node.name, before=node).output
        made.source, old = None, node.output.type.shape
        back = graph.add(Reshape(old), [made], made.type.with_shape(old), name=node.name, before=node).output
        return replace_result(graph, node, back)


def _read_rows(node: Node, graph: Graph) -> bool:
    """Let a node read tokens [1,N,C] where it reads them as [N,C] and takes element n, c for n, c alike."""
    inputs = list(node.inputs)
    for index, (value, access) in enumerate(zip(node.inputs, node.access(), strict=True)):
        view = None if value is None else value.producer
        if value is None or view is None or access is None or not isinstance(view.op, Reshape):
            continue
        broadcast = value.type.rank == 2 and access.axes == (Elementwise(1), Elementwise(2))
        if broadcast and view.input(0).type.shape == node.output.type.shape == (1, *value.type.shape):
            inputs[index] = view.input(0)
    changed = any(a is not b for a, b in zip(inputs, node.inputs, strict=True))
    if changed:
        views = [v.producer for v in node.inputs if v is not None and v.producer is not None]
        graph.replace(node, inputs=inputs)
        for view in views:
            if isinstance(view.op, Reshape) and graph.has(view):
                erase_if_unread(graph, view)
    return changed


def _tokens(node: Node) -> Shape | None:
    """(1, N) for a result [N,C] or [N,1,C] of several tokens."""
    if len(node.outputs) != 1 or node.op.is_view:
        return None
    shape = node.output.type.shape
    several = len(shape) == 2 or (len(shape) == 3 and shape[0] > 1)
    return (1, math.prod(shape[:-1])) if several and math.prod(shape[:-1]) > 1 else None


def _has_neighbour(node: Node, shape: Shape) -> bool:
    """Whether an operand was, or the result becomes, tokens [1,N,·] by a reshape that keeps rows apart."""
    before = [v.producer.input(0) for v in node.inputs if v is not None and v.producer_is(Reshape) and v.producer]
    after = [user.output for user in node.output.users if isinstance(user.op, Reshape)]
    return any(v.type.shape[:-1] == shape for v in (*before, *after))


def _is_same_for_all(node: Node, index: int) -> bool:
    """Whether an operand is absent, or a constant that all tokens read alike."""
    value, access, last = node.inputs[index], node.access()[index], node.output.type.rank - 1
    if value is None or access is None:
        return True
    return value.is_constant and not any(isinstance(a, Elementwise) and a.axis < last for a in access.axes)


def _is_read_by_token(node: Node, index: int) -> bool:
    """Whether result token n reads token n of an operand."""
    access, last = node.access()[index], node.output.type.rank - 1
    if access is None or len(access.axes) != last + 1:
        return False
    return access.axes[:-1] == tuple(map(Elementwise, range(last))) and _stays_within(access.axes[-1], last)


def _stays_within(axis: AxisAccess, last: int) -> bool:
    return isinstance(axis, Whole) or getattr(axis, "axis", None) == last


def _as_rows(graph: Graph, node: Node, index: int, shape: Shape) -> Value | None:
    """An operand as the operator on [1,N,C] wants it."""
    value = node.inputs[index]
    if value is None or _is_same_for_all(node, index):
        return value
    wanted = (*shape, value.type.shape[-1])
    return graph.add(Reshape(wanted), [value], value.type.with_shape(wanted), name=value.name, before=node).output
