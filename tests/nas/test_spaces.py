"""Spaces: every spec builds a valid graph, operations stay inside the space, seeds decide everything."""

from __future__ import annotations

import json
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.examples import examples
from tinyc.errors import UsageError
from tinyc.ir.verifier import verify
from tinyc.nas.spaces import SPACES, CnnSpace, Space, find_space, spec_hash

ALL = [kind() for kind in SPACES.values()]
each = pytest.mark.parametrize("space", ALL, ids=lambda s: s.name)


@each
@given(seed=st.integers(0, 2**32))
@examples(15)
def test_operations_give_valid_specs(space: Space[Any], seed: int) -> None:
    rng = Random(seed)
    a, b = space.sample(rng), space.sample(rng)
    for spec in (a, space.mutate(a, rng), space.mutate(a, rng, 1.0, 1.0), space.crossover(a, b, rng)):
        graph = space.graph(spec)
        verify(graph)
        assert graph.macs > 0
        assert len(space.encode(spec)) == len(space.encode(a))
        assert space.from_json(space.to_json(spec)) == spec
        assert hash(spec) == hash(space.from_json(space.to_json(spec)))


@each
def test_seeds_decide(space: Space[Any]) -> None:
    def walk(seed: int) -> list[object]:
        rng = Random(seed)
        a, b = space.sample(rng), space.sample(rng)
        return [a, b, space.mutate(a, rng), space.crossover(a, b, rng)]

    assert walk(3) == walk(3)
    assert walk(3) != walk(4)


@each
def test_nothing_changes_with_probability_zero(space: Space[Any]) -> None:
    spec = space.sample(Random(1))
    assert space.mutate(spec, Random(2), 0.0, 0.0) == spec
    assert space.crossover(spec, spec, Random(3)) == spec


@each
def test_mutations_reach_what_samples_reach(space: Space[Any]) -> None:
    """Every coordinate of the encoding that varies among samples varies among mutants of one spec."""
    rng = Random(5)
    samples = [space.encode(space.sample(rng)) for _ in range(200)]
    spec = space.sample(rng)
    mutants = [space.encode(space.mutate(spec, rng, 1.0, 1.0)) for _ in range(200)]
    for sampled, mutated in zip(zip(*samples, strict=True), zip(*mutants, strict=True), strict=True):
        assert set(sampled) == set(mutated)


def test_names_and_hashes_are_stable() -> None:
    spec = CnnSpace().sample(Random(0))
    assert spec_hash(spec) == spec_hash(CnnSpace().from_json(CnnSpace().to_json(spec)))
    assert spec_hash(spec) != spec_hash(CnnSpace().sample(Random(1)))
    with pytest.raises(UsageError, match="no search space 'cn'.*cnn"):
        find_space("cn")


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda d: d | {"width": "0.5"}, "spec.width: expected float"),
        (lambda d: d | {"resolution": 1.5}, "spec.resolution: expected int"),
        (lambda d: {"width": 0.5}, "expected an object with resolution, width, stages"),
        (lambda d: d | {"stages": [[{"kernel": 3}]]}, r"spec.stages\[0\]\[0\]: expected an object"),
    ],
)
def test_damaged_specs_are_refused(change: Any, sentence: str) -> None:
    space = CnnSpace()
    data = json.loads(space.to_json(space.sample(Random(0))))
    with pytest.raises(UsageError, match=sentence):
        space.from_json(json.dumps(change(data)))
    with pytest.raises(UsageError, match="no spec of the space 'cnn'"):
        space.from_json("{")


def test_cells_cut_the_space() -> None:
    cells = CnnSpace().cells()
    assert len(cells) == 108
    assert {cells["w0.5-r144"].sample(Random(i)).resolution for i in range(5)} == {144}
    assert {cells["w0.5-r144"].sample(Random(i)).width for i in range(5)} == {0.5}
