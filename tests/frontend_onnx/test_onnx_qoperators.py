"""Operators that hold their own scales (QOperator form), against onnxruntime."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from tests.frontend_onnx.cases import IMAGE, int8
from tests.frontend_onnx.qdq import F32, Model, operators_differ


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
    "QLinearMatMul of two tensors": lambda m, r: (
        m.node(
            "QLinearMatMul", *q_input(m, (2, 3, 9)), *q_input(m, (2, 9, 4), 0.04, -7), *qlinear(m, "", 0.07, 5)[1:]
        ),
        0.07,
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
