"""Computes once what is computed twice, and keeps equal constants once."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass

from tinyc.ir.graph import Graph, Node, Value
from tinyc.ir.transform import Pass, graph_pass
from tinyc.passes.rewriting import replace_result


@graph_pass("common-subexpressions", opt_level=1)
@dataclass(frozen=True)
class CommonSubexpressions(Pass):
    """Of nodes with equal operator, operands and result types one stays; so does one of equal constants.

    Two network outputs with the same numbers stay two.
    """

    def run(self, graph: Graph) -> bool:
        constants = _merge_constants(graph)
        seen: dict[Hashable, Value] = {}
        merged = [_merge(node, seen, graph) for node in graph.nodes]
        return constants or any(merged)


def _merge(node: Node, seen: dict[Hashable, Value], graph: Graph) -> bool:
    """Replace the node by an earlier equal one, which later nodes then read and may become equal by."""
    if len(node.outputs) != 1:
        return False
    current = node.output.producer  # the node as earlier merges have left it
    assert current is not None
    first = seen.setdefault(_identity(current), current.output)
    return first is not current.output and replace_result(graph, current, first)


def _identity(node: Node) -> Hashable:
    return node.op, tuple(id(v) for v in node.inputs), node.output.type


def _merge_constants(graph: Graph) -> bool:
    seen: dict[Hashable, Value] = {}
    changed = False
    for value in list(graph.constants.values()):
        if value.data is None:
            continue
        first = seen.setdefault((value.type, value.data.tobytes()), value)
        if first is not value and not graph.is_output(value):
            graph.replace_value(value, first)
            graph.erase_constant(value)
            changed = True
    return changed
