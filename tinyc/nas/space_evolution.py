"""MCUFormer's evolution of the search space itself (Liang et al., 2023): move its bounds towards better networks.

A point is one choice of the space's own parameters (low-rank ratio, token size, …); its quality is what networks
sampled there score. From the points known so far a linear model is fitted around the current one, and every coordinate
moves by trunc(slope / threshold) steps up the slope. The equation as printed moves by ⌊·⌋ *down* the slope of the
score; `printed=True` does that, to compare.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

from tinyc.errors import UsageError
from tinyc.nas.outcome import Evaluator

Point = tuple[int, ...]  # the number of a value on each axis
NEIGHBOURS = 5
FARTHEST = 3  # steps that a coordinate moves at once, at most


@dataclass(frozen=True)
class Axis:
    """A parameter of the space and the values it may have, in rising order."""

    name: str
    values: tuple[float, ...]


@dataclass(frozen=True)
class SpaceEvolution:
    """`path`: the points visited, as values by name, with their quality; `best` the best of all that were tried."""

    best: Mapping[str, float]
    quality: float
    path: tuple[tuple[Mapping[str, float], float], ...]
    converged: bool  # whether the last step moved nothing


def evolve_space(
    axes: Sequence[Axis], quality: Callable[[Mapping[str, float]], float], *, rounds: int = 20, initial: int = 8,
    threshold: float | None = None, printed: bool = False, seed: int = 0,
) -> SpaceEvolution:
    """Walk from the middle of the axes to a point of high quality; `quality` is asked once for each point.

    `initial` random points are tried first, so that there is something to fit. `threshold` is the rise of quality per
    step that is worth one step; by default a twentieth of the spread among the initial points.
    """
    if not axes or any(len(axis.values) < 2 for axis in axes):
        raise UsageError("evolve_space needs axes of two values or more")
    rng, known = Random(seed), dict[Point, float]()

    def ask(point: Point) -> float:
        if point not in known:
            known[point] = float(quality(_named(axes, point)))
        return known[point]

    for _ in range(max(initial, len(axes) + 1)):
        ask(tuple(rng.randrange(len(axis.values)) for axis in axes))
    current = tuple(len(axis.values) // 2 for axis in axes)
    ask(current)
    worth = threshold or (max(known.values()) - min(known.values())) / 20 or 1.0
    path, moved = [current], True
    while moved and len(path) <= rounds:
        following = _step(axes, known, current, worth, printed)
        moved = following not in path
        if moved:
            ask(following)
            path.append(following)
            current = following
    best = max(known, key=lambda p: known[p])
    visited = tuple((_named(axes, p), known[p]) for p in path)
    return SpaceEvolution(_named(axes, best), known[best], visited, not moved)


def space_quality(evaluator: Evaluator[Any], samples: int, seed: int = 0) -> float:
    """What a space is worth: the mean score of its samples, where one that breaks the budget counts nothing."""
    rng = Random(seed)
    outcomes = [evaluator(evaluator.space.sample(rng)) for _ in range(samples)]
    return sum(o.score or 0.0 for o in outcomes) / samples


def _named(axes: Sequence[Axis], point: Point) -> dict[str, float]:
    return {axis.name: axis.values[i] for axis, i in zip(axes, point, strict=True)}


def _step(
    axes: Sequence[Axis], known: Mapping[Point, float], current: Point, worth: float, printed: bool
) -> Point:
    """The point that the local slope leads to, within the axes."""
    moves = []
    for slope in _slopes(axes, known, current):
        steps = -math.floor(slope / worth) if printed else math.trunc(slope / worth)
        moves.append(max(-FARTHEST, min(FARTHEST, steps)))
    return tuple(
        max(0, min(len(axis.values) - 1, i + move)) for axis, i, move in zip(axes, current, moves, strict=True)
    )


def _slopes(axes: Sequence[Axis], known: Mapping[Point, float], current: Point) -> list[float]:
    """Rise of the quality per step along every axis, of a plane through the nearest points (least squares)."""
    import numpy as np

    spans = np.array([len(axis.values) - 1 for axis in axes], float)

    def distance(point: Point) -> float:
        """With every axis as long as any other, else the finest would decide alone."""
        return float((((np.array(point) - np.array(current)) / spans) ** 2).sum())

    near = sorted(known, key=lambda p: (distance(p), p))[: max(NEIGHBOURS, len(axes) + 1)]
    places = np.array(near, float) - np.array(current, float)
    plane = np.concatenate([places, np.ones((len(near), 1))], axis=1)
    found, *_ = np.linalg.lstsq(plane, np.array([known[p] for p in near]), rcond=None)
    return [float(x) for x in found[:-1]]
