"""Random networks through every pass: the same integers, the same interface, honest sources."""

from __future__ import annotations

import pytest
from hypothesis import given

from tests.support.graphs import ENDS, STEPS, graphs
from tests.support.passes import assert_same_meaning
from tinyc.ir.graph import Graph
from tinyc.ir.operator import operators
from tinyc.ir.text import parse_graph, print_graph
from tinyc.ir.transform import Pass, Sequential, all_passes
from tinyc.ir.verifier import verify
from tinyc.ops import conv_sums, sums
from tinyc.passes import DEFAULT_PIPELINE, DecomposePatchEmbedding, DropFloatEnds, FormSegments, SplitPatches
from tinyc.program import segment

# These have tests of their own, as have those that change numbers.
ON_REQUEST = (DecomposePatchEmbedding, DropFloatEnds, FormSegments, SplitPatches)
KEEPING = [cls() for cls in all_passes() if cls not in ON_REQUEST and not cls.changes_numbers]


# Random networks of these: tests/attention and tests/frontend_onnx/test_onnx_transformers.py; random cases: tests/ops.
OF_TRANSFORMERS = {"batch_matmul", "gelu", "layer_norm", "rsqrt", "squared_difference"}


def test_the_generator_knows_every_operator() -> None:
    modules = {sums.__name__, conv_sums.__name__, segment.__name__}
    made_by_the_compiler = {name for name, cls in operators().items() if cls.__module__ in modules}
    assert set(STEPS) | ENDS | made_by_the_compiler | OF_TRANSFORMERS == set(operators())


@given(graphs(in_tflite=False))
def test_generated_graphs_are_valid_and_their_text_round_trips(graph: Graph) -> None:
    verify(graph)
    assert print_graph(parse_graph(print_graph(graph))) == print_graph(graph)


@pytest.mark.parametrize("pass_", KEEPING, ids=str)
@given(graph=graphs(in_tflite=False, constant_nodes=True))
def test_a_pass_keeps_the_integers(pass_: Pass, graph: Graph) -> None:
    before = graph.copy()
    changed = pass_.run(graph)
    verify(graph)
    assert changed == (print_graph(graph) != print_graph(before))
    assert_same_meaning(before, graph)


@given(graph=graphs(in_tflite=False, constant_nodes=True, max_nodes=12))
def test_the_default_pipeline_keeps_the_integers(graph: Graph) -> None:
    before = graph.copy()
    Sequential(DEFAULT_PIPELINE)(graph)
    verify(graph)
    assert_same_meaning(before, graph)


@given(graph=graphs(in_tflite=False))
def test_passes_reach_a_fixed_point(graph: Graph) -> None:
    for pass_ in KEEPING:
        pass_.run(graph)
        assert not pass_.run(graph), f"{pass_} finds more to do on its own result"


@given(graph=graphs(float_ends=True))
def test_int8_ends_carry_the_codes_of_the_float_ends(graph: Graph) -> None:
    before = graph.copy()
    assert DropFloatEnds().run(graph)
    verify(graph)
    assert_same_meaning(before, graph)
