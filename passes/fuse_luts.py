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
    pointwise_operand,
    replace_result,
)


@graph_pass("fuse-luts", opt_level=2)
@dataclass(frozen=True)
class FuseLuts(Pass):
    """A function of single int8 codes becomes a `lut`, and a chain of them one: activations, requantisations,
    arithmetic with a constant of one element or of a tensor with itself.

    Exact, because the table is what the references give for all 256 codes. This is also how requantisations
    merge: each of two rounds, so a single one to the last scale would give other codes. For the same reason a
    requantize behind a convolution or dense layer cannot become part of that.

    A value in between goes if all its readers are such functions: each then looks up from the value before.
    It stays if an operator of another kind or the caller reads it, and the functions look up from there.
    """

    def rewrite(self, node: Node, graph: Graph) -> bool:
        x, table = _function(node)
        if x is None or table is None or _is_skipped(node.output, graph):
            return False
        chain = [node]
        while x.producer is not None and _is_skipped(x, graph):
            before, inner = _function(x.producer)
            if before is None or inner is None:
                break
            chain.append(x.producer)
            x, table = before, table[inner.astype(int) + 128]
        return (len(chain) > 1 or not isinstance(node.op, Lut)) and _look_up(chain, x, table, graph)


def _function(node: Node) -> tuple[Value | None, Array | None]:
    """The tensor that the node maps code by code to one of the same shape, and the table."""
    x = pointwise_operand(node)
    if x is None or x.type.shape != node.output.type.shape:
        return None, None
    return x, code_table(node)


def _is_skipped(value: Value, graph: Graph) -> bool:
    """Whether all who read the value are functions, which can look up from before it instead."""
    readers = value.users
    return bool(readers) and not graph.is_output(value) and all(_function(n)[1] is not None for n in readers)


def _look_up(chain: list[Node], x: Value, table: Array, graph: Graph) -> bool:
    """Replace a chain, its last node first, by a look-up of x, or by x where the table changes nothing."""
    last = chain[0]
    idle = x.type == last.output.type and np.array_equal(table, CODES)
    if not idle or not replace_result(graph, last, x):
        name = f"{last.output.name}.table"
        constant = graph.add_constant(name, TensorType((256,), DType.int8), table)
        graph.replace(last, op=Lut(), inputs=[x, constant])
    for node in chain[1:]:  # from the end to the start: readers before what they read
        erase_if_unread(graph, node)
    return True
