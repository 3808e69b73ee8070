"""Wraps operators that follow each other into a segment, which streams a few rows at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tinyc.errors import UsageError
from tinyc.ir.graph import Graph, Node
from tinyc.ir.transform import Pass, graph_pass
from tinyc.passes.rewriting import named_operator
from tinyc.program.segment import wrap_segment


@graph_pass("form-segments", opt_level=3)
@dataclass(frozen=True)
class FormSegments(Pass):
    """All operators from `first` to `last` (names of operators or of their tensors) become one segment.

    Each makes `rows` rows at a time: one number for all, or as many as there are operators, "4x2x1". Views between them
    stay outside. Not in the default pipeline, where the schedule chooses segments; a compilation keeps those that it is
    given and forms no others. Raises UsageError where an operator cannot be streamed, or would need what is made
    outside from what is made inside.
    """

    first: str = ""
    last: str = ""
    rows: tuple[int, ...] = (1,)

    def run(self, graph: Graph) -> bool:
        first, last = (named_operator(graph, name, f"form-segments: {option}") for option, name in self._ends())
        order = graph.nodes
        run = order[order.index(first) : order.index(last) + 1]
        if not run:
            raise UsageError(f"form-segments: {last.name!r} runs before {first.name!r}; exchange first= and last=")
        nodes = [node for node in run if not node.op.is_view]
        try:
            wrap_segment(graph, nodes, self._heights(nodes))
        except UsageError as error:
            raise UsageError(f"form-segments: {error}") from None
        return True

    def _ends(self) -> tuple[tuple[str, str], ...]:
        return ("first", self.first), ("last", self.last)

    def _heights(self, nodes: Sequence[Node]) -> tuple[int, ...]:
        if len(self.rows) not in (1, len(nodes)) or min(self.rows) < 1:
            given = "x".join(map(str, self.rows))
            raise UsageError(f"expected rows=N, or a number for each of {len(nodes)} operators, got rows={given}")
        return self.rows if len(self.rows) == len(nodes) else self.rows * len(nodes)
