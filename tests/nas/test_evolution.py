"""Evolution: what is asked depends on seed and answers alone; generations fill up; a hopeless budget ends."""

from __future__ import annotations

import json
from random import Random

import pytest

from tests.nas.support import SETTINGS, SMALL_AUDIO
from tinyc.errors import UsageError
from tinyc.nas.evolution import Evolution, Settings
from tinyc.nas.outcome import InfeasibleSpace, Outcome
from tinyc.nas.spaces import DsCnnSpace, DsCnnSpec

LIMIT = 40


def judged(spec: DsCnnSpec, limit: int = LIMIT) -> Outcome[DsCnnSpec]:
    """A stand-in for the planner: channels are memory, work is good."""
    need = spec.stem_channels + sum(b.channels for b in spec.blocks)
    violations, figures = {"sram": need - limit}, {"sram": need, "flash": 2 * need, "instructions": 7, "macs": 3}
    quality = float(sum(b.kernel * b.channels for b in spec.blocks)) if need <= limit else None
    return Outcome(spec, figures, violations, {"sram": limit}, quality)


def evolved(evolution: Evolution[DsCnnSpec], generations: int) -> Evolution[DsCnnSpec]:
    while evolution.generation < generations:
        evolution.tell([judged(spec) for spec in evolution.ask()])
    return evolution


def test_it_improves_under_the_limit() -> None:
    evolution = evolved(Evolution(SMALL_AUDIO, SETTINGS, seed=1), 1)
    first = evolution.population[0].score or 0.0
    evolved(evolution, 12)
    assert (evolution.population[0].score or 0.0) > first
    assert all(o.feasible for o in evolution.population)
    assert len(evolution.population) == SETTINGS.population
    scores = [o.score or 0.0 for o in evolution.population]
    assert scores == sorted(scores, reverse=True)
    best = max(o.score or 0.0 for o in evolution.feasible)
    assert scores[0] == best


def test_a_generation_has_the_published_parts() -> None:
    evolution = evolved(Evolution(SMALL_AUDIO, Settings(population=10, crossovers=4, mutations=3), seed=2), 1)
    before = len(evolution.feasible)
    assert before == 10
    assert len(evolution.ask()) == 7
    evolved(evolution, 2)
    assert len(evolution.feasible) == before + 7


def test_defaults_are_the_papers() -> None:
    s = Settings()
    assert (s.population, s.crossovers, s.mutations, s.depth, s.layer) == (50, 25, 25, 0.2, 0.4)


def test_nothing_is_proposed_twice() -> None:
    evolution, seen = Evolution(SMALL_AUDIO, SETTINGS, seed=3), []
    while evolution.generation < 6:
        specs = evolution.ask()
        assert evolution.ask() == specs
        seen += specs
        evolution.tell([judged(spec) for spec in specs])
    assert len(seen) == len(set(seen)) == len(evolution.seen)


def test_state_resumes_exactly() -> None:
    whole = evolved(Evolution(SMALL_AUDIO, SETTINGS, seed=4), 8)
    for stop in (1, 3):
        first = evolved(Evolution(SMALL_AUDIO, SETTINGS, seed=4), stop)
        first.ask()  # a proposal that waits for its answer is part of the state
        state = json.loads(json.dumps(first.state_dict()))
        second = Evolution(SMALL_AUDIO, SETTINGS, seed=4)
        second.load_state_dict(state)
        evolved(second, 8)
        assert second.population == whole.population
        assert list(second.seen) == list(whole.seen)


def test_other_settings_are_told() -> None:
    state = Evolution(SMALL_AUDIO, SETTINGS, seed=4).state_dict()
    with pytest.raises(UsageError, match="another seed: 4, here it is 5"):
        Evolution(SMALL_AUDIO, SETTINGS, seed=5).load_state_dict(state)
    with pytest.raises(UsageError, match="another settings"):
        Evolution(SMALL_AUDIO, Settings(), seed=4).load_state_dict(state)
    with pytest.raises(UsageError, match="one outcome for every spec"):
        Evolution(SMALL_AUDIO, SETTINGS).tell([judged(SMALL_AUDIO.sample(Random(1)))])
    with pytest.raises(UsageError, match="population"):
        Settings(population=0)
    with pytest.raises(UsageError, match="crossovers or mutations"):
        Settings(crossovers=0, mutations=0)


def test_seeds_differ() -> None:
    assert Evolution(SMALL_AUDIO, SETTINGS, seed=1).ask() != Evolution(SMALL_AUDIO, SETTINGS, seed=2).ask()


def test_a_hopeless_budget_ends_with_the_nearest_miss() -> None:
    evolution = Evolution(SMALL_AUDIO, Settings(population=5, tries=60), seed=5)
    with pytest.raises(InfeasibleSpace) as caught:
        while True:
            evolution.tell([judged(spec, 10) for spec in evolution.ask()])
    assert caught.value.exit_code == 4
    nearest = caught.value.nearest
    assert nearest is not None
    assert nearest.miss == min(o.miss for o in evolution.seen.values())
    assert len(evolution.seen) < 80
    assert "The nearest miss needs sram" in str(caught.value)
    assert "Allow more sram" in str(caught.value)


def test_limits_that_exclude_each_other_are_told() -> None:
    def judge(spec: DsCnnSpec) -> Outcome[DsCnnSpec]:
        """Little of either, never of both."""
        a, b = (5, 50) if spec.stem_channels > 16 else (50, 5)
        return Outcome(spec, {"sram": a, "flash": b}, {"sram": a - 9, "flash": b - 9}, {"sram": 9, "flash": 9})

    evolution = Evolution(SMALL_AUDIO, Settings(population=5, tries=40), seed=6)
    with pytest.raises(InfeasibleSpace, match="not all together"):
        while True:
            evolution.tell([judge(spec) for spec in evolution.ask()])


def test_a_tight_budget_is_approached_from_the_nearest_misses() -> None:
    """One network in thousands is feasible: mutations of what came close find some where samples alone do not."""
    space, rng, limit = DsCnnSpace(), Random(0), 54
    by_chance = sum(judged(space.sample(rng), limit).feasible for _ in range(2000)) / 2000
    assert by_chance < 0.003
    evolution = Evolution(space, Settings(population=12), seed=7)
    while evolution.generation < 1:
        evolution.tell([judged(spec, limit) for spec in evolution.ask()])
    assert len(evolution.population) == 12
    assert 12 / len(evolution.seen) > 2 * by_chance


def test_a_small_space_is_exhausted() -> None:
    space = type(SMALL_AUDIO)(
        dimensions=(1,), frames=(25,), features=(10,), stem_kernels=(5,), kernels=(3, 5), channels=(8,), depths=(1,)
    )
    evolution = evolved(Evolution(space, SETTINGS, seed=1), 3)
    assert len(evolution.seen) == 2
    assert len(evolution.population) == 2


def test_several_goals_spread_over_their_front() -> None:
    settings = Settings(population=8, crossovers=4, mutations=4, goals=("sram",))
    evolution = evolved(Evolution(SMALL_AUDIO, settings, seed=8), 10)
    needs = {o.figures["sram"] for o in evolution.population}
    assert len(needs) >= 3
    best = max(o.score or 0.0 for o in evolution.feasible)
    assert best in {o.score for o in evolution.population}
