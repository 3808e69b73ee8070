"""Architecture search with the compiler's own planner in the loop.

    report = nas.plan(space.graph(spec), "stm32f746", input="stream")
    report.feasible, report.sram, report.flash.total, report.violations

Importing this package loads neither a frontend nor a training framework.
"""

from __future__ import annotations

from tinyc.nas.network import Network, with_weights
from tinyc.nas.planner import plan
from tinyc.nas.report import Budget, Flash, Moment, Need, Placed, PlanReport, Violation

__all__ = [
    "Budget", "Flash", "Moment", "Need", "Network", "Placed", "PlanReport", "Violation", "plan", "with_weights",
]
