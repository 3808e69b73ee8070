"""Evolution of the space itself: with the sign as it must be it climbs, with the printed one it descends."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from tests.nas.support import evaluator
from tinyc.errors import UsageError
from tinyc.nas.report import Budget
from tinyc.nas.space_evolution import Axis, SpaceEvolution, evolve_space, space_quality

AXES = [
    Axis("low_rank", tuple(round(0.4 + 0.05 * i, 2) for i in range(12))),
    Axis("token", (16.0, 20.0, 24.0, 28.0, 32.0)),
]


def surface(point: Mapping[str, float]) -> float:
    """Best, 1, at a low rank of 0.85 and tokens of 16; both ends of the other diagonal are poor."""
    return 1.0 - ((point["low_rank"] - 0.85) / 0.55) ** 2 - ((point["token"] - 16) / 16) ** 2


def last(found: SpaceEvolution) -> float:
    return found.path[-1][1]


@pytest.mark.parametrize("seed", range(8))
def test_the_right_sign_converges_and_the_printed_one_does_not(seed: int) -> None:
    start = surface({"low_rank": 0.7, "token": 24.0})
    right = evolve_space(AXES, surface, seed=seed)
    assert right.converged
    assert last(right) >= 0.9 > start
    printed = evolve_space(AXES, surface, seed=seed, printed=True)
    assert last(printed) < start


def test_it_stays_on_the_axes_and_asks_once() -> None:
    asked: list[tuple[float, ...]] = []

    def quality(point: Mapping[str, float]) -> float:
        asked.append(tuple(point.values()))
        return surface(point)

    found = evolve_space(AXES, quality, seed=1)
    assert len(asked) == len(set(asked))
    assert all(low in AXES[0].values and token in AXES[1].values for low, token in asked)
    assert found.quality == max(surface(dict(zip(("low_rank", "token"), p, strict=True))) for p in asked)
    assert found == evolve_space(AXES, surface, seed=1)


def test_a_flat_surface_moves_nothing() -> None:
    found = evolve_space(AXES, lambda point: 0.5, seed=0)
    assert found.converged and len(found.path) == 1


def test_axes_need_a_choice() -> None:
    with pytest.raises(UsageError, match="two values or more"):
        evolve_space([Axis("one", (1.0,))], surface)


def test_quality_of_a_space_counts_what_fits() -> None:
    free, tight = space_quality(evaluator(Budget()), 3), space_quality(evaluator(Budget(sram=1)), 3)
    assert free > tight == 0.0
