"""Operators that move elements or rename axes, against onnxruntime."""

from __future__ import annotations

import numpy as np
import pytest

from tests.frontend_onnx.cases import IMAGE, Cases, conv, int8
from tests.frontend_onnx.qdq import F32, Model, kinds, onnx

CASES = Cases()


@CASES
def concat(m: Model, random: np.random.Generator) -> str:
    x = m.input(IMAGE, 0.05, 3)
    return m.quant(m.node("Concat", x, m.quant(m.node("Tanh", x), 1 / 128, 0), axis=1), 0.06, 0)


@CASES
def split_and_slice(m: Model, random: np.random.Generator) -> str:
    x = m.quant(conv(m, random, m.input(IMAGE), (6, 6, 1, 1)), 0.1, 3)
    a, b = m.node("Split", x, m.constant(np.array([2, 4])), outputs=2, axis=1)
    b = m.node("Slice", b, *(m.constant(np.array(v)) for v in ([3], [-100], [1], [-2])))
    return m.quant(m.node("Add", m.quant(a, 0.1, 3), m.quant(b, 0.1, 3)), 0.17, 0)


@CASES
def gather(m: Model, random: np.random.Generator) -> str:
    return m.quant(m.node("Gather", m.input((3, 4, 5)), m.constant(np.array(-1)), axis=1))


@CASES
def transpose_and_reshape(m: Model, random: np.random.Generator) -> str:
    """The new axes cut across the old order: a transpose is left at run time."""
    x = m.quant(conv(m, random, m.input(IMAGE), (6, 6, 1, 1)), 0.1, 3)
    turned = m.node("Transpose", m.node("Reshape", x, m.constant(np.array([1, 3, 112]))), perm=[0, 2, 1])
    return m.quant(turned, 0.1, 3)


@CASES
def shape_arithmetic(m: Model, random: np.random.Generator) -> str:
    x = m.quant(m.node("GlobalAveragePool", m.input(IMAGE)), 0.03, 0)
    first = m.node("Gather", m.node("Shape", x), m.constant(np.array(0)), axis=0)
    rows = m.node("Unsqueeze", first, m.constant(np.array([0])))  # `first` is a scalar
    shape = m.node("Concat", rows, m.constant(np.array([-1])), axis=0)
    return m.quant(m.node("Reshape", x, m.node("Cast", shape, to=7)), 0.03, 0)


@CASES
def squeeze_and_unsqueeze(m: Model, random: np.random.Generator) -> str:
    x = m.node("Squeeze", m.input((1, 5, 1, 4)), m.constant(np.array([2, 0])))
    return m.quant(m.node("Unsqueeze", x, m.constant(np.array([-1, 0]))))


@CASES
def gather_even(m: Model, random: np.random.Generator) -> str:
    return m.quant(m.node("Gather", m.input((3, 9, 5)), m.constant(np.array([1, 3, 5, -2])), axis=1))


@CASES
def gather_uneven(m: Model, random: np.random.Generator) -> str:
    x = m.quant(conv(m, random, m.input(IMAGE), (6, 6, 1, 1)), 0.1, 3)
    return m.quant(m.node("Gather", x, m.constant(np.array([[4, 4, 0], [1, 2, -1]])), axis=-1), 0.1, 3)


@CASES
def gather_backwards(m: Model, random: np.random.Generator) -> str:
    return m.quant(m.node("Gather", m.input((4, 5)), m.constant(np.array([3, 2, 1, 0]))))


def embedded(m: Model, random: np.random.Generator, token: str) -> str:
    """A class token before the patches of an image."""
    x = m.quant(conv(m, random, m.input((1, 3, 8, 8)), (6, 3, 4, 4), strides=[4, 4]), 0.1, 3)
    x = m.node("Transpose", m.node("Reshape", x, m.constant(np.array([1, 6, 4]))), perm=[0, 2, 1])
    return m.quant(m.node("Concat", token, x, axis=1), 0.1, 3)


@CASES
def class_token(m: Model, random: np.random.Generator) -> str:
    return embedded(m, random, m.weights(int8(random, 1, 1, 6), F32(0.013), 21))


@CASES
def class_token_of_the_same_scale(m: Model, random: np.random.Generator) -> str:
    return embedded(m, random, m.weights(int8(random, 1, 1, 6), F32(0.1), 3))


@CASES
def class_token_in_float(m: Model, random: np.random.Generator) -> str:
    return embedded(m, random, m.constant(random.normal(0, 2, (1, 1, 6)).astype(F32)))


@CASES
def class_token_expanded(m: Model, random: np.random.Generator) -> str:
    """What old exporters leave of expand(batch, -1, -1)."""
    x = m.input((1, 4, 6))
    batch = m.node("Gather", m.node("Shape", x), m.constant(np.array(0)), axis=0)
    asked = m.node(
        "Concat", m.node("Unsqueeze", batch, m.constant(np.array([0]))), m.constant(np.array([-1, -1])), axis=0
    )
    ones = m.node("ConstantOfShape", m.constant(np.array([3])), value=onnx.numpy_helper.from_array(np.array([1])))
    minus = m.node("Mul", ones, m.constant(np.array(-1)))
    shape = m.node("Where", m.node("Equal", asked, minus), ones, asked)
    token = m.node("Expand", m.weights(int8(random, 1, 1, 6), F32(0.013), 21), shape)
    return m.quant(m.node("Concat", token, x, axis=1), 0.1, 3)


@CASES
def constants_that_move(m: Model, random: np.random.Generator) -> str:
    """Codes of a constant are moved when the model is read."""
    c = m.weights(int8(random, 6, 12), F32(0.0311), 5)
    c = m.node("Slice", m.node("Transpose", c, perm=[1, 0]), *(m.constant(np.array([v])) for v in (1, 6, 0)))
    c = m.node("Unsqueeze", m.node("Flatten", c, axis=0), m.constant(np.array([0])))
    x = m.node("Expand", m.input((5, 6)), m.constant(np.array([1, 5, 6])))
    chosen = m.node(
        "Where",
        m.constant(np.array(False)),
        m.input((1, 1, 30)),
        m.node("Reshape", x, m.constant(np.array([1, 1, 30]))),
    )
    return m.quant(m.node("Add", chosen, c), 0.08, 2)


@CASES
def float_result_that_moves(m: Model, random: np.random.Generator) -> str:
    """A reshape across axes before the result is quantised."""
    y = m.node("Transpose", conv(m, random, m.input(IMAGE), (6, 6, 1, 1)), perm=[0, 2, 1, 3])
    return m.quant(m.node("Reshape", y, m.constant(np.array([1, 3, 112]))), 0.1, 3)


EXACT = {"gather", "gather_even", "gather_backwards", "squeeze_and_unsqueeze"}


@CASES.parametrize()
def test_operator(name: str, unsigned: bool) -> None:
    CASES.check(name, unsigned, exact=name in EXACT)


@pytest.mark.parametrize("name", [name for name in CASES if name.startswith("class_token")])
def test_a_class_token_costs_one_concatenation(name: str) -> None:
    """It is brought to the result's scale when the model is read."""
    assert set(kinds(CASES.data(name))) <= {"conv2d", "reshape", "concatenation", "lut"}
    assert kinds(CASES.data(name)).count("lut") <= (name == "class_token_expanded")
