"""Parts are found as they are needed: what is left out for its size is just what is too large."""

from __future__ import annotations

import math

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.images import image_networks, token_networks
from tinyc import targets
from tinyc.compiler import Options, run_passes
from tinyc.ir.graph import Graph
from tinyc.schedule.heights import PRICES, _links, height_choices
from tinyc.schedule.parts import Parts
from tinyc.schedule.scheduler import Scheduler
from tinyc.schedule.step import Step

NETWORKS = st.one_of(image_networks(), token_networks())


def cheapest(steps: list[Step], price: float) -> tuple[int, ...]:
    """The dynamic programme of `heights`, one price at a time and without arrays."""
    best: dict[int, tuple[float, tuple[int, ...]]] = {0: (0.0, ())}
    for before, step in zip((None, *steps), steps, strict=False):
        links = _links(before, step)
        best = {
            height: min(
                (cost + form.work + links[h, height][1] + price * links[h, height][0], (*heights, height))
                for h, (cost, heights) in best.items()
            )
            for height, form in step.forms.items()
        }
    return min(best.values())[1]


@settings(max_examples=15)
@given(NETWORKS, st.booleans(), st.floats(0, 1.5))
def test_bounded_parts_are_those_of_all(graph: Graph, stream_input: bool, share: float) -> None:
    run_passes(graph, Options())
    for candidate in Scheduler(graph, targets.load("cortex-m7"), stream_input=stream_input).candidates:
        every, few = (Parts(graph, candidate.steps, candidate.pushed) for _ in range(2))
        found = every.between(-1.0, math.inf)
        limit = share * max((p.peak for p in found if math.isfinite(p.peak)), default=0.0)
        below, above = few.between(-1.0, limit), few.between(limit, math.inf)
        assert below == [p for p in found if p.peak <= limit]
        assert above == [p for p in found if p.peak > limit]
        best = [0.0] + [math.inf] * len(candidate.steps)
        for part in found:
            best[part.stop] = min(best[part.stop], max(best[part.start], part.peak))
        assert best[-1] == Parts(graph, candidate.steps, candidate.pushed).least_peak


@settings(max_examples=15)
@given(NETWORKS)
def test_heights_are_those_of_each_price(graph: Graph) -> None:
    run_passes(graph, Options())
    steps = [s for s in Scheduler(graph, targets.load("cortex-m4")).steps.values() if s.streams]
    if steps:
        expected = [*(cheapest(steps, price) for price in PRICES), (1,) * len(steps)]
        assert height_choices(steps) == list(dict.fromkeys(expected))
