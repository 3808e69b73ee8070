"""Computes at compile time what depends on constants alone."""

from __future__ import annotations

from dataclasses import dataclass

from tinyc.ir.graph import Graph, Node
from tinyc.ir.transform import Pass, graph_pass


@graph_pass("fold-constants", opt_level=1)
@dataclass(frozen=True)
class FoldConstants(Pass):
    """A node whose operands are all constants becomes the constants that its reference gives.

    A node that gives a network output stays, since the caller reads that in the arena; so does one that
    reads a constant of unknown data.
    """

    def rewrite(self, node: Node, graph: Graph) -> bool:
        operands = [v for v in node.inputs if v is not None]
        if not all(v.is_constant and v.data is not None for v in operands):
            return False
        if any(graph.is_output(v) for v in node.outputs):
            return False
        results = node.op.reference(node.signature, *(None if v is None else v.data for v in node.inputs))
        for old, data in zip(node.outputs, results, strict=True):
            new = graph.add_constant(old.name, old.type, data)
            new.source = old.source
            graph.replace_value(old, new)
        graph.erase(node)
        return True
