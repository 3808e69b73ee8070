"""Convolutions, pools and what else works on images, against onnxruntime."""

from __future__ import annotations

import numpy as np
import pytest

from tests.frontend_onnx.cases import IMAGE, Cases, conv, int8
from tests.frontend_onnx.qdq import F32, Model, kinds, operators_differ

CASES = Cases()


@CASES
def convolution(m: Model, random: np.random.Generator) -> str:
    return m.quant(conv(m, random, m.input(IMAGE), (5, 6, 3, 3), pads=[1, 0, 1, 2], strides=[2, 1]), 0.2, -5)


@CASES
def grouped(m: Model, random: np.random.Generator) -> str:
    return m.quant(conv(m, random, m.input(IMAGE), (4, 3, 3, 2), group=2, dilations=[2, 1]), 0.15, 7)


@CASES
def depthwise(m: Model, random: np.random.Generator) -> str:
    return m.quant(
        conv(m, random, m.input(IMAGE), (12, 1, 3, 3), group=6, auto_pad="SAME_UPPER", strides=[2, 2]), 0.1, 0
    )


@CASES
def same_lower(m: Model, random: np.random.Generator) -> str:
    return m.quant(
        conv(m, random, m.input(IMAGE), (2, 6, 4, 4), bias=False, auto_pad="SAME_LOWER", strides=[2, 2]), 0.2, 0
    )


@CASES
def one_dimensional(m: Model, random: np.random.Generator) -> str:
    x = m.quant(conv(m, random, m.input((1, 4, 20)), (5, 4, 3), pads=[1, 1], strides=[2]), 0.1, 0)
    return m.quant(m.node("MaxPool", x, kernel_shape=[2], strides=[2]), 0.1, 0)


@CASES
def convolution_with_limits(m: Model, random: np.random.Generator) -> str:
    y = conv(m, random, m.input(IMAGE), (5, 6, 1, 1))
    return m.quant(m.node("Clip", y, m.constant(F32(0)), m.constant(F32(6))), 0.06, -30)


@CASES
def convolution_with_int8_bias(m: Model, random: np.random.Generator) -> str:
    w = m.weights(int8(random, 5, 6, 1, 1), F32(0.004))
    return m.quant(m.node("Conv", m.input(IMAGE), w, m.weights(int8(random, 5), F32(0.01), 17)), 0.1, 3)


@CASES
def convolution_and_added_bias(m: Model, random: np.random.Generator) -> str:
    y = conv(m, random, m.input(IMAGE), (5, 6, 1, 1), bias=False)
    return m.quant(m.node("Add", y, m.weights(int8(random, 1, 5, 1, 1), F32(0.01))), 0.1, 3)


@CASES
def max_pool(m: Model, random: np.random.Generator) -> str:
    x = conv(m, random, m.input(IMAGE), (5, 6, 1, 1))
    return m.quant(
        m.node("MaxPool", m.quant(x, 0.1, 3), kernel_shape=[3, 3], strides=[2, 2], pads=[1] * 4, ceil_mode=1), 0.1, 3
    )


@CASES
def average_pool(m: Model, random: np.random.Generator) -> str:
    return m.quant(m.node("AveragePool", m.input(IMAGE), kernel_shape=[2, 2], strides=[2, 2]))


@CASES
def average_pool_padded(m: Model, random: np.random.Generator) -> str:
    return m.quant(m.node("AveragePool", m.input(IMAGE), kernel_shape=[3, 3], pads=[1, 1, 1, 1]), 0.06, 0)


@CASES
def average_pool_counting_padding(m: Model, random: np.random.Generator) -> str:
    pool = m.node("AveragePool", m.input(IMAGE), kernel_shape=[3, 2], pads=[1, 1, 0, 1], count_include_pad=1)
    return m.quant(pool, 0.021, 0)


@CASES
def average_pool_rescaled(m: Model, random: np.random.Generator) -> str:
    return m.quant(m.node("AveragePool", m.input(IMAGE), kernel_shape=[3, 3]), 0.02, -7)


@CASES
def global_average_pool(m: Model, random: np.random.Generator) -> str:
    return m.quant(m.node("GlobalAveragePool", m.input((1, 40, 7, 7))), 0.011, -7)


@CASES
def reduce_mean(m: Model, random: np.random.Generator) -> str:
    return m.quant(m.node("ReduceMean", m.input((1, 30, 8, 7)), axes=[-1, 2], keepdims=0), 0.011, -7)


@CASES
def global_max_pool(m: Model, random: np.random.Generator) -> str:
    return m.quant(m.node("GlobalMaxPool", m.input(IMAGE)))


@CASES
def pad(m: Model, random: np.random.Generator) -> str:
    x = m.quant(conv(m, random, m.input(IMAGE), (5, 6, 1, 1)), 0.1, 3)
    return m.quant(m.node("Pad", x, m.constant(np.array([0, 0, 1, 2, 0, 0, 3, 0]))), 0.1, 3)


@CASES
def resize(m: Model, random: np.random.Generator) -> str:
    scales = m.constant(np.array([1, 1, 2, 3], F32))
    return m.quant(
        m.node("Resize", m.input(IMAGE), "", scales, nearest_mode="floor", coordinate_transformation_mode="asymmetric")
    )


@CASES
def resize_half_pixel(m: Model, random: np.random.Generator) -> str:
    return m.quant(m.node("Resize", m.input(IMAGE), "", "", m.constant(np.array([1, 6, 16, 14]))))


EXACT = {"max_pool", "global_max_pool", "pad", "resize", "resize_half_pixel"}
ROUNDED = {"average_pool": 0.90, "average_pool_rescaled": 0.97}  # windows of 2 by 2 meet a half every fourth time


@CASES.parametrize()
def test_operator(name: str, unsigned: bool) -> None:
    CASES.check(name, unsigned, share=ROUNDED.get(name, 0.99))


@pytest.mark.parametrize("name", ["convolution", "depthwise", "pad"])
def test_no_transpose_is_left(name: str) -> None:
    assert "transpose" not in kinds(CASES.data(name))


def test_a_bias_on_the_scale_of_the_sums_is_taken_exactly() -> None:
    from tinyc.frontend.onnx import import_onnx

    m = Model()
    random = np.random.default_rng(0)
    codes = np.array([-(2**20), 2**20 + 1, 7], np.int32)
    scales = np.array([0.0011, 0.0037, 0.0091], F32)
    w = m.weights(int8(random, 3, 6, 1, 1), scales, axis=0)
    y = m.node("Conv", m.input(IMAGE), w, m.weights(codes, (F32(0.05) * scales).astype(F32), axis=0))
    graph = import_onnx(m.build(m.quant(y, 9.0, 0)), "m")
    (bias,) = (v for v in graph.constants.values() if v.type.dtype.value == "int32")
    assert bias.data is not None and bias.data.tolist() == codes.tolist()


def test_behind_a_relu_rounding_twice_hardly_shows() -> None:
    """Over every sum that one weight can give: far fewer than the 1 in 512 elements of uncompensated sums differ."""
    m = Model()
    w = m.weights(np.arange(-127, 128, dtype=np.int8).reshape(255, 1, 1, 1), F32(0.0047))
    y = m.node("Relu", m.node("Conv", m.input((1, 1, 16, 16), 0.039, -128), w))
    largest, share = operators_differ(m.build(m.quant(y, 0.0415, -128)), count=4)
    assert largest <= 1 and share > 0.9995
