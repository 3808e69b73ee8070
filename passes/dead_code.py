"""Removes what nothing reads."""

from __future__ import annotations

from dataclasses import dataclass

from tinyc.ir.graph import Graph
from tinyc.ir.transform import Pass, graph_pass


@graph_pass("dead-code", opt_level=0)
@dataclass(frozen=True)
class DeadCode(Pass):
    """Removes nodes whose results are never read, and constants that no node reads. Network inputs stay."""

    def run(self, graph: Graph) -> bool:
        changed = False
        for node in reversed(graph.nodes):  # readers before what they read
            if not any(value.uses or graph.is_output(value) for value in node.outputs):
                graph.erase(node)
                changed = True
        for value in list(graph.constants.values()):
            if not value.uses and not graph.is_output(value):
                graph.erase_constant(value)
                changed = True
        return changed
