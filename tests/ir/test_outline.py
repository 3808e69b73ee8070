"""Outlines: what operators have in common that differ in numbers alone, and nothing that tells the numbers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tinyc import ops
from tinyc.ir.graph import Graph, Node
from tinyc.ir.operator import Operator
from tinyc.ir.outline import NumbersAsked, Outline
from tinyc.ir.types import DType, Quant, TensorType

CLAMPED = ops.FullyConnected(clamp=(-128, 127))


def dense(
    *, scale: float = 0.5, zero: int = -128, weights: int = 0, fill: int = 3, known: bool = True, units: int = 4,
    op: Operator = CLAMPED,
) -> Node:
    """A dense layer; `zero` is the zero point of its result, `weights` that of its weights, `fill` what they are."""
    graph = Graph("dense")
    x = graph.add_input("x", TensorType((2, 4), DType.int8, Quant.per_tensor(scale, 7)))
    kind = TensorType((units, 4), DType.int8, Quant.per_tensor(scale / 100, weights))
    w = graph.add_constant("w", kind, np.full((units, 4), fill) if known else None)
    return graph.add(op, [x, w, None], TensorType((2, units), DType.int8, Quant.per_tensor(scale * 3, zero)))


def sum_of(*, twice: bool) -> Node:
    graph = Graph("sum")
    kind = TensorType((2, 8), DType.int8, Quant.per_tensor(0.5, 0))
    a, b = graph.add_input("a", kind), graph.add_input("b", kind)
    return graph.add(ops.Add(), [a, a if twice else b], kind)


@pytest.mark.parametrize("other", [dense(scale=0.37), dense(fill=-9), dense(scale=8.0, fill=1)])
def test_numbers_alone_change_nothing(other: Node) -> None:
    assert Outline.of(other) == Outline.of(dense())
    assert hash(Outline.of(other)) == hash(Outline.of(dense()))


@pytest.mark.parametrize("other", [
    dense(units=5), dense(known=False), dense(weights=1), dense(zero=-127), dense(op=ops.FullyConnected(clamp=(0, 9))),
])
def test_what_kernels_choose_by_is_in_an_outline(other: Node) -> None:
    """Shapes, attributes, whether data is known, weights without zero point, and no negative codes."""
    assert Outline.of(other) != Outline.of(dense())


def test_zero_points_count_only_as_far_as_the_clamp_tells_them_apart() -> None:
    assert Outline.of(dense(zero=-5)) == Outline.of(dense(zero=90))


def test_a_tensor_that_is_read_twice_is_one() -> None:
    once, twice = Outline.of(sum_of(twice=False)), Outline.of(sum_of(twice=True))
    assert once != twice
    a, b = twice.node().inputs
    assert a is b
    a, b = once.node().inputs
    assert a is not b


def test_an_outline_is_the_operator_but_for_numbers() -> None:
    node = dense()
    blank = Outline.of(node).node()
    assert blank.op == node.op
    assert blank.signature.unquantised == node.signature.unquantised
    assert Outline.of(blank) == Outline.of(node)
    assert [v and v.is_constant for v in blank.inputs] == [False, True, None]


@pytest.mark.parametrize("look", [
    lambda n: n.input(0).type.scale,
    lambda n: n.input(0).type.zero_point,
    lambda n: n.input(1).type.quant.scale,
    lambda n: n.input(0).type == n.output.type,
    lambda n: n.input(0).type.quant != n.output.type.quant,
    lambda n: hash(n.signature),
    lambda n: str(n.input(0).type),
    lambda n: n.output.type.quant.is_negative(-3),
    lambda n: n.input(0).type.quant.is_negative(-128),
    lambda n: n.input(1).data.shape,
    lambda n: n.input(1).data[0],
    lambda n: n.input(1).data == 3,
    lambda n: n.input(1).data + 1,
    lambda n: 1 + n.input(1).data,
    lambda n: np.asarray(n.input(1).data),
    lambda n: len(n.input(1).data),
    lambda n: bool(n.input(1).data),
    lambda n: list(n.input(1).data),
    lambda n: np.abs(n.input(1).data),
    lambda n: n.op.multipliers(n.signature),
])  # fmt: skip
def test_whoever_looks_at_a_number_is_told(look: Callable[[Any], object]) -> None:
    with pytest.raises((NumbersAsked, TypeError)):  # arithmetic is none of what `_Unseen` knows
        look(Outline.of(dense()).node())


@pytest.mark.parametrize("ask", [
    lambda n: n.input(1).type.quant.is_symmetric,
    lambda n: n.output.type.quant.is_negative(-128),
    lambda n: n.input(1).type.quant.is_per_channel,
    lambda n: n.input(1).data is None,
    lambda n: n.output.type.bytes,
])  # fmt: skip
def test_what_an_outline_holds_may_be_asked(ask: Callable[[Any], object]) -> None:
    node = dense()
    assert ask(Outline.of(node).node()) == ask(node)
