"""Computes a convolution that embeds patches as a sum over small parts of its window."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from tinyc.errors import UsageError
from tinyc.ir.access import Interval
from tinyc.ir.graph import Graph, Node, Value
from tinyc.ir.transform import Pass, graph_pass
from tinyc.ir.types import DType, TensorType
from tinyc.ops import Conv2D, Conv2DSums, RequantizeSums
from tinyc.ops.conv import extent_of
from tinyc.ops.conv_sums import products_quant
from tinyc.ops.fixed_point import wrap32


@graph_pass("decompose-patch-embedding", opt_level=3)
@dataclass(frozen=True)
class DecomposePatchEmbedding(Pass):
    """A convolution that steps by its window becomes a sum over parts of it, of `field` rows and columns at most.

    The scheme of MCUFormer (Liang et al., NeurIPS 2023): only one part's weights are needed at a time, and int32 sums
    are kept from one part to the next. They are requantised once, at the end, so the integers are the convolution's.
    With weights in flash it costs SRAM and instructions (docs/memory.md), so it is not part of the default pipeline.

    Raises UsageError, with a reason for every such convolution, where none can be decomposed.
    """

    field: tuple[int, int] = (4, 4)

    def run(self, graph: Graph) -> bool:
        if len(self.field) != 2 or min(self.field) < 1:
            given = "x".join(map(str, self.field))
            raise UsageError(f"decompose-patch-embedding: field={given} is not ROWSxCOLUMNS, such as 4x4")
        found = [(node, self._refusal(node)) for node in graph.nodes if _embeds_patches(node)]
        reasons = [f"{node.name!r} {reason}" for node, reason in found if reason is not None]
        if len(reasons) == len(found):
            told = "; ".join(reasons) or "it has no convolution whose stride is its window"
            raise UsageError(f"decompose-patch-embedding: nothing of {graph.name} can be decomposed: {told}")
        for node, reason in found:
            if reason is None:
                self._decompose(node, graph)
        return True

    def _refusal(self, node: Node) -> str | None:
        """Why a convolution cannot be decomposed, as a clause; None where it can."""
        window, operands = extent_of(node.input(1).type), node.inputs[1:]
        assert isinstance(node.op, Conv2D)
        if all(n <= part for n, part in zip(window, self.field, strict=True)):
            return f"has a window of {_times(window)}, no larger than the field of {_times(self.field)}"
        if any(node.op.padding):
            return f"pads its image by {node.op.padding}, and sums of codes have no padding"
        if node.op.dilation != (1, 1):
            return f"has a dilation of {_times(node.op.dilation)}, so its patches are interleaved"
        if node.input(1).type.shape[3] != node.input(0).type.shape[3]:
            return "has groups"
        if any(v is not None and v.data is None for v in operands):
            return "has weights or a bias that are not known"
        return None

    def _decompose(self, node: Node, graph: Graph) -> None:
        op, x, w = node.op, node.input(0), node.input(1)
        assert isinstance(op, Conv2D) and w.data is not None
        rows, columns = extent_of(w.type)
        kind = TensorType(node.output.type.shape, DType.int32, products_quant(x.type, w.type))
        sums: Value | None = None
        for top, bottom in _parts(rows, self.field[0]):
            for left, right in _parts(columns, self.field[1]):
                part = w.data[:, top:bottom, left:right]
                weights = graph.add_constant(w.name, w.type.with_shape(part.shape), part)
                outside = (-top, -left, bottom - rows, right - columns)
                partial = Conv2DSums(op.stride, padding=outside)
                operands = [x, weights] if sums is None else [x, weights, sums]
                sums = graph.add(partial, operands, kind, name=f"{node.name}.{top}x{left}", before=node).output
        graph.replace(node, op=RequantizeSums(op.clamp, op.rounds_once), inputs=[sums, _bias(node, graph)])
        for old in dict.fromkeys(v for v in node.inputs[1:] if v is not None and v.is_constant):
            if not old.uses and not graph.is_output(old):
                graph.erase_constant(old)


def _embeds_patches(node: Node) -> bool:
    return isinstance(node.op, Conv2D) and node.op.stride == extent_of(node.input(1).type) != (1, 1)


def _times(pair: tuple[int, int]) -> str:
    return "x".join(map(str, pair))


def _parts(size: int, most: int) -> Iterator[Interval]:
    """Intervals of at most so many elements; only the last has fewer."""
    return ((start, min(start + most, size)) for start in range(0, size, most))


def _bias(node: Node, graph: Graph) -> Value:
    """The bias less what the input's zero point adds to the sums, in 32 bits."""
    w, bias = node.input(1), node.inputs[2] if len(node.inputs) > 2 else None
    assert w.data is not None
    folded = -node.input(0).type.zero_point * w.data.sum(axis=(1, 2, 3), dtype=np.int64)
    if bias is not None and bias.data is not None:
        folded += bias.data.reshape(-1)
    return graph.add_constant(f"{node.name}.bias", TensorType(folded.shape, DType.int32), wrap32(folded))
