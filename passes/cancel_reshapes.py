"""Removes reshapes that undo each other."""

from __future__ import annotations

from dataclasses import dataclass

from tinyc.ir.graph import Graph, Node
from tinyc.ir.transform import Pass, graph_pass
from tinyc.ops import Reshape
from tinyc.passes.rewriting import bypass


@graph_pass("cancel-reshapes", opt_level=1)
@dataclass(frozen=True)
class CancelReshapes(Pass):
    """Reshape of reshape becomes one reshape, and a reshape to the same shape nothing."""

    def rewrite(self, node: Node, graph: Graph) -> bool:
        return isinstance(node.op, Reshape) and (_skip(node, graph) or _merge(node, graph))


def _skip(node: Node, graph: Graph) -> bool:
    return node.input(0).type == node.output.type and bypass(graph, node)


def _merge(node: Node, graph: Graph) -> bool:
    """Read through a reshape."""
    first = node.input(0).producer
    if first is None or not isinstance(first.op, Reshape):
        return False
    graph.replace(node, inputs=[first.input(0)])
    if not first.output.uses and not graph.is_output(first.output):
        graph.erase(first)
    return True
