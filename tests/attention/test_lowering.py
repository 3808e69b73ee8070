"""Attention in every form that exporters write becomes the same heads, and keeps its integers."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.examples import examples
from tests.support.operator_cases import inputs_of
from tests.support.vit import FORMS, Vit, attention, vit
from tinyc.compiler import Options, run_passes
from tinyc.ir.graph import Graph
from tinyc.ir.interpreter import evaluate
from tinyc.ir.verifier import verify
from tinyc.ops import BatchMatMul
from tinyc.passes import Rematerialise
from tinyc.passes.lower_attention import find_attention

MOVEMENTS = {"reshape", "transpose", "strided_slice"}
LITERAL = Options(disabled_pass=("lower-attention",))


def lowered(graph: Graph, options: Options | None = None) -> Graph:
    changed = graph.copy()
    run_passes(changed, options or Options())
    return changed


def assert_same(one: Graph, other: Graph) -> None:
    for inputs in inputs_of(one, np.random.default_rng(0)):
        for a, b in zip(evaluate(one, inputs), evaluate(other, inputs), strict=True):
            np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("heads", [1, 2, 3])
def test_heads_one_after_the_other_without_movements(form: str, heads: int) -> None:
    graph = attention(Vit(form=form, heads=heads))
    found = lowered(graph)
    counts = Counter(node.op.name for node in found.nodes)
    assert not MOVEMENTS & set(counts)
    assert counts["batch_matmul"] == 2 * heads and counts["fully_connected"] == 3 * heads + 1
    assert counts["concatenation"] == (heads > 1)
    assert all(node.output.type.shape[:2] == (1, 17) for node in found.nodes)
    assert_same(graph, found)
    assert found.macs == graph.macs


@pytest.mark.parametrize("form", FORMS)
def test_literally_it_computes_the_same(form: str) -> None:
    graph = attention(Vit(form=form, mask=True, rank=5))
    assert_same(lowered(graph, LITERAL), lowered(graph))


def test_more_heads_than_a_concatenation_takes() -> None:
    graph = attention(Vit(heads=12, head=2))
    assert Counter(node.op.name for node in lowered(graph).nodes)["concatenation"] == 3
    assert_same(graph, lowered(graph))


def test_a_whole_network_has_no_movement_but_that_of_its_patches() -> None:
    graph = vit(Vit(blocks=2, form="sequence"))
    found = lowered(graph)
    assert [n.op.name for n in found.nodes if n.op.name in MOVEMENTS] == ["reshape", "strided_slice"]
    assert_same(graph, found)


CONFIGS = st.builds(
    Vit, form=st.sampled_from(FORMS), heads=st.integers(1, 4), head=st.integers(1, 5), embedding=st.integers(1, 9),
    patch=st.sampled_from([2, 4]), rank=st.sampled_from([0, 0, 3]), mask=st.booleans(), per_channel=st.booleans(),
)
PASSES = st.sampled_from([None, *(Rematerialise(shared, split) for shared in range(3) for split in (False, True))])


@examples(40)
@given(CONFIGS, PASSES, st.integers(0, 2**16))
def test_random_attention_keeps_its_integers(config: Vit, more: Rematerialise | None, seed: int) -> None:
    graph = attention(config, seed)
    found = lowered(graph)
    if more is not None:
        more.run(found)
        verify(found)
    assert_same(graph, found)


def test_a_head_of_one_channel_has_a_scale_for_all_its_weights() -> None:
    """One scale per tensor gives the multipliers that one per channel gives."""
    graph = attention(Vit(head=1))
    run_passes(graph, LITERAL)
    weighted = [node for node in graph.nodes if isinstance(node.op, BatchMatMul)][-1]
    assert not isinstance(find_attention(weighted, graph), str)
    assert_same(graph, lowered(graph))


@pytest.mark.parametrize(("pass_", "norms"), [
    (Rematerialise(), 3), (Rematerialise(split=True), 6), (Rematerialise(2), 2), (Rematerialise(3), 1),
    (Rematerialise(1, split=True), 5),
])
@pytest.mark.parametrize("form", ["fused", "split"])
def test_how_often_the_normalisation_runs(pass_: Rematerialise, norms: int, form: str) -> None:
    graph = lowered(attention(replace(Vit(heads=3), form=form, rank=2)))
    before, changed = graph.copy(), pass_.run(graph)
    verify(graph)
    assert Counter(node.op.name for node in graph.nodes)["layer_norm"] == norms
    assert changed == (norms > 1)
    assert_same(before, graph)
