"""The reference of a network to which passes gave other integers: its graph behind the last of them, in numpy."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from tinyc.ir.interpreter import evaluate, evaluate_all
from tinyc.ir.transform import Redefined
from tinyc.ir.types import Array


class RedefinedReference:
    """See `Reference`. Exact: what later passes and the C make of the graph must keep its integers."""

    tolerance = 0
    step = 0

    def __init__(self, redefined: Redefined) -> None:
        self._graph, self._passes = redefined.graph, redefined.passes
        self._names = {v.source: v.name for v in self._graph.values() if v.source is not None}

    def title(self) -> str:
        """What the integers are of."""
        return f"tinyc's interpreter of the graph after {' and '.join(self._passes)}"

    def run(self, inputs: Sequence[Array]) -> list[Array]:
        """The outputs, for inputs of the graph's types."""
        return evaluate(self._graph, inputs)

    def sources(self) -> Collection[str]:
        """The tensors of the model file that have a place in the graph, if with other numbers than there."""
        return self._names.keys()

    def values(self, inputs: Sequence[Array], sources: Sequence[str]) -> Mapping[str, Array]:
        """The graph's values in those places."""
        found = evaluate_all(self._graph, inputs)
        return {source: found[self._names[source]] for source in sources}
