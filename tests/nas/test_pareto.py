"""Fronts against the definition."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from tinyc.nas.pareto import best_spread, crowding, dominates, first_front, fronts

points = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5), st.integers(0, 5)), min_size=1, max_size=25)


@given(points)
def test_the_first_front_is_what_nothing_dominates(given_points: list[tuple[int, ...]]) -> None:
    front = first_front(given_points)
    undominated = {p for p in given_points if not any(dominates(q, p) for q in given_points)}
    assert {given_points[i] for i in front} == undominated
    assert len(front) == len(undominated)
    assert all(given_points.index(given_points[i]) == i for i in front)


@given(points)
def test_fronts_hold_every_point_once_and_get_worse(given_points: list[tuple[int, ...]]) -> None:
    found = fronts(given_points)
    assert sorted(i for front in found for i in front) == list(range(len(given_points)))
    for better, worse in zip(found, found[1:], strict=False):
        for i in worse:
            assert any(
                dominates(given_points[j], given_points[i]) or given_points[j] == given_points[i] for j in better
            )


@given(points, st.integers(1, 30))
def test_the_best_come_from_the_first_fronts(given_points: list[tuple[int, ...]], count: int) -> None:
    chosen = best_spread(given_points, count)
    assert len(chosen) == len(set(chosen)) == min(count, len(given_points))
    place = {i: number for number, front in enumerate(fronts(given_points)) for i in front}
    left = [place[i] for i in range(len(given_points)) if i not in chosen]
    assert not left or max(place[i] for i in chosen) <= min(left)


def test_one_goal_is_sorting() -> None:
    assert best_spread([(3.0,), (1.0,), (2.0,), (1.0,)], 3) == [1, 3, 2]


def test_ends_are_never_crowded() -> None:
    assert crowding([(0, 9), (1, 8), (5, 4), (9, 0)]) == [math.inf, 5 / 9 + 5 / 9, 8 / 9 + 8 / 9, math.inf]
