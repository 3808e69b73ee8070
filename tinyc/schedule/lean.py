"""Trades speed for scratch where scratch makes the peak: another kernel for one operator at a time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from tinyc.program.kernel import Kernel, Site, candidates
from tinyc.program.plan import Plan
from tinyc.program.program import Call, Program, Statement

if TYPE_CHECKING:
    from tinyc.targets import Target


def leaner_kernels(
    program: Program, plan: Plan, wanted: Mapping[str, str], names: Mapping[str, str], target: Target
) -> dict[str, str] | None:
    """`wanted` with one decision more: a kernel of less scratch for the neediest operator of the peak step.

    `names` are the schedule's names of operators by their own. None where no operator there has such a kernel.
    """
    number = max(range(len(plan.timeline)), key=lambda i: plan.timeline[i].live_bytes, default=None)
    if number is None:
        return None
    for node, calls in _neediest_first(program.body[number], target):
        leaner = _leaner(calls, target)
        if leaner is not None and node in names:
            return {**wanted, names[node]: leaner.name}
    return None


def _neediest_first(statement: Statement, target: Target) -> list[tuple[str, list[Call]]]:
    """The operators of a statement and their calls, by scratch, the most first."""
    calls: dict[str, list[Call]] = {}
    for call in statement.calls():
        calls.setdefault(call.node, []).append(call)
    return sorted(calls.items(), key=lambda item: -_scratch(item[1][0].kernel, _sites(item[1]), target))


def _leaner(calls: list[Call], target: Target) -> Kernel | None:
    """The cheapest kernel that serves these calls with less scratch than theirs."""
    sites, now = _sites(calls), calls[0].kernel
    serving = [
        k for k in candidates(sites[0])
        if _scratch(k, sites, target) < _scratch(now, sites, target) and not any(k.refuses(s, target) for s in sites)
    ]
    return min(serving, key=lambda k: sum(k.cost(s, target) for s in sites), default=None)


def _sites(calls: list[Call]) -> list[Site]:
    return [call.site for call in calls]


def _scratch(kernel: Kernel, sites: list[Site], target: Target) -> int:
    """Bytes; 0 for a kernel that does not serve some site (its own size function need not know the site)."""
    return max((kernel.scratch(s, target) for s in sites if kernel.refuses(s, target) is None), default=0)
