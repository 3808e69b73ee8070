"""Every ONNX operator that is read, in a model of its own, against onnxruntime with optimisations off."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.frontend_onnx.qdq import F32, Model, distance, kinds, operators_differ

IMAGE = (1, 6, 8, 7)
CASES: dict[str, Callable[[Model, np.random.Generator], str]] = {}


def case(function: Callable[[Model, np.random.Generator], str]) -> Callable[[Model, np.random.Generator], str]:
    CASES[function.__name__] = function
    return function


def int8(random: np.random.Generator, *shape: int) -> Any:
    return random.integers(-127, 128, shape).astype(np.int8)


def conv(
    m: Model, random: np.random.Generator, x: str, w: tuple[int, ...], bias: bool = True, **attributes: Any
) -> str:
    scales = (0.002 + 0.004 * random.random(w[0])).astype(F32)
    operands = [x, m.weights(int8(random, *w), scales, axis=0)]
    if bias:
        codes = random.integers(-3000, 3000, w[0]).astype(np.int32)
        operands.append(m.weights(codes, (F32(0.05) * scales).astype(F32), axis=0))
    return m.node("Conv", *operands, **attributes)


@case
def convolution(m: Model, random: np.random.Generator) -> str:
    return m.quant(conv(m, random, m.input(IMAGE), (5, 6, 3, 3), pads=[1, 0, 1, 2], strides=[2, 1]), 0.2, -5)


@case
def grouped(m: Model, random: np.random.Generator) -> str:
    return m.quant(conv(m, random, m.input(IMAGE), (4, 3, 3, 2), group=2, dilations=[2, 1]), 0.15, 7)


@case
def depthwise(m: Model, random: np.random.Generator) -> str:
    return m.quant(
        conv(m, random, m.input(IMAGE), (12, 1, 3, 3), group=6, auto_pad="SAME_UPPER", strides=[2, 2]), 0.1, 0
    )


@case
def same_lower(m: Model, random: np.random.Generator) -> str:
    return m.quant(
        conv(m, random, m.input(IMAGE), (2, 6, 4, 4), bias=False, auto_pad="SAME_LOWER", strides=[2, 2]), 0.2, 0
    )


@case
def one_dimensional(m: Model, random: np.random.Generator) -> str:
    x = m.quant(conv(m, random, m.input((1, 4, 20)), (5, 4, 3), pads=[1, 1], strides=[2]), 0.1, 0)
    return m.quant(m.node("MaxPool", x, kernel_shape=[2], strides=[2]), 0.1, 0)


@case
def convolution_with_limits(m: Model, random: np.random.Generator) -> str:
    y = conv(m, random, m.input(IMAGE), (5, 6, 1, 1))
    return m.quant(m.node("Clip", y, m.constant(F32(0)), m.constant(F32(6))), 0.06, -30)


@case
def convolution_with_int8_bias(m: Model, random: np.random.Generator) -> str:
    w = m.weights(int8(random, 5, 6, 1, 1), F32(0.004))
    return m.quant(m.node("Conv", m.input(IMAGE), w, m.weights(int8(random, 5), F32(0.01), 17)), 0.1, 3)


@case
def convolution_and_added_bias(m: Model, random: np.random.Generator) -> str:
    y = conv(m, random, m.input(IMAGE), (5, 6, 1, 1), bias=False)
    return m.quant(m.node("Add", y, m.weights(int8(random, 1, 5, 1, 1), F32(0.01))), 0.1, 3)


@case
def gemm(m: Model, random: np.random.Generator) -> str:
    w = m.weights(int8(random, 5, 9), (0.01 + 0.01 * random.random(5)).astype(F32), axis=0)
    return m.quant(
        m.node("Gemm", m.input((2, 9)), w, m.weights(int8(random, 5), F32(0.02)), transB=1, alpha=0.5, beta=2.0)
    )


@case
def gemm_asymmetric(m: Model, random: np.random.Generator) -> str:
    w = m.weights(random.integers(0, 256, (9, 5)).astype(np.uint8), F32(0.01), 119)
    return m.quant(m.node("Gemm", m.input((2, 9)), w))


@case
def matmul(m: Model, random: np.random.Generator) -> str:
    w = m.weights(int8(random, 9, 4), (0.01 + 0.01 * random.random(4)).astype(F32), axis=1)
    y = m.node("MatMul", m.input((1, 3, 9)), w)
    return m.quant(m.node("Relu", m.node("Add", y, m.weights(int8(random, 4), F32(0.02), -9))), 0.05, -128)


@case
def flatten_and_gemm(m: Model, random: np.random.Generator) -> str:
    """The weights follow the image's order: nothing moves at run time."""
    x = m.quant(conv(m, random, m.input(IMAGE), (5, 6, 3, 3)), 0.2, 0)
    w = m.weights(int8(random, 5 * 6 * 5, 3), F32(0.004))
    return m.quant(m.node("MatMul", m.node("Flatten", x), w), 0.5, 0)


@case
def transposed_image(m: Model, random: np.random.Generator) -> str:
    x = m.quant(conv(m, random, m.input(IMAGE), (5, 6, 3, 3)), 0.2, 0)
    flat = m.node("Reshape", m.node("Transpose", x, perm=[0, 2, 3, 1]), m.constant(np.array([0, -1])))
    return m.quant(m.node("MatMul", flat, m.weights(int8(random, 150, 3), F32(0.004))), 0.5, 0)


@case
def add(m: Model, random: np.random.Generator) -> str:
    return m.quant(m.node("Add", m.input(IMAGE, 0.05, 3), m.input(IMAGE, 0.08, -20)), 0.11, 9)


@case
def add_broadcast(m: Model, random: np.random.Generator) -> str:
    return m.quant(m.node("Add", m.input(IMAGE), m.weights(int8(random, 6, 1, 1), F32(0.04), 5)), 0.07, 9)


@case
def subtract(m: Model, random: np.random.Generator) -> str:
    return m.quant(m.node("Sub", m.input((1, 9), 0.05, 3), m.input((1, 9), 0.08, -20)), 0.11, 9)


@case
def multiply(m: Model, random: np.random.Generator) -> str:
    """A gate per channel, as in squeeze and excitation."""
    x = m.input(IMAGE)
    gate = m.quant(m.node("Sigmoid", m.quant(m.node("GlobalAveragePool", x), 0.02, 0)), 1 / 256, -128)
    return m.quant(m.node("Mul", x, gate), 0.03, 1)


@case
def max_pool(m: Model, random: np.random.Generator) -> str:
    x = conv(m, random, m.input(IMAGE), (5, 6, 1, 1))
    return m.quant(
        m.node("MaxPool", m.quant(x, 0.1, 3), kernel_shape=[3, 3], strides=[2, 2], pads=[1] * 4, ceil_mode=1), 0.1, 3
    )


@case
def average_pool(m: Model, random: np.random.Generator) -> str:
    return m.quant(m.node("AveragePool", m.input(IMAGE), kernel_shape=[2, 2], strides=[2, 2]))


@case
def average_pool_padded(m: Model, random: np.random.Generator) -> str:
    return m.quant(m.node("AveragePool", m.input(IMAGE), kernel_shape=[3, 3], pads=[1, 1, 1, 1]), 0.06, 0)


@case
def average_pool_counting_padding(m: Model, random: np.random.Generator) -> str:
    pool = m.node("AveragePool", m.input(IMAGE), kernel_shape=[3, 2], pads=[1, 1, 0, 1], count_include_pad=1)
    return m.quant(pool, 0.021, 0)


@case
def average_pool_rescaled(m: Model, random: np.random.Generator) -> str:
    return m.quant(m.node("AveragePool", m.input(IMAGE), kernel_shape=[3, 3]), 0.02, -7)


@case
def global_average_pool(m: Model, random: np.random.Generator) -> str:
    return m.quant(m.node("GlobalAveragePool", m.input((1, 40, 7, 7))), 0.011, -7)


@case
def reduce_mean(m: Model, random: np.random.Generator) -> str:
    return m.quant(m.node("ReduceMean", m.input((1, 30, 8, 7)), axes=[-1, 2], keepdims=0), 0.011, -7)


@case
def global_max_pool(m: Model, random: np.random.Generator) -> str:
    return m.quant(m.node("GlobalMaxPool", m.input(IMAGE)))


@case
def pad(m: Model, random: np.random.Generator) -> str:
    x = m.quant(conv(m, random, m.input(IMAGE), (5, 6, 1, 1)), 0.1, 3)
    return m.quant(m.node("Pad", x, m.constant(np.array([0, 0, 1, 2, 0, 0, 3, 0]))), 0.1, 3)


@case
def concat(m: Model, random: np.random.Generator) -> str:
    x = m.input(IMAGE, 0.05, 3)
    return m.quant(m.node("Concat", x, m.quant(m.node("Tanh", x), 1 / 128, 0), axis=1), 0.06, 0)


@case
def split_and_slice(m: Model, random: np.random.Generator) -> str:
    x = m.quant(conv(m, random, m.input(IMAGE), (6, 6, 1, 1)), 0.1, 3)
    a, b = m.node("Split", x, m.constant(np.array([2, 4])), outputs=2, axis=1)
    b = m.node("Slice", b, *(m.constant(np.array(v)) for v in ([3], [-100], [1], [-2])))
    return m.quant(m.node("Add", m.quant(a, 0.1, 3), m.quant(b, 0.1, 3)), 0.17, 0)


@case
def gather(m: Model, random: np.random.Generator) -> str:
    return m.quant(m.node("Gather", m.input((3, 4, 5)), m.constant(np.array(-1)), axis=1))


@case
def resize(m: Model, random: np.random.Generator) -> str:
    scales = m.constant(np.array([1, 1, 2, 3], F32))
    return m.quant(
        m.node("Resize", m.input(IMAGE), "", scales, nearest_mode="floor", coordinate_transformation_mode="asymmetric")
    )


@case
def resize_half_pixel(m: Model, random: np.random.Generator) -> str:
    return m.quant(m.node("Resize", m.input(IMAGE), "", "", m.constant(np.array([1, 6, 16, 14]))))


@case
def transpose_and_reshape(m: Model, random: np.random.Generator) -> str:
    """The new axes cut across the old order: a transpose is left at run time."""
    x = m.quant(conv(m, random, m.input(IMAGE), (6, 6, 1, 1)), 0.1, 3)
    turned = m.node("Transpose", m.node("Reshape", x, m.constant(np.array([1, 3, 112]))), perm=[0, 2, 1])
    return m.quant(turned, 0.1, 3)


@case
def shape_arithmetic(m: Model, random: np.random.Generator) -> str:
    x = m.quant(m.node("GlobalAveragePool", m.input(IMAGE)), 0.03, 0)
    first = m.node("Gather", m.node("Shape", x), m.constant(np.array(0)), axis=0)
    rows = m.node("Unsqueeze", first, m.constant(np.array([0])))  # `first` is a scalar
    shape = m.node("Concat", rows, m.constant(np.array([-1])), axis=0)
    return m.quant(m.node("Reshape", x, m.node("Cast", shape, to=7)), 0.03, 0)


@case
def squeeze_and_unsqueeze(m: Model, random: np.random.Generator) -> str:
    x = m.node("Squeeze", m.input((1, 5, 1, 4)), m.constant(np.array([2, 0])))
    return m.quant(m.node("Unsqueeze", x, m.constant(np.array([-1, 0]))))


@case
def island(m: Model, random: np.random.Generator) -> str:
    """Gelu as it was before opset 20, one table in the end."""
    x = m.input(IMAGE)
    erf = m.node("Erf", m.node("Div", x, m.constant(F32(2**0.5))))
    return m.quant(
        m.node("Mul", m.node("Mul", x, m.node("Add", erf, m.constant(F32(1)))), m.constant(F32(0.5))), 0.03, -120
    )


@case
def silu(m: Model, random: np.random.Generator) -> str:
    x = m.input(IMAGE)
    return m.quant(m.node("Mul", x, m.node("Sigmoid", x)), 0.03, -120)


@case
def rescaled(m: Model, random: np.random.Generator) -> str:
    return m.quant(m.node("Identity", m.node("Dropout", m.input((1, 256)))), 0.031, -60)


@case
def softmax(m: Model, random: np.random.Generator) -> str:
    return m.quant(m.node("Softmax", m.input((3, 10)), axis=-1), 1 / 256, -128)


@case
def softmax_over_channels(m: Model, random: np.random.Generator) -> str:
    x = m.quant(conv(m, random, m.input(IMAGE), (6, 6, 1, 1)), 0.1, 3)
    return m.quant(m.node("Softmax", x, axis=1), 1 / 255, -128)


@case
def softmax_over_rows(m: Model, random: np.random.Generator) -> str:
    return m.quant(m.node("Softmax", m.input(IMAGE), axis=2), 1 / 255, -128)


for _name, _more in {
    "Relu": {}, "LeakyRelu": {"alpha": 0.1}, "Sigmoid": {}, "Tanh": {}, "HardSwish": {}, "HardSigmoid": {}, "Elu": {},
    "Abs": {}, "Neg": {}, "Exp": {}, "Softplus": {}, "Softsign": {}, "Erf": {}, "Floor": {},
}.items():  # fmt: skip

    def _unary(m: Model, random: np.random.Generator, op: str = _name, more: dict[str, Any] = _more) -> str:  # noqa: B006
        return m.quant(m.node(op, m.input((1, 256), 0.03, -9), **more), 0.02, 5)

    CASES[_name] = _unary

EXACT = {"global_max_pool", "gather", "resize", "resize_half_pixel", "squeeze_and_unsqueeze"}
ROUNDED = {"average_pool": 0.90, "softmax": 0.95}


@pytest.mark.parametrize("unsigned", [False, True], ids=["int8", "uint8"])
@pytest.mark.parametrize("name", CASES)
def test_operator(name: str, unsigned: bool) -> None:
    m = Model(unsigned=unsigned)
    data = m.build(CASES[name](m, np.random.default_rng(3)))
    largest, share = operators_differ(data, count=4)
    assert largest <= 1 and share >= ROUNDED.get(name, 0.97), (largest, share)
    assert distance(data) <= (0 if name in EXACT else 2)


MOVES_NOTHING = {
    "flatten_and_gemm",
    "transposed_image",
    "convolution",
    "depthwise",
    "pad",
    "softmax_over_channels",
    "add_broadcast",
}


@pytest.mark.parametrize("name", sorted(MOVES_NOTHING))
def test_no_transpose_is_left(name: str) -> None:
    m = Model()
    assert "transpose" not in kinds(m.build(CASES[name](m, np.random.default_rng(3))))


def test_an_island_is_one_table() -> None:
    for name in ("island", "silu"):
        m = Model()
        assert kinds(m.build(CASES[name](m, np.random.default_rng(3)))) == ["lut"]


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


# ---------------------------------------------------------------------- random geometry and chains
@settings(max_examples=25)
@given(st.data())
def test_random_convolutions(data: st.DataObject) -> None:
    draw = data.draw
    seed, unsigned = draw(st.integers(0, 2**16)), draw(st.booleans())
    kernel, stride = (
        draw(st.tuples(st.integers(1, 3), st.integers(1, 3))),
        draw(st.tuples(st.integers(1, 2), st.integers(1, 2))),
    )
    pads = draw(st.lists(st.integers(0, 2), min_size=4, max_size=4))
    groups, per_group, filters = draw(st.sampled_from([1, 2, 4])), draw(st.integers(1, 3)), draw(st.integers(1, 3))
    m, random = Model(unsigned=unsigned), np.random.default_rng(seed)
    x = m.input((1, groups * per_group, 5, 6), 0.05, draw(st.integers(-128, 127)))
    y = conv(m, random, x, (groups * filters, per_group, *kernel), group=groups, strides=stride, pads=pads)
    built = m.build(m.quant(y, draw(st.sampled_from([0.05, 0.2])), draw(st.integers(-128, 127))))
    largest, share = operators_differ(built, seed=seed)
    assert largest <= 1 and share >= 0.95


STEPS = ("Conv", "Relu", "MaxPool", "Tanh", "Add", "Transpose", "Reshape", "Concat", "ReduceMean", "Slice", "MatMul")


def step(
    m: Model, op: str, x: str, shape: tuple[int, ...], random: np.random.Generator, draw: Any
) -> tuple[str, tuple[int, ...]]:
    """One more operator on a value of rank 4, or the value as it is where it does not fit."""
    n, c, h, w = shape
    if op == "Conv":
        return m.quant(conv(m, random, x, (4, c, 1, 1)), 0.1, 3), (n, 4, h, w)
    if op in ("Relu", "Tanh"):
        return m.quant(m.node(op, x), 0.03, -5), shape
    if op == "MaxPool" and min(h, w) > 1:
        return m.node("MaxPool", x, kernel_shape=[2, 2]), (n, c, h - 1, w - 1)
    if op == "Add":
        return m.quant(
            m.node("Add", x, x if draw(st.booleans()) else m.weights(int8(random, c, h, 1), F32(0.03))), 0.07, 0
        ), shape
    if op == "Transpose":
        perm = [0, *draw(st.permutations([1, 2, 3]))]
        return m.node("Transpose", x, perm=perm), tuple(shape[a] for a in perm)
    if op == "Reshape":
        new = draw(st.sampled_from([(n, c, h * w, 1), (n, h, c, w), (n, 1, c * h, w), (n, c * w, h, 1)]))
        return m.node("Reshape", x, m.constant(np.array(new))), new
    if op == "Concat":
        axis = draw(st.integers(1, 3))
        turned = m.quant(m.node("Neg", x), 0.05, 1)
        return m.quant(m.node("Concat", x, turned, axis=axis), 0.06, 2), tuple(
            2 * s if a == axis else s for a, s in enumerate(shape)
        )
    if op == "ReduceMean":
        axis = draw(st.integers(1, 3))
        return m.quant(m.node("ReduceMean", x, axes=[axis]), 0.03, 0), tuple(
            1 if a == axis else s for a, s in enumerate(shape)
        )
    if op == "Slice" and c > 1:
        return m.node("Slice", x, *(m.constant(np.array([v])) for v in (1, c, 1))), (n, c - 1, h, w)
    if op == "MatMul":
        return m.quant(m.node("MatMul", x, m.weights(int8(random, w, 5), F32(0.01))), 0.1, 0), (n, c, h, 5)
    return x, shape


@settings(max_examples=40)
@given(st.data())
def test_random_chains(data: st.DataObject) -> None:
    """Layouts through every order of operators: each operator, on the reference's inputs, within one code."""
    draw, seed = data.draw, data.draw(st.integers(0, 2**16))
    m, random = Model(unsigned=draw(st.booleans())), np.random.default_rng(seed)
    shape: tuple[int, ...] = (1, draw(st.integers(1, 4)), draw(st.integers(1, 4)), draw(st.integers(1, 4)))
    x = m.input(shape)
    for op in draw(st.lists(st.sampled_from(STEPS), min_size=1, max_size=6)):
        x, shape = step(m, op, x, shape, random, draw)
        if np.prod(shape) > 2000:
            break
    built = m.build(m.quant(m.node("Relu", x), 0.04, -100))
    assert operators_differ(built, count=2, seed=seed)[0] <= 1
    distance(built, count=1, seed=seed)


# ---------------------------------------------------------------------- operators with scales of their own
def qlinear(m: Model, x: str, scale: float, zero: int) -> tuple[str, str, str]:
    return x, m.constant(F32(scale)), m.constant(m.zero(zero))


def q_input(m: Model, shape: tuple[int, ...], scale: float = 0.05, zero: int = 3) -> tuple[str, str, str]:
    m.input(shape, scale, zero)
    m.nodes.pop()  # only its codes are wanted
    return qlinear(m, m.nodes[-1].output[0], scale, zero)


MICROSOFT = {"domain": "com.microsoft"}
Q_CASES: dict[str, Callable[[Model, np.random.Generator], tuple[str, float, int]]] = {
    "QLinearConv": lambda m, r: (
        m.node(
            "QLinearConv",
            *q_input(m, IMAGE),
            m.constant(int8(r, 4, 6, 3, 3)),
            m.constant(np.full(4, 0.004, F32)),
            m.constant(np.zeros(4, np.int8)),
            *qlinear(m, "", 0.2, 5)[1:],
            m.constant(r.integers(-999, 999, 4).astype(np.int32)),
            pads=[1, 1, 1, 1],
        ),
        0.2,
        5,
    ),
    "QLinearMatMul": lambda m, r: (
        m.node(
            "QLinearMatMul",
            *q_input(m, (2, 9)),
            m.constant(int8(r, 9, 4)),
            m.constant(F32(0.01)),
            m.constant(np.int8(0)),
            *qlinear(m, "", 0.05, 5)[1:],
        ),
        0.05,
        5,
    ),
    "QGemm": lambda m, r: (
        m.node(
            "QGemm",
            *q_input(m, (2, 9)),
            m.constant(int8(r, 4, 9)),
            m.constant(F32(0.01)),
            m.constant(np.int8(0)),
            m.constant(r.integers(-999, 999, 4).astype(np.int32)),
            *qlinear(m, "", 0.05, 5)[1:],
            transB=1,
            **MICROSOFT,
        ),
        0.05,
        5,
    ),
    "QLinearAdd": lambda m, r: (
        m.node(
            "QLinearAdd", *q_input(m, IMAGE), *q_input(m, IMAGE, 0.07, -2), *qlinear(m, "", 0.1, 5)[1:], **MICROSOFT
        ),
        0.1,
        5,
    ),
    "QLinearMul": lambda m, r: (
        m.node(
            "QLinearMul", *q_input(m, IMAGE), *q_input(m, IMAGE, 0.07, -2), *qlinear(m, "", 0.3, 5)[1:], **MICROSOFT
        ),
        0.3,
        5,
    ),
    "QLinearSigmoid": lambda m, r: (
        m.node("QLinearSigmoid", *q_input(m, (1, 256)), *qlinear(m, "", 1 / 256, -128)[1:], **MICROSOFT),
        1 / 256,
        -128,
    ),
    "QLinearLeakyRelu": lambda m, r: (
        m.node("QLinearLeakyRelu", *q_input(m, (1, 256)), *qlinear(m, "", 0.04, 9)[1:], alpha=0.2, **MICROSOFT),
        0.04,
        9,
    ),
    "QLinearAveragePool": lambda m, r: (
        m.node(
            "QLinearAveragePool",
            *q_input(m, IMAGE),
            *qlinear(m, "", 0.05, 3)[1:],
            kernel_shape=[2, 2],
            strides=[2, 2],
            **MICROSOFT,
        ),
        0.05,
        3,
    ),
    "QLinearGlobalAveragePool": lambda m, r: (
        m.node("QLinearGlobalAveragePool", *q_input(m, IMAGE), *qlinear(m, "", 0.02, 3)[1:], **MICROSOFT),
        0.02,
        3,
    ),
    "QLinearConcat": lambda m, r: (
        m.node(
            "QLinearConcat",
            *qlinear(m, "", 0.06, 3)[1:],
            *q_input(m, IMAGE),
            *q_input(m, IMAGE, 0.02, 1),
            axis=1,
            **MICROSOFT,
        ),
        0.06,
        3,
    ),
    "QLinearSoftmax": lambda m, r: (
        m.node(
            "QLinearSoftmax", *q_input(m, (3, 10)), *qlinear(m, "", 1 / 256, -128)[1:], opset=13, axis=-1, **MICROSOFT
        ),
        1 / 256,
        -128,
    ),
}


@pytest.mark.parametrize("unsigned", [False, True], ids=["int8", "uint8"])
@pytest.mark.parametrize("name", Q_CASES)
def test_operator_with_scales_of_its_own(name: str, unsigned: bool) -> None:
    m = Model(unsigned=unsigned)
    codes, scale, zero = Q_CASES[name](m, np.random.default_rng(5))
    data = m.build(m.node("DequantizeLinear", *qlinear(m, codes, scale, zero)))
    largest, share = operators_differ(data)
    assert largest <= 1 and share >= 0.9, (largest, share)
