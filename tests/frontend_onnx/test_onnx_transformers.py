"""Operators of transformers, and attention as exporters write it, against onnxruntime."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.frontend_onnx.cases import Cases, int8
from tests.frontend_onnx.qdq import F32, Model, distance, kinds, operators_differ
from tests.support.examples import examples

CASES = Cases()


def gamma_and_beta(m: Model, random: np.random.Generator, *shape: int) -> tuple[str, str]:
    """As the quantiser leaves them: int8, and int32 on the scale of x times gamma."""
    beta = random.integers(-5000, 5000, shape).astype(np.int32)
    return m.weights(int8(random, *shape), F32(0.009), 3), m.weights(beta, F32(0.00045))


def dense(
    m: Model, random: np.random.Generator, x: str, inner: int, outer: int, scale: float = 0.05, zero: int = 3
) -> str:
    """MatMul and Add of an int8 bias, as graphs without pre-processing have them."""
    w = m.weights(int8(random, inner, outer), (0.003 + 0.002 * random.random(outer)).astype(F32), axis=1)
    return m.quant(m.node("Add", m.node("MatMul", x, w), m.weights(int8(random, outer), F32(0.004), 19)), scale, zero)


def layer_norm(m: Model, random: np.random.Generator, x: str, width: int) -> str:
    y = m.node("LayerNormalization", x, *gamma_and_beta(m, random, width), axis=-1, epsilon=1e-5)
    return m.quant(y, 0.021, -3)


# ---------------------------------------------------------------------- operator by operator
@CASES
def layer_normalisation(m: Model, random: np.random.Generator) -> str:
    return layer_norm(m, random, m.input((1, 9, 24)), 24)


@CASES
def layer_normalisation_without_offset(m: Model, random: np.random.Generator) -> str:
    gamma = m.weights(int8(random, 24), F32(0.011))
    return m.quant(m.node("LayerNormalization", m.input((9, 24)), gamma), 0.03, -3)


@CASES
def layer_normalisation_in_float(m: Model, random: np.random.Generator) -> str:
    """QOperator graphs keep its constants in float."""
    constants = (random.uniform(0.8, 1.2, 24), random.normal(0, 0.3, 24))
    y = m.node("LayerNormalization", m.input((1, 9, 24)), *(m.constant(c.astype(F32)) for c in constants))
    return m.quant(y, 0.026, -3)


@CASES
def layer_normalisation_of_two_axes(m: Model, random: np.random.Generator) -> str:
    y = m.node("LayerNormalization", m.input((3, 4, 6)), *gamma_and_beta(m, random, 4, 6), axis=1)
    return m.quant(y, 0.021, -3)


@CASES
def layer_normalisation_of_transposed_tokens(m: Model, random: np.random.Generator) -> str:
    x = m.node("Transpose", m.input((1, 24, 9)), perm=[0, 2, 1])
    return m.quant(m.node("LayerNormalization", x, *gamma_and_beta(m, random, 24), axis=2), 0.021, -3)


@CASES
def products(m: Model, random: np.random.Generator) -> str:
    return m.quant(m.node("MatMul", m.input((1, 2, 9, 16), 0.05, 3), m.input((1, 2, 16, 7), 0.04, -9)), 0.11, 7)


@CASES
def products_with_a_transpose(m: Model, random: np.random.Generator) -> str:
    k = m.node("Transpose", m.input((1, 2, 9, 16), 0.04, -9), perm=[0, 1, 3, 2])
    return m.quant(m.node("MatMul", m.input((1, 2, 9, 16), 0.05, 3), k), 0.11, 7)


@CASES
def products_that_broadcast(m: Model, random: np.random.Generator) -> str:
    return m.quant(m.node("MatMul", m.input((3, 5, 6)), m.input((2, 1, 6, 4), 0.04, 8)), 0.07, 7)


@CASES
def constant_times_tensor(m: Model, random: np.random.Generator) -> str:
    """A mixer over tokens: the weights come first."""
    return m.quant(m.node("MatMul", m.weights(int8(random, 5, 9), F32(0.01), 4), m.input((1, 9, 12))), 0.05, 0)


@CASES
def gemm_of_two_tensors(m: Model, random: np.random.Generator) -> str:
    return m.quant(m.node("Gemm", m.input((6, 9)), m.input((5, 6), 0.03, 7), transA=1, transB=1), 0.06, -1)


@CASES
def batch_of_weights(m: Model, random: np.random.Generator) -> str:
    first = m.quant(m.node("MatMul", m.input((2, 4, 6)), m.weights(int8(random, 1, 6, 5), F32(0.01), 4)), 0.05, 0)
    return m.quant(m.node("MatMul", first, m.weights(int8(random, 2, 5, 7), F32(0.012))), 0.05, 0)


@CASES
def mean_of_tokens(m: Model, random: np.random.Generator) -> str:
    x = layer_norm(m, random, m.input((1, 9, 24)), 24)
    picked = m.node("Slice", x, *(m.constant(np.array([v])) for v in (1, 2**63 - 1, 1)))
    return m.quant(m.node("ReduceMean", m.quant(picked, 0.021, -3), axes=[1], keepdims=0), 0.0117, 3)


# ---------------------------------------------------------------------- attention in the shapes of exporters
def scores(m: Model, q: str, k: str, scale: float) -> str:
    """softmax(q · k · scale), the quantiser's scale following the factor."""
    s = m.quant(m.node("MatMul", q, k), 0.0317, 5)
    factor = m.weights(np.array(127, np.int8), F32(scale / 127))
    s = m.quant(m.node("Mul", s, factor), float(F32(0.0317) * F32(scale)), 5)
    return m.quant(m.node("Softmax", s, axis=-1), 1 / 255, -128)


def heads(m: Model, x: str, tokens: int, width: int, count: int, perm: list[int]) -> str:
    shape = m.constant(np.array([1, tokens, count, width // count]))
    return m.node("Transpose", m.node("Reshape", x, shape), perm=perm)


def joined_heads(m: Model, random: np.random.Generator, p: str, v: str, tokens: int, width: int) -> str:
    o = m.node("Transpose", m.quant(m.node("MatMul", p, v), 0.021, -9), perm=[0, 2, 1, 3])
    return dense(m, random, m.node("Reshape", o, m.constant(np.array([1, tokens, width]))), width, width)


@CASES
def attention_of_separate_projections(m: Model, random: np.random.Generator) -> str:
    x = m.input((1, 7, 12))
    q, k, v = (
        heads(m, dense(m, random, x, 12, 12), 7, 12, 3, perm) for perm in ([0, 2, 1, 3], [0, 2, 3, 1], [0, 2, 1, 3])
    )
    return joined_heads(m, random, scores(m, q, k, 0.5), v, 7, 12)


@CASES
def attention_of_one_projection(m: Model, random: np.random.Generator) -> str:
    """qkv at once, in five axes, taken apart by Gather; the transpose of k is one of its own."""
    fused = m.node("Reshape", dense(m, random, m.input((1, 7, 12)), 12, 36), m.constant(np.array([1, 7, 3, 3, 4])))
    turned = m.node("Transpose", fused, perm=[2, 0, 3, 1, 4])
    q, k, v = (m.node("Gather", turned, m.constant(np.array(i)), axis=0) for i in range(3))
    k = m.node("Transpose", k, perm=[0, 1, 3, 2])
    return joined_heads(m, random, scores(m, q, k, 0.5), v, 7, 12)


@CASES
def attention_split(m: Model, random: np.random.Generator) -> str:
    fused = dense(m, random, m.input((1, 7, 12)), 12, 36)
    parts = m.node("Split", fused, m.constant(np.array([12, 12, 12])), outputs=3, axis=2)
    q, k, v = (heads(m, m.quant(p), 7, 12, 2, [0, 2, 1, 3]) for p in parts)
    k = m.node("Transpose", k, perm=[0, 1, 3, 2])
    return joined_heads(m, random, scores(m, q, k, 0.5), v, 7, 12)


@CASES.parametrize()
def test_operator(name: str, unsigned: bool) -> None:
    CASES.check(name, unsigned, share=0.97 if name == "layer_normalisation_in_float" else 0.99)


@pytest.mark.parametrize("name", [name for name in CASES if name.startswith("attention")])
def test_the_scale_of_attention_costs_nothing(name: str) -> None:
    """It is softmax's beta; no table and no multiplication is left between the products."""
    from tinyc.compiler import Options, run_passes
    from tinyc.frontend.onnx import import_onnx

    graph = import_onnx(CASES.data(name), "m")
    (softmax,) = (node for node in graph.nodes if node.op.name == "softmax_scaled")
    source = softmax.input(0).producer
    assert source is not None and source.op.name == "batch_matmul"
    assert softmax.op.beta == pytest.approx(0.5)  # type: ignore[attr-defined]
    run_passes(graph, Options())
    assert not any(node.op.name in ("lut", "mul") for node in graph.nodes)


def test_a_matrix_is_not_transposed_for_its_product() -> None:
    assert kinds(CASES.data("products_with_a_transpose")) == ["batch_matmul"]
    assert kinds(CASES.data("layer_normalisation")) == ["layer_norm"]


# ---------------------------------------------------------------------- random blocks
def block(m: Model, random: np.random.Generator, x: str, draw: Any, tokens: int, width: int) -> str:
    """Attention or an MLP with its residual, in one of the spellings."""
    y = layer_norm(m, random, x, width) if draw(st.booleans()) else x
    if draw(st.booleans()):
        hidden = draw(st.integers(1, 9))
        y = dense(m, random, y, width, hidden)
        y = m.quant(m.node(draw(st.sampled_from(["Relu", "Sigmoid", "Tanh", "HardSwish"])), y), 0.03, -90)
        y = dense(m, random, y, hidden, width)
    else:
        count = draw(st.sampled_from([n for n in (1, 2, 3) if width % n == 0]))
        turn = draw(st.booleans())
        q, k, v = (
            heads(m, dense(m, random, y, width, width), tokens, width, count, perm)
            for perm in ([0, 2, 1, 3], [0, 2, 3, 1] if turn else [0, 2, 1, 3], [0, 2, 1, 3])
        )
        k = k if turn else m.node("Transpose", k, perm=[0, 1, 3, 2])
        y = joined_heads(m, random, scores(m, q, k, draw(st.sampled_from([0.25, 0.7, 1.0]))), v, tokens, width)
    return m.quant(m.node("Add", x, y), 0.071, -6)


@examples(25)
@given(st.data())
def test_random_blocks(data: st.DataObject) -> None:
    draw = data.draw
    seed, tokens, width = draw(st.integers(0, 2**16)), draw(st.integers(1, 6)), draw(st.integers(2, 9))
    m, random = (
        Model(unsigned=draw(st.booleans()), opset=draw(st.sampled_from([17, 18, 20, 22]))),
        np.random.default_rng(seed),
    )
    x = m.input((1, tokens, width), 0.05, draw(st.integers(-128, 127)))
    for _ in range(draw(st.integers(1, 2))):
        x = block(m, random, x, draw, tokens, width)
    built = m.build(x)
    assert operators_differ(built, count=2, seed=seed)[0] <= 1
    distance(built, count=1, seed=seed)
