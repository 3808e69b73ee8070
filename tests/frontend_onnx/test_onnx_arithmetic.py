"""Dense layers and arithmetic on two tensors, or on one and constants, against onnxruntime."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.frontend_onnx.cases import IMAGE, Cases, conv, int8
from tests.frontend_onnx.qdq import F32, Model, kinds

CASES = Cases()


@CASES
def gemm(m: Model, random: np.random.Generator) -> str:
    w = m.weights(int8(random, 5, 9), (0.01 + 0.01 * random.random(5)).astype(F32), axis=0)
    return m.quant(
        m.node("Gemm", m.input((2, 9)), w, m.weights(int8(random, 5), F32(0.02)), transB=1, alpha=0.5, beta=2.0)
    )


@CASES
def gemm_asymmetric(m: Model, random: np.random.Generator) -> str:
    w = m.weights(random.integers(0, 256, (9, 5)).astype(np.uint8), F32(0.01), 119)
    return m.quant(m.node("Gemm", m.input((2, 9)), w))


@CASES
def matmul(m: Model, random: np.random.Generator) -> str:
    w = m.weights(int8(random, 9, 4), (0.01 + 0.01 * random.random(4)).astype(F32), axis=1)
    y = m.node("MatMul", m.input((1, 3, 9)), w)
    return m.quant(m.node("Relu", m.node("Add", y, m.weights(int8(random, 4), F32(0.02), -9))), 0.05, -128)


@CASES
def flatten_and_gemm(m: Model, random: np.random.Generator) -> str:
    """The weights follow the image's order: nothing moves at run time."""
    x = m.quant(conv(m, random, m.input(IMAGE), (5, 6, 3, 3)), 0.2, 0)
    w = m.weights(int8(random, 5 * 6 * 5, 3), F32(0.004))
    return m.quant(m.node("MatMul", m.node("Flatten", x), w), 0.5, 0)


@CASES
def transposed_image(m: Model, random: np.random.Generator) -> str:
    x = m.quant(conv(m, random, m.input(IMAGE), (5, 6, 3, 3)), 0.2, 0)
    flat = m.node("Reshape", m.node("Transpose", x, perm=[0, 2, 3, 1]), m.constant(np.array([0, -1])))
    return m.quant(m.node("MatMul", flat, m.weights(int8(random, 150, 3), F32(0.004))), 0.5, 0)


@CASES
def add(m: Model, random: np.random.Generator) -> str:
    return m.quant(m.node("Add", m.input(IMAGE, 0.05, 3), m.input(IMAGE, 0.08, -20)), 0.11, 9)


@CASES
def add_broadcast(m: Model, random: np.random.Generator) -> str:
    return m.quant(m.node("Add", m.input(IMAGE), m.weights(int8(random, 6, 1, 1), F32(0.04), 5)), 0.07, 9)


@CASES
def subtract(m: Model, random: np.random.Generator) -> str:
    return m.quant(m.node("Sub", m.input((1, 9), 0.05, 3), m.input((1, 9), 0.08, -20)), 0.11, 9)


@CASES
def multiply(m: Model, random: np.random.Generator) -> str:
    """A gate per channel, as in squeeze and excitation."""
    x = m.input(IMAGE)
    gate = m.quant(m.node("Sigmoid", m.quant(m.node("GlobalAveragePool", x), 0.02, 0)), 1 / 256, -128)
    return m.quant(m.node("Mul", x, gate), 0.03, 1)


# ---------------------------------------------------------------------- a factor and an offset per channel
def batch_norm(m: Model, random: np.random.Generator, x: str, channels: int, scale: Any = None) -> str:
    gamma = random.uniform(0.5, 1.5, channels) if scale is None else scale
    mean, variance = random.normal(0, 0.5, channels), random.uniform(0.2, 2, channels)
    constants = (gamma, random.normal(0, 1, channels), mean, variance)
    return m.node("BatchNormalization", x, *(m.constant(np.asarray(c, F32)) for c in constants), epsilon=1e-3)


@CASES
def batch_normalisation_of_a_convolution(m: Model, random: np.random.Generator) -> str:
    gamma = np.array([1.1, -0.7, 0.0, 0.9, 1.3])
    y = batch_norm(m, random, conv(m, random, m.input(IMAGE), (5, 6, 3, 3)), 5, gamma)
    return m.quant(m.node("Relu", y), 0.1, -128)


@CASES
def batch_normalisation_of_an_image(m: Model, random: np.random.Generator) -> str:
    return m.quant(batch_norm(m, random, m.input((1, 6, 8, 7)), 6, np.array([1, 0.5, -1, 0, 2, 0.1])), 0.06, 4)


@CASES
def batch_normalisation_of_a_dense_layer(m: Model, random: np.random.Generator) -> str:
    w = m.weights(int8(random, 9, 4), (0.01 + 0.01 * random.random(4)).astype(F32), axis=1)
    return m.quant(batch_norm(m, random, m.node("MatMul", m.input((5, 9)), w), 4), 0.1, 0)


@CASES
def batch_normalisation_of_a_signal(m: Model, random: np.random.Generator) -> str:
    """[N,C,L] as it comes: its channels are brought last."""
    return m.quant(batch_norm(m, random, m.input((1, 5, 12)), 5), 0.1, 0)


@CASES
def scaled_convolution(m: Model, random: np.random.Generator) -> str:
    y = m.node("Mul", conv(m, random, m.input(IMAGE), (5, 6, 1, 1)), m.constant(F32(0.25)))
    return m.quant(m.node("Sub", y, m.constant(random.normal(0, 1, (1, 5, 1, 1)).astype(F32))), 0.05, 3)


@CASES
def numbers_per_channel(m: Model, random: np.random.Generator) -> str:
    """The mean and deviation of ImageNet, as models that take raw images have them."""
    x = m.input((1, 3, 8, 6))
    pooled = m.quant(m.node("AveragePool", x, kernel_shape=[1, 1]))
    mean, deviation = (m.constant(np.array(v, F32).reshape(3, 1, 1)) for v in ([0.5, 0.4, 0.6], [0.2, 0.3, 0.25]))
    shifted = m.quant(m.node("Sub", pooled, mean), 0.05, 3)
    return m.quant(m.node("Div", shifted, deviation), 0.193, 3)


@CASES
def numbers_per_token_feature(m: Model, random: np.random.Generator) -> str:
    x = m.quant(m.node("Mul", m.input((1, 5, 12)), m.constant(random.normal(0, 1, 12).astype(F32))), 0.09, 3)
    return m.quant(m.node("Sub", m.constant(random.normal(0, 1, (1, 1, 12)).astype(F32)), x), 0.11, 3)


@CASES
def numbers_per_channel_of_codes(m: Model, random: np.random.Generator) -> str:
    """A constant with a scale per channel."""
    c = m.weights(int8(random, 12), (0.01 + 0.02 * random.random(12)).astype(F32), axis=0)
    return m.quant(m.node("Add", m.input((1, 5, 12)), c), 0.07, 3)


@CASES
def position_in_float(m: Model, random: np.random.Generator) -> str:
    return m.quant(m.node("Add", m.input((1, 5, 12)), m.constant(random.normal(0, 0.5, (1, 5, 12)).astype(F32))), 0.09)


@CASES
def difference_from_floats(m: Model, random: np.random.Generator) -> str:
    return m.quant(m.node("Sub", m.constant(random.normal(0, 0.5, (5, 12)).astype(F32)), m.input((1, 5, 12))), 0.09)


@CASES
def window_in_float(m: Model, random: np.random.Generator) -> str:
    x = m.quant(m.node("Mul", m.input((1, 5, 12)), m.constant(random.random((1, 5, 12)).astype(F32))), 0.06)
    return m.quant(m.node("Div", x, m.constant(random.uniform(1, 2, (1, 5, 1)).astype(F32))), 0.06)


@CASES
def position_in_codes(m: Model, random: np.random.Generator) -> str:
    return m.quant(m.node("Add", m.input((1, 5, 12)), m.weights(int8(random, 1, 5, 12), F32(0.011), 21)), 0.07, -4)


ROUNDED_TWICE = {"position_in_float", "difference_from_floats", "window_in_float"}  # the numbers, and the result


@CASES.parametrize()
def test_operator(name: str, unsigned: bool) -> None:
    CASES.check(name, unsigned, share=0.7 if name in ROUNDED_TWICE else 0.99)


@pytest.mark.parametrize("name", ["flatten_and_gemm", "transposed_image", "add_broadcast", "numbers_per_channel"])
def test_no_transpose_is_left(name: str) -> None:
    assert "transpose" not in kinds(CASES.data(name))


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("batch_normalisation_of_a_convolution", ["conv2d"]),
        ("batch_normalisation_of_a_dense_layer", ["fully_connected"]),
        ("batch_normalisation_of_an_image", ["depthwise_conv2d"]),
        ("scaled_convolution", ["conv2d"]),
    ],
)
def test_a_factor_and_an_offset_take_one_operator_at_most(name: str, expected: list[str]) -> None:
    assert kinds(CASES.data(name)) == expected


def test_tokens_keep_their_axes() -> None:
    """[1,N,C] goes through dense layers as it is, also where the model makes it [N,C] in between."""
    m, random = Model(), np.random.default_rng(0)
    flat = m.node("Reshape", m.input((1, 7, 9)), m.constant(np.array([7, 9])))
    y = m.quant(m.node("Gemm", flat, m.weights(int8(random, 9, 4), F32(0.01))), 0.05, 0)
    y = m.quant(m.node("Relu", m.node("Reshape", y, m.constant(np.array([1, 7, 4])))), 0.05, -128)
    assert kinds(m.build(y)) == ["fully_connected", "lut"]
