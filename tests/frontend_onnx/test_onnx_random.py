"""Random networks against onnxruntime: geometry of convolutions, chains of operators that move axes."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tests.frontend_onnx.cases import conv, int8
from tests.frontend_onnx.qdq import F32, Model, distance, operators_differ
from tests.support.examples import examples


@examples(25)
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


@examples(40)
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
