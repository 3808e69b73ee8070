"""What is not supported, and constants and shapes that do not fit: each with its sentence."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.frontend_onnx.cases import conv
from tests.frontend_onnx.qdq import F32, Model
from tests.frontend_onnx.test_onnx_files import problems


def refusal(build: Any, **more: Any) -> list[str]:
    m = Model(**more)
    return problems(m.build(build(m, np.random.default_rng(0))))


IMAGE = (1, 4, 6, 6)
WEIGHTS = np.ones((4, 4, 1, 1), np.int8)
REFUSALS: dict[str, tuple[Any, str]] = {
    "unknown": (lambda m, r: m.quant(m.node("NonZero", m.input((2, 3)))), "the operator NonZero is not supported"),
    "float weights": (
        lambda m, r: m.quant(m.node("Conv", m.input(IMAGE), m.constant(WEIGHTS.astype(F32)))),
        "its weights are float32",
    ),
    "weights off zero": (
        lambda m, r: m.quant(m.node("Conv", m.input(IMAGE), m.weights(WEIGHTS, F32(0.1), 3))),
        "its weights have a zero point other than 0",
    ),
    "wrong channels": (
        lambda m, r: m.quant(m.node("Conv", m.input((1, 3, 6, 6)), m.weights(WEIGHTS, F32(0.1)))),
        "do not fit 3 channels",
    ),
    "wrong scale axis": (
        lambda m, r: m.quant(m.node("Conv", m.input(IMAGE), m.weights(WEIGHTS, [0.1] * 4, axis=1))),
        "its weights have scales along axis 1, expected axis 0",
    ),
    "no quantisation between": (
        lambda m, r: m.quant(m.node("Tanh", conv(m, r, m.input(IMAGE), (4, 4, 1, 1)))),
        "it reads the float result of Conv, which no QuantizeLinear follows",
    ),
    "float output": (
        lambda m, r: m.node("Tanh", m.input((1, 4))),
        "it is computed in float: no QuantizeLinear follows",
    ),
    "free size": (
        lambda m, r: m.quant(m.node("Relu", m.input((1, None, 4)))),
        "known only at run time (axis 1 is free)",
    ),
    "bilinear": (
        lambda m, r: m.quant(
            m.node("Resize", m.input(IMAGE), "", m.constant(np.array([1, 1, 2, 2], F32)), mode="linear")
        ),
        "only nearest-neighbour resizing is supported",
    ),
    "reflected": (
        lambda m, r: m.quant(m.node("Pad", m.input(IMAGE), m.constant(np.ones(8, np.int64)), mode="reflect")),
        "padding by 'reflect' is not supported",
    ),
    "fine softmax": (lambda m, r: m.quant(m.node("Softmax", m.input((1, 4))), 0.00001, 0), "is too fine for 32 bits"),
    "reshape": (
        lambda m, r: m.quant(m.node("Reshape", m.input((1, 4)), m.constant(np.array([3, -1])))),
        "cannot take the shape [3, -1]",
    ),
    "shape at run time": (
        lambda m, r: m.quant(m.node("Reshape", m.input((1, 4)), m.input((2,)))),
        "the new shape (input 1) is computed at run time",
    ),
    "undefined": (lambda m, r: m.quant(m.node("Log", m.input((1, 4)))), "undefined for some of its input's codes"),
    "other scale": (
        lambda m, r: m.node(
            "DequantizeLinear", m.codes(m.input((1, 4)), 0.1, 0), m.constant(F32(0.2)), m.constant(np.int8(0))
        ),
        "as if they were of",
    ),
    "sixteen bits": (
        lambda m, r: m.node("QuantizeLinear", m.input((1, 4)), m.constant(F32(0.1)), m.constant(np.int16(0))),
        "activations of int16 are not supported",
    ),
    "mutable training": (
        lambda m, r: m.quant(m.node("Dropout", m.input((1, 4)), m.constant(F32(0.5)), m.constant(np.array(True)))),
        "it is in training mode",
    ),
}


@pytest.mark.parametrize("name", REFUSALS)
def test_refusal(name: str) -> None:
    build, message = REFUSALS[name]
    found = refusal(build)
    assert any(message in problem for problem in found), found


# ---------------------------------------------------------------------- transformers
TOKENS = (1, 5, 8)


def ones(m: Model, *shape: int) -> str:
    return m.constant(np.ones(shape, F32))


def codes(m: Model, *shape: int) -> str:
    return m.weights(np.ones(shape, np.int8), F32(0.1))


def masked(m: Model, mask: Any) -> str:
    scores = m.quant(m.node("MatMul", m.input((1, 5, 8)), m.input((1, 8, 5))), 0.1, 3)
    return m.quant(m.node("Add", scores, m.constant(mask.astype(F32))), 0.1, 3)


def norm(m: Model, *shapes: tuple[int, ...], **attributes: Any) -> str:
    return m.quant(m.node("LayerNormalization", m.input(TOKENS), *(codes(m, *s) for s in shapes), **attributes))


def batch_norm(m: Model, channels: int, **attributes: Any) -> str:
    return m.quant(m.node("BatchNormalization", m.input(IMAGE), *[ones(m, channels)] * 4, **attributes))


TRANSFORMERS: dict[str, tuple[Any, str]] = {
    "factor of another length": (lambda m, r: norm(m, (7,)), "its factor or offset has the shape [7], its rows [8]"),
    "offset with more axes": (lambda m, r: norm(m, (8,), (5, 8)), "has the shape [5, 8], its rows [8]"),
    "axis outside": (lambda m, r: norm(m, (8,), axis=3), "axis 3 of a tensor with 3 axes"),
    "axis far below": (lambda m, r: norm(m, (8,), axis=-4), "axis -4 of a tensor with 3 axes"),
    "negative epsilon": (lambda m, r: norm(m, (8,), epsilon=-1.0), "its epsilon is -1.0"),
    "factor at run time": (
        lambda m, r: m.quant(m.node("LayerNormalization", m.input(TOKENS), m.input((8,)))),
        "the factor (input 1) is computed at run time",
    ),
    "deviation used": (
        lambda m, r: m.quant(m.node("LayerNormalization", m.input(TOKENS), codes(m, 8), outputs=3)[2]),
        "its mean or inverse deviation is used",
    ),
    "matrices that do not fit": (
        lambda m, r: m.quant(m.node("MatMul", m.input(TOKENS), m.input(TOKENS))),
        "its operands [1, 5, 8] and [1, 5, 8] do not fit together",
    ),
    "batches that do not fit": (
        lambda m, r: m.quant(m.node("MatMul", m.input((2, 5, 8)), m.input((3, 8, 4)))),
        "shapes [2] and [3] do not broadcast",
    ),
    "vector": (
        lambda m, r: m.quant(m.node("MatMul", m.input(TOKENS), m.input((8,)))),
        "it multiplies [1, 5, 8] and [8], expected matrices",
    ),
    "batch of float weights": (
        lambda m, r: m.quant(m.node("MatMul", m.input((2, 5, 8)), ones(m, 2, 8, 3))),
        "its constant operand has no single int8 quantisation",
    ),
    "Gemm with alpha": (
        lambda m, r: m.quant(m.node("Gemm", m.input((5, 8)), m.input((8, 3)), alpha=0.5)),
        "a Gemm of two computed operands with a bias or an alpha is not supported",
    ),
    "no indices": (
        lambda m, r: m.quant(m.node("Gather", m.input(TOKENS), m.constant(np.zeros(0, np.int64)), axis=1)),
        "its indices [] are empty or outside the 5 elements of axis 1",
    ),
    "index outside": (
        lambda m, r: m.quant(m.node("Gather", m.input(TOKENS), m.constant(np.array([1, -6])), axis=1)),
        "its indices [1, -6] are empty or outside",
    ),
    "index at run time": (
        lambda m, r: m.quant(m.node("Gather", m.input(TOKENS), m.input((2,)), axis=1)),
        "the indices (input 1) is computed at run time",
    ),
    "repeated token": (
        lambda m, r: m.quant(m.node("Expand", m.input((1, 1, 8)), m.constant(np.array([1, 5, 8])))),
        "it repeats a computed tensor [1, 1, 8] to [1, 5, 8]",
    ),
    "mask by Where": (
        lambda m, r: m.quant(m.node("Where", m.constant(np.eye(5, 8) > 0), m.input(TOKENS), m.constant(F32(-np.inf)))),
        "it masks a computed tensor element by element",
    ),
    "mask by infinity": (
        lambda m, r: masked(m, np.where(np.eye(5) > 0, 0, -np.inf)),
        "its constant operand has elements that are not finite",
    ),
    "mask by a large number": (
        lambda m, r: masked(m, np.where(np.eye(5) > 0, 0, -1e9)),
        "spans too much for 8 bits on the result's scale",
    ),
    "number that 8 bits cannot factor": (
        lambda m, r: m.quant(m.node("Mul", m.input(TOKENS), m.constant(r.normal(0, 99, TOKENS).astype(F32)))),
        "spans too much for 8 bits on the result's scale",
    ),
    "division by numbers with 0": (
        lambda m, r: m.quant(m.node("Div", m.input(TOKENS), m.constant(np.arange(8).astype(F32)))),
        "Div of a tensor and 8 constants is not supported",
    ),
    "axes of a concatenation": (
        lambda m, r: m.quant(m.node("Concat", codes(m, 1, 1, 7), m.input(TOKENS), axis=1)),
        "its operands differ on other axes than 1",
    ),
    "axis of a concatenation": (
        lambda m, r: m.quant(m.node("Concat", codes(m, 1, 1, 8), m.input(TOKENS), axis=3)),
        "axis 3 of a tensor with 3 axes",
    ),
    "fused attention": (
        lambda m, r: m.quant(m.node("QAttention", m.input(TOKENS), domain="com.microsoft")),
        "the operator QAttention is not supported: it stands for several operators; tinyc reads the operators that",
    ),
    "dynamic quantisation": (
        lambda m, r: m.quant(m.node("DynamicQuantizeLinear", m.input(TOKENS), outputs=3)[0]),
        "the operator DynamicQuantizeLinear is not supported: its quantisation is dynamic",
    ),
    "bias inside": (
        lambda m, r: m.quant(m.node("FastGelu", m.input(TOKENS), ones(m, 8), domain="com.microsoft")),
        "its bias is inside the operator",
    ),
    "transposed convolution": (
        lambda m, r: m.quant(m.node("ConvTranspose", m.input(IMAGE), m.weights(WEIGHTS, F32(0.1)))),
        "transposed convolutions have no integer kernel; use a nearest-neighbour Resize and a Conv",
    ),
    "normalisation of other channels": (lambda m, r: batch_norm(m, 3), "one number for each of [4] channels"),
    "normalisation in training": (lambda m, r: batch_norm(m, 4, training_mode=1), "it is in training mode"),
    "no variance": (lambda m, r: batch_norm(m, 4, epsilon=-1.0), "its variance plus epsilon is not above 0"),
    "normalisation of a Relu": (
        lambda m, r: m.quant(
            m.node("BatchNormalization", m.node("Relu", conv(m, r, m.input(IMAGE), (4, 4, 1, 1))), *[ones(m, 4)] * 4)
        ),
        "it cannot become part of Conv before it",
    ),
}


@pytest.mark.parametrize("name", TRANSFORMERS)
def test_refusal_of_transformers(name: str) -> None:
    build, message = TRANSFORMERS[name]
    found = refusal(build)
    assert any(message in problem for problem in found), found
