"""The Schedule: order of execution and the kernel of each operator.

Operators are named by their (first) output value, which is unique in a graph.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tinyc.errors import ModelError, UsageError
from tinyc.ir.graph import Graph
from tinyc.program.kernel import select

if TYPE_CHECKING:
    from tinyc.targets import Target


@dataclass(frozen=True)
class Schedule:
    """Operators in order of execution, and which kernel serves each; views need none."""

    order: tuple[str, ...]
    kernels: Mapping[str, str]

    def to_json(self) -> str:
        """A text that `from_json` reads back; one line per operator, for people who edit it."""
        return json.dumps({"order": list(self.order), "kernels": dict(self.kernels)}, indent=1) + "\n"

    @classmethod
    def from_json(cls, text: str) -> Schedule:
        """Raises UsageError where the text is no schedule."""
        try:
            data = json.loads(text)
            order, kernels = tuple(data["order"]), dict(data["kernels"])
        except (ValueError, TypeError, KeyError) as error:
            raise UsageError(f"this is no schedule: expected JSON with 'order' and 'kernels' ({error})") from None
        if not all(isinstance(n, str) for n in (*order, *kernels, *kernels.values())):
            raise UsageError("this is no schedule: 'order' and 'kernels' hold names of operators and kernels")
        return cls(order, kernels)


def make_schedule(graph: Graph, target: Target, given: Schedule | None = None) -> Schedule:
    """Choose a kernel for every operator, in the graph's order; decisions in `given` are kept.

    Raises UsageError where `given` does not fit the graph, ModelError listing every operator that no kernel serves.
    """
    order = tuple(node.output.name for node in graph.nodes)
    wanted = dict(given.kernels) if given else {}
    if given and sorted(given.order) != sorted(order):
        odd = sorted(set(given.order) ^ set(order))
        raise UsageError(f"the schedule is for another graph: it and the model do not share {', '.join(odd[:5])}")
    unknown = sorted(set(wanted) - set(order))
    if unknown:
        raise UsageError(f"the schedule names kernels for operators that the model lacks: {', '.join(unknown[:5])}")
    chosen: dict[str, str] = {}
    problems: list[str] = []
    for node in graph.nodes:
        if node.op.is_view:
            continue
        try:
            chosen[node.output.name] = select(node, target, wanted.get(node.output.name)).name
        except ModelError as error:
            problems += error.problems
    if problems:
        raise ModelError(problems)
    return Schedule(given.order if given else order, chosen)
