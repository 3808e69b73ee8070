"""Makes chains of functions of single codes one table of 256 bytes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tinyc.ir.graph import Graph, Node, Value
from tinyc.ir.transform import Pass, graph_pass
from tinyc.ir.types import Array, DType, TensorType
from tinyc.ops import Lut
from tinyc.passes.rewriting import (
    CODES,
    code_table,
    erase_if_unread,
    only_reader,
    pointwise_operand,
    replace_result,
)


@graph_pass("fuse-luts", opt_level=2)
@dataclass(frozen=True)
class FuseLuts(Pass):
    """A function of single int8 codes becomes a `lut`, and a chain of them one: activations, requantisations,
    arithmetic with a constant of one element or of a tensor with itself.

    Exact, because the table is what the references give for all 256 codes. A chain ends at a value that has
    other readers, from which each of them looks up its own table: nothing is computed twice.
    """

    def rewrite(self, node: Node, graph: Graph) -> bool:
        x, table = _function(node)
        if x is None or table is None:
            return False
        first, inner = _function(x.producer) if x.producer and only_reader(graph, x) else (None, None)
        if first is not None and inner is not None:
            return _look_up(node, first, table[inner.astype(int) + 128], graph)
        return not isinstance(node.op, Lut) and _look_up(node, x, table, graph)


def _function(node: Node) -> tuple[Value | None, Array | None]:
    """The tensor that the node maps code by code to one of the same shape, and the table."""
    x = pointwise_operand(node)
    if x is None or x.type.shape != node.output.type.shape:
        return None, None
    return x, code_table(node)


def _look_up(node: Node, x: Value, table: Array, graph: Graph) -> bool:
    """Let the node look x up in the table; remove it where the table changes nothing."""
    operands = [v for v in node.inputs if v is not None]
    if x.type != node.output.type or not np.array_equal(table, CODES) or not replace_result(graph, node, x):
        constant = graph.add_constant(f"{node.output.name}.table", TensorType((256,), DType.int8), table)
        graph.replace(node, op=Lut(), inputs=[x, constant])
    for value in operands:
        if value is not x and value.producer is not None:
            erase_if_unread(graph, value.producer)
    return True
