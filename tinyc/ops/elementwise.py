"""Elementwise operators with two inputs that broadcast: TFLite ADD, SUB, MUL, SQUARED_DIFFERENCE, MAXIMUM, MINIMUM."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from tinyc.ir.access import Access, AxisAccess, Elementwise, Whole
from tinyc.ir.operator import Operator, TypeRuleError, expect, operator
from tinyc.ir.types import Array, DType, Shape, Signature, TensorType
from tinyc.ops.common import expect_equal_quantisation, expect_int8, expect_one_scale, given
from tinyc.ops.fixed_point import Multiplier, expect_headroom, multiplier_of, multiply, quantize_multiplier

MAX_RANK = 4  # of broadcasting in TFLite and CMSIS-NN; TFLM's own loops would go further


@dataclass(frozen=True)
class Binary(Operator):
    """int8 operands of shapes that broadcast as in numpy; output int8, clamped."""

    clamp: tuple[int, int] = (-128, 127)
    inputs = ("a", "b")

    def infer(self, *inputs: TensorType | None) -> tuple[tuple[Shape, DType], ...]:
        a, b = given(*inputs)
        expect_int8(a, b)
        return ((_broadcast(a.shape, b.shape), DType.int8),)

    def check(self, sig: Signature) -> None:
        expect_one_scale(*given(*sig.inputs), sig.output)

    def access(self, sig: Signature, output: int = 0) -> tuple[Access | None, ...]:
        return tuple(_broadcast_access(sig.input(i), sig.output) for i in (0, 1))

    def compute(self, sig: Signature, a: Array, b: Array) -> Array:
        """The result before the clamp, for int64 arrays of codes."""
        raise NotImplementedError(f"{type(self).__name__} declares no computation")

    def exact(self, a: Array, b: Array) -> Array:
        """The result of real numbers."""
        raise NotImplementedError(f"{type(self).__name__} declares no real function")

    def real(self, sig: Signature, *inputs: Array) -> Array | None:
        return self.exact(*inputs) if self.clamp == (-128, 127) else None

    def reference(self, sig: Signature, *inputs: Array | None) -> tuple[Array, ...]:
        a, b = given(*inputs)
        result = self.compute(sig, a.astype(np.int64), b.astype(np.int64))
        return (np.clip(result, *self.clamp).astype(np.int8),)


def _broadcast(a: Shape, b: Shape) -> Shape:
    """The common shape. Raises TypeRuleError where there is none, or TFLM does not go there."""
    try:
        shape = np.broadcast_shapes(a, b)
    except ValueError:
        raise TypeRuleError(f"shapes {list(a)} and {list(b)} do not broadcast") from None
    expect(a == b or len(shape) <= MAX_RANK, f"broadcasting takes at most {MAX_RANK} axes, got {list(shape)}")
    return shape


def _broadcast_access(x: TensorType, y: TensorType) -> Access:
    lead = y.rank - x.rank
    axes: list[AxisAccess] = [
        Elementwise(axis + lead) if n == y.shape[axis + lead] else Whole() for axis, n in enumerate(x.shape)
    ]
    # Leading axes of length 1 that x lacks do not move anything in memory.
    return Access(tuple(axes), flat=x.elements == y.elements)


ADD_LEFT_SHIFT = 20  # headroom that TFLite gives both operands of an int8 ADD or SUB


@dataclass(frozen=True, slots=True)
class AddParameters:
    """Integers of an ADD, SUB or SQUARED_DIFFERENCE: both inputs to a common scale, and the result to the output's."""

    a: Multiplier
    b: Multiplier
    output: Multiplier


@dataclass(frozen=True)
class Sum(Binary):
    """Base of ADD, SUB and SQUARED_DIFFERENCE: both operands are brought to twice the larger scale, with headroom.

    Effective scales are computed in double precision.
    """

    left_shift: ClassVar[int] = ADD_LEFT_SHIFT

    def real_multipliers(self, sig: Signature) -> tuple[float, float, float]:
        """(of a, of b, of the result): s / 2s_max for the operands, 2s_max / 2^20 s_y for the result."""
        a, b, y = sig.input(0).scale, sig.input(1).scale, sig.output.scale
        twice = 2.0 * max(a, b)
        return a / twice, b / twice, twice / ((1 << ADD_LEFT_SHIFT) * y)

    def parameters(self, sig: Signature) -> AddParameters:
        return AddParameters(*map(quantize_multiplier, self.real_multipliers(sig)))

    def check(self, sig: Signature) -> None:
        super().check(sig)
        for role, real in zip(("a's", "b's", "the output"), self.real_multipliers(sig), strict=True):
            fits = 0 < real < 1 and quantize_multiplier(real).shift <= 0
            expect(fits, f"{role} scale is too small against the other scales to add in 32 bits")

    def operands(self, sig: Signature, a: Array, b: Array) -> tuple[Array, Array]:
        """Both operands on the common scale."""
        p = self.parameters(sig)
        x, y = (
            multiply((v - t.zero_point) << self.left_shift, m.multiplier, m.shift)
            for v, t, m in ((a, sig.input(0), p.a), (b, sig.input(1), p.b))
        )
        return x, y

    def rescale(self, sig: Signature, total: Array) -> Array:
        m = self.parameters(sig).output
        return multiply(total, m.multiplier, m.shift) + sig.output.zero_point


@operator("add")
@dataclass(frozen=True)
class Add(Sum):
    """a + b (TFLite ADD), clamped."""

    def exact(self, a: Array, b: Array) -> Array:
        return a + b

    def compute(self, sig: Signature, a: Array, b: Array) -> Array:
        x, y = self.operands(sig, a, b)
        return self.rescale(sig, x + y)


@operator("sub")
@dataclass(frozen=True)
class Sub(Sum):
    """a − b (TFLite SUB), clamped."""

    def exact(self, a: Array, b: Array) -> Array:
        return a - b

    def compute(self, sig: Signature, a: Array, b: Array) -> Array:
        x, y = self.operands(sig, a, b)
        return self.rescale(sig, x - y)


DIFFERENCE_LEFT_SHIFT = 7  # headroom that TFLite gives both operands of an int8 SQUARED_DIFFERENCE


@operator("squared_difference")
@dataclass(frozen=True)
class SquaredDifference(Sum):
    """(a − b)² (TFLite SQUARED_DIFFERENCE), clamped. Operands have 7 bits of headroom, their square 14."""

    left_shift = DIFFERENCE_LEFT_SHIFT

    def real_multipliers(self, sig: Signature) -> tuple[float, float, float]:
        a, b, y = sig.input(0).scale, sig.input(1).scale, sig.output.scale
        twice = 2.0 * max(a, b)
        return a / twice, b / twice, twice * twice / ((1 << 2 * self.left_shift) * y)

    def exact(self, a: Array, b: Array) -> Array:
        difference = a - b
        return difference * difference

    def compute(self, sig: Signature, a: Array, b: Array) -> Array:
        x, y = self.operands(sig, a, b)
        return self.rescale(sig, (x - y) ** 2)


@operator("mul")
@dataclass(frozen=True)
class Mul(Binary):
    """a · b (TFLite MUL), clamped. `rounds_once`: the product is requantised in one rounding instead of two."""

    rounds_once: bool = False

    def multiplier(self, sig: Signature) -> Multiplier:
        return multiplier_of(sig.input(0).scale * sig.input(1).scale / sig.output.scale, self.rounds_once)

    def check(self, sig: Signature) -> None:
        super().check(sig)
        expect_headroom(255 * 255, self.multiplier(sig), "the product")

    def exact(self, a: Array, b: Array) -> Array:
        return a * b

    def compute(self, sig: Signature, a: Array, b: Array) -> Array:
        m = self.multiplier(sig)
        product = (a - sig.input(0).zero_point) * (b - sig.input(1).zero_point)
        return multiply(product, m.multiplier, m.shift) + sig.output.zero_point


@dataclass(frozen=True)
class Extremum(Binary):
    """Base of MAXIMUM and MINIMUM. TFLM compares codes as they are: all quantisations must be equal."""

    def check(self, sig: Signature) -> None:
        super().check(sig)
        expect_equal_quantisation(*given(*sig.inputs), sig.output)


@operator("maximum")
@dataclass(frozen=True)
class Maximum(Extremum):
    """The larger of a and b (TFLite MAXIMUM)."""

    def exact(self, a: Array, b: Array) -> Array:
        return np.maximum(a, b)

    def compute(self, sig: Signature, a: Array, b: Array) -> Array:
        return np.maximum(a, b)


@operator("minimum")
@dataclass(frozen=True)
class Minimum(Extremum):
    """The smaller of a and b (TFLite MINIMUM)."""

    def exact(self, a: Array, b: Array) -> Array:
        return np.minimum(a, b)

    def compute(self, sig: Signature, a: Array, b: Array) -> Array:
        return np.minimum(a, b)
