"""Trades speed for scratch where scratch makes the peak: another kernel for one operator at a time."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

from tinyc.program.kernel import Kernel, Site, candidates
from tinyc.program.plan import Plan
from tinyc.program.preference import NO_PREFERENCE, Preference
from tinyc.program.program import Call, Program, Statement

if TYPE_CHECKING:
    from tinyc.targets import Target

Runs = list[tuple[int, Call]]  # calls of one operator, and how often each is executed


def leaner_kernels(
    program: Program, plan: Plan, wanted: Mapping[str, str], names: Mapping[str, str], target: Target,
    preference: Preference = NO_PREFERENCE, *, most_extra: float = math.inf,
) -> dict[str, str] | None:
    """`wanted` with one decision more: a kernel of less scratch for the neediest operator of the peak step.

    `names` are the schedule's names of operators by their own. What `preference` asks for stays, and so does a kernel
    whose substitute would cost more than `most_extra` instructions per inference. None where no operator there has
    such a kernel.
    """
    number = max(range(len(plan.timeline)), key=lambda i: _covered(program, plan, i), default=None)
    if number is None:
        return None
    for node, runs in _neediest_first(program.body[number], target):
        leaner = _leaner([call for _, call in runs], target, preference)
        if leaner is not None and _cost(leaner, runs, target) - _cost(runs[0][1].kernel, runs, target) > most_extra:
            continue
        asked = {node, names.get(node)} & set(preference.named)
        if leaner is not None and node in names and not asked:
            return {**wanted, names[node]: leaner.name}
    return None


def _covered(program: Program, plan: Plan, number: int) -> int:
    """Bytes of the arena that hold anything while a statement runs; what overlaps counts once."""
    top = covered = 0
    for start, bytes in sorted((plan.offsets[b], program.buffers[b].bytes) for b in plan.timeline[number].buffers):
        covered += max(0, start + bytes - max(start, top))
        top = max(top, start + bytes)
    return covered


def _neediest_first(statement: Statement, target: Target) -> list[tuple[str, Runs]]:
    """The operators of a statement and their calls, by scratch, the most first."""
    runs: dict[str, Runs] = {}
    for times, call in statement.runs():
        runs.setdefault(call.node, []).append((times, call))
    return sorted(runs.items(), key=lambda item: -_scratch(item[1][0][1].kernel, [c.site for _, c in item[1]], target))


def _cost(kernel: Kernel, runs: Runs, target: Target) -> float:
    """Estimated instructions of one inference that an operator takes with a kernel."""
    return sum(times * kernel.cost(call.site, target) for times, call in runs)


def _leaner(calls: list[Call], target: Target, preference: Preference) -> Kernel | None:
    """The cheapest kernel that serves these calls with less scratch than theirs, and is no less preferred."""
    sites, now = _sites(calls), calls[0].kernel
    serving = [
        k for k in candidates(sites[0])
        if _scratch(k, sites, target) < _scratch(now, sites, target) and not any(k.refuses(s, target) for s in sites)
        and preference.falls_back(k) <= preference.falls_back(now)
    ]
    return min(serving, key=lambda k: sum(k.cost(s, target) for s in sites), default=None)


def _sites(calls: list[Call]) -> list[Site]:
    return [call.site for call in calls]


def _scratch(kernel: Kernel, sites: list[Site], target: Target) -> int:
    """Bytes; 0 for a kernel that does not serve some site (its own size function need not know the site)."""
    return max((kernel.scratch(s, target) for s in sites if kernel.refuses(s, target) is None), default=0)
