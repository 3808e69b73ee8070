"""Multiplies dense layers that follow each other, where one layer is smaller than two."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tinyc.ir.graph import Graph, Node, Value
from tinyc.ir.transform import Pass, graph_pass
from tinyc.ir.types import Array, DType, Quant, TensorType
from tinyc.ops import FullyConnected
from tinyc.ops.conv import weight_scales
from tinyc.passes.rewriting import erase_if_unread, only_reader

WHOLE = (-128, 127)  # a clamp that limits nothing
LEAST = 2.0**20  # a code of the result is at most so many products of one code: finer weights change nothing


@graph_pass("merge-low-rank", opt_level=1, changes_numbers=True)
@dataclass(frozen=True)
class MergeLowRank(Pass):
    """Two dense layers without anything between them become one, where that has fewer weights.

    It has as many multiply-accumulates as weights per token, so both get fewer. **This changes numbers**: the product
    of the real weights is quantised anew, with one scale per output, and the rounding and the limits of the layer
    between fall away. So it is not in the default pipeline. A clamp or a second reader between the two keeps them
    apart, and so do weights that are not known.
    """

    def rewrite(self, node: Node, graph: Graph) -> bool:
        first = node.inputs[0].producer if node.inputs and node.inputs[0] is not None else None
        if first is None or not _is_dense(node) or not _is_dense(first):
            return False
        if getattr(first.op, "clamp", WHOLE) != WHOLE or only_reader(graph, first.output) is not node:
            return False
        inner, outer = first.input(1).type.shape, node.input(1).type.shape
        if outer[0] * inner[1] >= outer[0] * outer[1] + inner[0] * inner[1]:
            return False
        inputs = _product(graph, first, node)
        made = graph.replace(node, inputs=inputs)
        for value in made.outputs:
            value.source = None  # other numbers than the file's tensor has, if close ones
        erase_if_unread(graph, first)
        return True


def _is_dense(node: Node) -> bool:
    """A dense layer whose weights are known."""
    known = all(v is None or (v.is_constant and v.data is not None) for v in node.inputs[1:])
    return isinstance(node.op, FullyConnected) and known


def _product(graph: Graph, first: Node, second: Node) -> list[Value | None]:
    """Input, weights and bias of the one layer."""
    x, (a, b), (c, d) = first.input(0), _real(first), _real(second)
    # The second layer reads what the first one makes, so zero points cancel out.
    weights, bias = c @ a, c @ b + d
    scales = np.maximum(np.abs(weights).max(axis=1) / 127, np.abs(bias) / x.type.scale / 2**30)
    scales = np.maximum(scales, second.output.type.scale / x.type.scale / LEAST)
    scales = scales.astype(np.float32).astype(np.float64)
    codes, sums = np.rint(weights / scales[:, None]), np.rint(bias / scales / x.type.scale)
    name, outputs = second.input(1).name, len(scales)
    kind = TensorType(codes.shape, DType.int8, Quant(tuple(scales.tolist()), (0,) * outputs, 0))
    return [
        x,
        graph.add_constant(name, kind, np.clip(codes, -127, 127).astype(np.int8)),
        graph.add_constant(f"{name}.bias", TensorType((outputs,), DType.int32), sums.astype(np.int32)),
    ]


def _real(node: Node) -> tuple[Array, Array]:
    """Weights and bias of a dense layer as real numbers."""
    w = node.input(1)
    assert w.data is not None and isinstance(node.op, FullyConnected)
    scales = np.broadcast_to(np.array(weight_scales(w.type)), w.type.shape[:1])
    weights = (w.data.astype(np.float64) - node.op.weight_zero_point(w.type)) * scales[:, None]
    bias = node.inputs[2] if len(node.inputs) > 2 else None
    if bias is None or bias.data is None:
        return weights, np.zeros(len(scales))
    return weights, bias.data.reshape(-1) * scales * node.input(0).type.scale
