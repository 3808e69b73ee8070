"""Makes an activation the clamp of the operator before it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from tinyc.ir.graph import Graph, Node, Value
from tinyc.ir.transform import Pass, graph_pass
from tinyc.passes.rewriting import CODES, code_table, only_reader, pointwise_operand, replace_result

Clamp = tuple[int, int]


@graph_pass("fuse-activation", opt_level=1)
@dataclass(frozen=True)
class FuseActivation(Pass):
    """A function that only limits the codes its producer can give becomes the producer's clamp.

    What counts is the table of the function, found by running its reference: relu, relu6, a maximum or
    minimum with a constant. Its two quantisations must be equal, and nothing else may read the producer's
    result, unless the producer's clamp makes the function do nothing at all. Reshapes in between do not
    matter.
    """

    def rewrite(self, node: Node, graph: Graph) -> bool:
        x, y = pointwise_operand(node), node.output.type
        if x is None or x.type != y:
            return False
        passed = _values_up_to_producer(x)
        producer = passed[-1].producer
        table = code_table(node)
        if table is None or producer is None or "clamp" not in producer.op.attribute_names():
            return False
        before: Clamp = producer.op.attributes()["clamp"]
        after = _as_clamp(table, before)
        if after == before:
            return replace_result(graph, node, x)
        if after is None or any(only_reader(graph, value) is None for value in passed):
            return False
        for value in passed:
            value.source = None  # the file's tensor has other numbers: those before the activation
        changes: dict[str, Any] = {"clamp": after}
        graph.replace(producer, op=replace(producer.op, **changes))
        return replace_result(graph, node, x)


def _values_up_to_producer(value: Value) -> list[Value]:
    """The value and those that it is a view of, last the one that was computed."""
    passed = [value]
    while passed[-1].producer is not None and passed[-1].producer.op.is_view:
        passed.append(passed[-1].producer.input(0))
    return passed


def _as_clamp(table: np.ndarray[Any, Any], limits: Clamp) -> Clamp | None:
    """(lowest, highest) code if the table only clamps the codes within `limits`, else None."""
    reachable = CODES[limits[0] + 128 : limits[1] + 129]
    found = table[limits[0] + 128 : limits[1] + 129]
    low, high = int(found[0]), int(found[-1])
    return (low, high) if low <= high and np.array_equal(found, np.clip(reachable, low, high)) else None
