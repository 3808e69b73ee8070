"""Removes operators that copy their operand as it is."""

from __future__ import annotations

from dataclasses import dataclass

from tinyc.ir.graph import Graph, Node
from tinyc.ir.transform import Pass, graph_pass
from tinyc.ops import Reshape
from tinyc.passes.rewriting import keeps_memory, pointwise_operand, replace_result


@graph_pass("canonicalise", opt_level=1)
@dataclass(frozen=True)
class Canonicalise(Pass):
    """An operator whose result is its operand, byte for byte, goes; under another shape it becomes a reshape.

    Which operators those are follows from their access maps (memory order kept) and from running the
    reference on all 256 codes (every code kept): a slice that takes everything, a pad by nothing, a
    concatenation of one, a resize to the same size, a pool of 1 by 1, a mean over axes of length 1 or a
    requantize between equal quantisations, a transpose that moves only axes of length 1, a relu above the
    zero point. One that copies a network input to a network output, or an output to an output, stays.
    """

    def rewrite(self, node: Node, graph: Graph) -> bool:
        if node.op.is_view or not keeps_memory(node):
            return False
        x = pointwise_operand(node)
        assert x is not None
        if x.type == node.output.type:
            return replace_result(graph, node, x)
        graph.replace(node, op=Reshape(node.output.type.shape), inputs=[x])
        return True
