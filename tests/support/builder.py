"""A random graph that grows node by node; what each node may be is in `graphs`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np
from hypothesis import strategies as st

from tinyc import ops
from tinyc.ir.graph import Graph, Value
from tinyc.ir.operator import Operator, TypeRuleError
from tinyc.ir.types import Array, DType, Quant, Shape, Signature, TensorType

T = TypeVar("T")

MAX_ELEMENTS = 1500  # of one tensor


@dataclass(frozen=True)
class Constant:
    """An operand that is a constant."""

    type: TensorType
    data: Array


@dataclass
class Builder:
    """A graph that grows node by node."""

    draw: st.DrawFn
    rng: np.random.Generator
    graph: Graph = field(default_factory=lambda: Graph("random"))
    values: list[Value] = field(default_factory=list)  # int8, to be read by later nodes

    # -- choices
    def pick(self, options: Sequence[T]) -> T:
        return self.draw(st.sampled_from(options))

    def chance(self) -> bool:
        return self.draw(st.booleans())

    def size(self, low: int, high: int) -> int:
        return self.draw(st.integers(low, high))

    def quant(self, scale: float) -> Quant:
        """About this scale, now and then far from it; zero points at the ends of the range are frequent."""
        exponent = self.rng.uniform(-10, 10) if self.rng.random() < 0.1 else self.rng.uniform(-1.5, 2.5)
        exponent = round(exponent) if self.rng.random() < 0.3 else exponent
        zero = int(self.rng.choice([-128, 127, 0, *self.rng.integers(-128, 128, 3)]))
        return Quant.per_tensor(scale * 2.0**exponent, zero)

    def codes(self, shape: Shape) -> Array:
        """int8 data: random, or all at one end."""
        kind = self.rng.random()
        codes = self.rng.integers(-128, 128, shape)
        return (np.full(shape, -128 if kind < 0.05 else 127) if kind < 0.1 else codes).astype(np.int8)

    def constant(self, shape: Shape, quant: Quant | None) -> Constant:
        return Constant(TensorType(shape, DType.int8, quant), self.codes(shape))

    # -- nodes
    def apply(
        self, op: Operator, operands: Sequence[Value | Constant | None], quant: Quant | None
    ) -> Value | None:
        """The result of a new node; None, and no node, where the operator refuses or the result is large."""
        types = [None if operand is None else operand.type for operand in operands]
        try:
            ((shape, dtype),) = op.infer(*types)
            result = TensorType(shape, dtype, quant)
            op.check(Signature(tuple(types), (result,)))
        except TypeRuleError:
            return None
        if result.elements > MAX_ELEMENTS:
            return None
        inputs = [self._value(operand) for operand in operands]
        return self.graph.add(op, inputs, result).output

    def _value(self, operand: Value | Constant | None) -> Value | None:
        if isinstance(operand, Constant):
            return self.graph.add_constant("constant", operand.type, operand.data)
        return operand

    def reshaped(self, x: Value, shape: Shape) -> Value:
        if x.type.shape == shape:
            return x
        return self.graph.add(ops.Reshape(shape), [x], x.type.with_shape(shape)).output

    def image(self, x: Value) -> Value:
        """x itself if it is an image, or as an image of rank 4 by a reshape."""
        if x.type.rank == 4:
            return x
        shape = (1,) * (4 - x.type.rank) + x.type.shape if x.type.rank < 4 else (1, 1, 1, x.type.elements)
        return self.reshaped(x, shape)
