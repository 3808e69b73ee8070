"""merge-low-rank: fewer weights and multiply-accumulates, and numbers that stay close to the real ones."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.support.vit import Vit, encoder
from tinyc import ops
from tinyc.compiler import Options, run_passes
from tinyc.ir.graph import Graph, Node
from tinyc.ir.interpreter import evaluate, evaluate_all
from tinyc.ir.text import print_graph
from tinyc.ir.transform import parse_pipeline
from tinyc.ir.types import DType, Quant, TensorType
from tinyc.ir.verifier import verify
from tinyc.passes import MergeLowRank

Array = np.ndarray[Any, Any]


def chain(*channels: int, seed: int = 0, clamp: tuple[int, int] = (-128, 127)) -> Graph:
    """Dense layers one after the other, of so many channels."""
    random, graph = np.random.default_rng(seed), Graph("chain")
    x = graph.add_input("x", TensorType((1, 9, channels[0]), DType.int8, Quant.per_tensor(0.02, 3)))
    for inner, outer in zip(channels, channels[1:], strict=False):
        w = TensorType((outer, inner), DType.int8, Quant.per_tensor(0.01, 0))
        weights = graph.add_constant("w", w, random.integers(-127, 128, w.shape).astype(np.int8))
        bias = graph.add_constant("b", TensorType((outer,), DType.int32), random.integers(-3000, 3000, outer))
        scale = x.type.scale * 0.01 * 75 * inner**0.5 * 1.2
        x = graph.add(
            ops.FullyConnected(clamp), [x, weights, bias],
            TensorType((1, 9, outer), DType.int8, Quant.per_tensor(scale, int(random.integers(-9, 9)))),
        ).output
    graph.outputs = [x]
    return graph


def real(node: Node, x: Array) -> Array:
    """A dense layer on real numbers."""
    w, bias = node.input(1), node.input(2)
    assert w.data is not None and bias.data is not None and w.type.quant is not None
    scales = np.broadcast_to(np.array(w.type.quant.scale), w.type.shape[0])
    return np.asarray(x @ (w.data * scales[:, None]).T + bias.data * scales * node.input(0).type.scale)


@pytest.mark.parametrize(("channels", "left"), [
    ((16, 8, 8), 1),  # 8 x 16 weights instead of 8 x 16 and 8 x 8
    ((16, 4, 16), 2),  # 64 and 64 are fewer than 256
    ((24, 16, 16, 72), 2),
    ((8, 8, 8, 8, 8), 1),
])
def test_what_it_merges(channels: tuple[int, ...], left: int) -> None:
    graph = chain(*channels)
    before = graph.macs
    assert MergeLowRank().run(graph) == (left < len(channels) - 1)
    verify(graph)
    assert len(graph.nodes) == left
    assert graph.macs < before or left == len(channels) - 1
    assert not MergeLowRank().run(graph)


@pytest.mark.parametrize("seed", range(8))
def test_the_result_is_as_close_to_the_real_one_as_before(seed: int) -> None:
    graph = chain(32, 16, 12, seed=seed)
    codes = np.random.default_rng(seed).integers(-40, 41, (1, 9, 32)).astype(np.int8)
    kind, x = graph.outputs[0].type, (codes - 3.0) * 0.02
    for node in graph.nodes:
        x = real(node, x)
    wanted = np.clip(x / kind.scale + kind.zero_point, -128, 127)
    errors = [np.abs(evaluate(graph, [codes])[0] - wanted)]
    assert MergeLowRank().run(graph)
    errors.append(np.abs(evaluate(graph, [codes])[0] - wanted))
    assert errors[1].mean() <= errors[0].mean() + 0.1 and errors[1].max() <= 2.5


def test_an_output_without_weights_keeps_its_bias() -> None:
    graph = chain(6, 4, 3)
    last = graph.nodes[-1]
    zero = np.zeros((3, 4), np.int8)
    weights = graph.add_constant("zero", last.input(1).type, zero)
    graph.replace(last, inputs=[last.input(0), weights, last.input(2)])
    codes = np.random.default_rng(0).integers(-128, 128, (1, 9, 6)).astype(np.int8)
    before = evaluate(graph, [codes])[0]
    assert MergeLowRank().run(graph)
    assert np.abs(evaluate(graph, [codes])[0].astype(int) - before).max() <= 1


def test_what_stands_between_keeps_them_apart() -> None:
    clamped = chain(16, 8, 8, clamp=(0, 127))
    shared = chain(16, 8, 8)
    shared.outputs.append(shared.nodes[0].output)
    unknown = chain(16, 8, 8)
    unknown.nodes[0].input(1).data = None
    for graph in (clamped, shared, unknown):
        before = print_graph(graph)
        assert not MergeLowRank().run(graph)
        assert print_graph(graph) == before


def test_a_transformer_of_low_rank_gets_smaller() -> None:
    graph = encoder(Vit(embedding=24, heads=3, head=8, hidden=84, rank=16))
    merged = graph.copy()
    run_passes(graph, Options())
    run_passes(merged, Options(pipeline=parse_pipeline("merge-low-rank,default")))
    assert merged.macs < graph.macs
    assert sum(v.type.bytes for v in merged.constants.values()) < sum(v.type.bytes for v in graph.constants.values())
    tokens = np.random.default_rng(0).integers(-128, 128, graph.inputs[0].type.shape).astype(np.int8)
    ours, theirs = (evaluate_all(g, [tokens])[g.outputs[0].name].astype(int) for g in (merged, graph))
    assert np.abs(ours - theirs).mean() < 12  # codes; one rounding and one limit less per pair
