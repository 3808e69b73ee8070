"""A judge of specs that uses the papers' formulae instead of plans, to reproduce what they choose."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

from tinyc.nas.formulae import live_activations, parameter_bytes
from tinyc.nas.outcome import Evaluator, Outcome

S = TypeVar("S")


@dataclass(frozen=True)
class FormulaEvaluator(Evaluator[S]):
    """Judges as papers do, to reproduce them: `live_activations` for SRAM, `parameter_bytes` for flash, no plan.

    Of the budget, limits of SRAM, flash and MACs count. Nothing is scored: what feasible networks get is their MACs.
    """

    def __call__(self, spec: S) -> Outcome[S]:
        graph = self.space.graph(spec)
        figures = {"sram": live_activations(graph), "flash": parameter_bytes(graph), "macs": graph.macs}
        asked = {name: getattr(self.budget, name) for name in figures}
        limits = {name: limit for name, limit in asked.items() if limit is not None}
        violations = {name: figures[name] - limit for name, limit in limits.items()}
        feasible = all(value <= 0 for value in violations.values())
        return Outcome(spec, figures, violations, limits, graph.macs / 1e6 if feasible else None)
