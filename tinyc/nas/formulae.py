"""The formulae that searches without a compiler use, to compare them with plans. Bytes, of a graph without passes."""

from __future__ import annotations

from tinyc.ir.graph import Graph, Node
from tinyc.program.kernel import needs_kernel


def largest_pair(graph: Graph) -> int:
    """max(input + output) over all operators: what is said to be the peak most often. Misses residuals that wait,
    scratch, alignment, fragmentation."""
    return max((_operands(node) for node in graph.nodes if needs_kernel(node)), default=0)


def _operands(node: Node) -> int:
    reads = {id(v): v.type.bytes for v in node.inputs if v is not None and not v.is_constant}
    return sum(reads.values()) + sum(v.type.bytes for v in node.outputs)


def live_activations(graph: Graph) -> int:
    """Most bytes of activations live at once in the graph's own order, layer by layer: exact liveness, but no scratch,
    no overlap of input and output, no alignment, and nothing streamed."""
    position = {id(node): number for number, node in enumerate(graph.nodes)}
    change = [0] * (len(graph.nodes) + 1)
    for value in (*graph.inputs, *(v for node in graph.nodes for v in node.outputs)):
        first = 0 if value.producer is None else position[id(value.producer)]
        if value.producer is not None and not needs_kernel(value.producer):
            continue
        last = max((position[id(user)] for user, _ in value.uses), default=first)
        last = len(graph.nodes) - 1 if graph.is_output(value) else last
        change[first] += value.type.bytes
        change[last + 1] -= value.type.bytes
    live = most = 0
    for step in change:
        live += step
        most = max(most, live)
    return most


def parameter_bytes(graph: Graph) -> int:
    """Bytes of all constants: what is said to be the flash. Misses packing, requantisation tables and code."""
    return sum(value.type.bytes for value in graph.constants.values())
