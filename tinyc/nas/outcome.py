"""What a search knows of one proposal, how it is found out, and the error for a budget that nothing meets."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any, Generic, TypeVar

from tinyc.compiler import InputMode, Objective
from tinyc.errors import ModelError, TinycError, UsageError
from tinyc.nas.code_size import Library
from tinyc.nas.planner import limits, plan
from tinyc.nas.quick import QuickPlanner, loaded
from tinyc.nas.report import Budget, Need, PlanReport
from tinyc.nas.spaces.space import Space, from_data, to_data
from tinyc.targets import Target

S = TypeVar("S")
Score = Callable[[S, Need], float]  # more is better


@dataclass(frozen=True)
class Outcome(Generic[S]):
    """A spec after planning: its figures, by how much it misses each limit (feasible iff all ≤ 0), and its score.

    Only feasible specs are scored. `problem` says why a network has no plan at all; `limits` names the violations.
    """

    spec: S
    figures: Mapping[str, int]
    violations: Mapping[str, int]
    limits: Mapping[str, int]
    score: float | None = None
    problem: str = ""

    @property
    def feasible(self) -> bool:
        return not self.problem and all(value <= 0 for value in self.violations.values())

    @property
    def miss(self) -> float:
        """How far from feasible: the sum of what exceeds, as fractions of the limits; infinite without a plan."""
        excess = (max(0, value) / max(1, self.limits[name]) for name, value in self.violations.items())
        return float("inf") if self.problem else sum(excess)

    def to_data(self) -> dict[str, Any]:
        """Ready for JSON."""
        return {
            "spec": to_data(self.spec), "figures": dict(self.figures), "violations": dict(self.violations),
            "limits": dict(self.limits), "score": self.score, "problem": self.problem,
        }

    @classmethod
    def from_data(cls, kind: type[S], data: Mapping[str, Any]) -> Outcome[S]:
        """The reverse of `to_data`; `kind` is the type of the spec."""
        return cls(**{**data, "spec": from_data(kind, data["spec"])})


@dataclass(frozen=True)
class Evaluator(Generic[S]):
    """Everything that a worker needs to judge a spec; picklable if space and score are."""

    space: Space[S]
    score: Score[S]
    target: str | Target = "cortex-m7"
    budget: Budget = field(default_factory=Budget)
    objective: Objective = "sram"
    input: InputMode = "stored"
    library: Library = "stand-in"

    def plan(self, spec: S) -> PlanReport:
        """The plan of one spec."""
        return plan(
            self.space.graph(spec), self.target, objective=self.objective, input=self.input, budget=self.budget,
            library=self.library,
        )

    def __call__(self, spec: S) -> Outcome[S]:
        """Plan, and score what fits. A network that cannot be planned is a finding, not an error."""
        try:
            need = self.need(spec)
        except (ModelError, UsageError) as error:
            return Outcome(spec, {}, {}, {}, problem=str(error))
        figures, asked = need.figures(), limits(loaded(self.target), self.budget)
        given = {name: limit for name in figures if (limit := getattr(asked, name)) is not None}
        found = Outcome(spec, figures, {name: figures[name] - limit for name, limit in given.items()}, given)
        return replace(found, score=float(self.score(spec, need))) if found.feasible else found

    def need(self, spec: S) -> Need:
        """The figures of the plan of one spec, as quickly as they can be had."""
        if self.objective == "sram":
            return _planner(self.space, loaded(self.target), self.input, self.library)(spec)
        return self.plan(spec)


@lru_cache(maxsize=16)
def _planner(space: Space[S], target: Target, input: InputMode, library: Library) -> QuickPlanner[S]:
    return QuickPlanner(space, target, input, library)


def most_macs(spec: object, report: Need) -> float:
    """The score where nothing is trained: the work that a network does, in million multiply-accumulates.

    Of the networks that fit, those that compute more tend to be more accurate (the rule of TinyNAS' first stage).
    """
    return report.macs / 1e6


class InfeasibleSpace(TinycError):
    """Nothing that a space proposes keeps the budget. `nearest` missed it by the least."""

    exit_code = 4

    def __init__(self, tried: Sequence[Outcome[Any]]) -> None:
        planned = [o for o in tried if not o.problem]
        self.nearest = min(planned, key=lambda o: o.miss, default=None)
        super().__init__(_sentence(tried, planned, self.nearest))


def _sentence(tried: Sequence[Outcome[Any]], planned: Sequence[Outcome[Any]], nearest: Outcome[Any] | None) -> str:
    if nearest is None:
        why = tried[0].problem if tried else "it proposed nothing"
        return f"none of {len(tried)} networks of the space could be planned. The first: {why}"
    needs = [
        f"{name} {nearest.figures[name]:,} of {nearest.limits[name]:,} ({value:,} too many; the least that any needed "
        f"is {min(o.figures[name] for o in planned if name in o.figures):,})"
        for name, value in nearest.violations.items() if value > 0
    ]
    return (
        f"none of {len(tried)} networks of the space keeps the budget. The nearest miss needs {', '.join(needs)}: "
        f"{to_data(nearest.spec)}. {_what_gives(nearest, planned)}"
    )


def _what_gives(nearest: Outcome[Any], planned: Iterable[Outcome[Any]]) -> str:
    """Whether one limit alone is the matter, or several that no network meets together."""
    missed = [name for name, value in nearest.violations.items() if value > 0]
    never = [name for name in missed if all(o.violations[name] > 0 for o in planned)]
    if never:
        return f"Allow more {' and '.join(never)}, or give the space smaller choices."
    return f"Each limit alone is met by some network, but not all together: allow more {' or '.join(missed)}."
