"""Ranking by several goals: fronts that nothing dominates, and how crowded each place on them is (NSGA-II)."""

from __future__ import annotations

import math
from collections.abc import Sequence

Goals = Sequence[float]  # less is better in each


def dominates(a: Goals, b: Goals) -> bool:
    """Whether `a` is nowhere worse and somewhere better."""
    return all(x <= y for x, y in zip(a, b, strict=True)) and tuple(a) != tuple(b)


def first_front(points: Sequence[Goals]) -> list[int]:
    """Numbers of the points that none dominates, in their order; of equal points the first."""
    distinct = dict(zip(map(tuple, reversed(points)), reversed(range(len(points))), strict=True))
    best: list[int] = []
    for point in sorted(distinct):  # no later point dominates an earlier one
        if not any(dominates(points[i], point) for i in best):
            best.append(distinct[point])
    return sorted(best)


def fronts(points: Sequence[Goals]) -> list[list[int]]:
    """All points front by front; equal points are in later fronts."""
    rest, found = list(range(len(points))), []
    while rest:
        front = {rest[i] for i in first_front([points[i] for i in rest])}
        found.append(sorted(front))
        rest = [i for i in rest if i not in front]
    return found


def crowding(points: Sequence[Goals]) -> list[float]:
    """For every point the size of the gap that it stands in; infinite at the ends of any goal."""
    found = [0.0] * len(points)
    for goal in range(len(points[0]) if points else 0):
        order = sorted(range(len(points)), key=lambda i: (points[i][goal], i))
        span = points[order[-1]][goal] - points[order[0]][goal]
        found[order[0]] = found[order[-1]] = math.inf
        for before, i, after in zip(order, order[1:], order[2:], strict=False):
            found[i] += (points[after][goal] - points[before][goal]) / span if span else 0.0
    return found


def best_spread(points: Sequence[Goals], count: int) -> list[int]:
    """The `count` best: whole fronts first, then the least crowded of the next."""
    chosen: list[int] = []
    for front in fronts(points):
        gaps = crowding([points[i] for i in front])
        ordered = [i for _, i in sorted(zip([-gap for gap in gaps], front, strict=True))]
        chosen += ordered[: count - len(chosen)]
        if len(chosen) >= count:
            break
    return chosen
