"""Functions of one int8 code: TFLite RELU, RELU6, LEAKY_RELU, LOGISTIC, TANH, HARD_SWISH, GELU, RSQRT; and tables."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from tinyc.ir.access import Access
from tinyc.ir.operator import Operator, expect, operator
from tinyc.ir.types import Array, DType, Shape, Signature, TensorType
from tinyc.ops import gemmlowp
from tinyc.ops.common import (
    expect_equal_quantisation,
    expect_int8,
    expect_one_scale,
    expect_quantisation,
    given,
)
from tinyc.ops.fixed_point import (
    Multiplier,
    expect_headroom,
    multiply,
    quantize_multiplier,
    requantize,
    round_half_away,
    round_half_away_array,
    rounding_shift_right,
)

CODES = np.arange(-128, 128, dtype=np.int64)


@dataclass(frozen=True)
class Unary(Operator):
    """int8 to int8 of the same shape, each code by itself. A subclass says what `table` holds."""

    def infer(self, *inputs: TensorType | None) -> tuple[tuple[Shape, DType], ...]:
        (x,) = given(*inputs)
        expect_int8(x)
        return ((x.shape, DType.int8),)

    def check(self, sig: Signature) -> None:
        expect_one_scale(sig.input(0), sig.output)

    def table(self, sig: Signature) -> Array:
        """int8[256]: entry i is the output for code i − 128."""
        raise NotImplementedError(f"{type(self).__name__} declares no table")

    def as_clamp(self, sig: Signature) -> tuple[int, int] | None:
        """(lowest, highest) code where quantisation stays and the operator only limits codes, else None."""
        if sig.input(0).quant != sig.output.quant:
            return None
        table = self.table(sig)
        low, high = int(table[0]), int(table[-1])
        return (low, high) if np.array_equal(table, np.clip(CODES, low, max(low, high))) else None

    def access(self, sig: Signature, output: int = 0) -> tuple[Access | None, ...]:
        return (Access.elementwise(sig.input(0).rank),)

    def reference(self, sig: Signature, *inputs: Array | None) -> tuple[Array, ...]:
        (x,) = given(*inputs)
        return (lookup(x, self.table(sig)),)


def lookup(x: Array, table: Array) -> Array:
    """table[x + 128] for int8 codes x."""
    found: Array = table[x.astype(np.int64) + 128]
    return found


@operator("lut")
@dataclass(frozen=True)
class Lut(Operator):
    """A table look-up. Inputs: x int8, table int8[256], whose entry i is the output for code i − 128."""

    inputs = ("x", "table")

    def infer(self, *inputs: TensorType | None) -> tuple[tuple[Shape, DType], ...]:
        x, table = given(*inputs)
        expect_int8(x, table)
        expect(table.shape == (256,), f"expected a table of 256 codes, got {list(table.shape)}")
        return ((x.shape, DType.int8),)

    def access(self, sig: Signature, output: int = 0) -> tuple[Access | None, ...]:
        return Access.elementwise(sig.input(0).rank), Access.whole(1)

    def reference(self, sig: Signature, *inputs: Array | None) -> tuple[Array, ...]:
        x, table = given(*inputs)
        return (lookup(x, table),)


def ratio(sig: Signature, factor: float = 1.0) -> float:
    """s_x · factor / s_y in double precision, as the reference package computes it (tests/ops/test_tflm.py)."""
    return sig.input(0).scale * factor / sig.output.scale


def to_int8(x: Array) -> Array:
    """Integers limited to the int8 range."""
    limited: Array = np.clip(x, -128, 127).astype(np.int8)
    return limited


def centred_codes(sig: Signature) -> Array:
    """All 256 codes, in order, minus the input's zero point."""
    return CODES - sig.input(0).zero_point


@operator("relu")
@dataclass(frozen=True)
class Relu(Unary):
    """max(x, 0), rescaled from the input's quantisation to the output's (TFLite RELU)."""

    def multiplier(self, sig: Signature) -> Multiplier:
        return quantize_multiplier(ratio(sig))

    def check(self, sig: Signature) -> None:
        super().check(sig)
        expect_headroom(255, self.multiplier(sig), "relu")

    def table(self, sig: Signature) -> Array:
        m, zero = self.multiplier(sig), sig.output.zero_point
        return requantize(centred_codes(sig), m.multiplier, m.shift, zero, (zero, 127))


@operator("relu6")
@dataclass(frozen=True)
class Relu6(Unary):
    """min(max(x, 0), 6) (TFLite RELU6). TFLM limits codes as they are: both quantisations must be equal."""

    def check(self, sig: Signature) -> None:
        super().check(sig)
        expect_equal_quantisation(sig.input(0), sig.output)
        scale = sig.input(0).scale
        expect(6 / scale < 2**30, f"the scale {scale!r} is too small: 6 has no 32-bit code")

    def table(self, sig: Signature) -> Array:
        x = sig.input(0)
        six = round_half_away(float(np.float32(6) / np.float32(x.scale))) + x.zero_point
        table: Array = np.clip(CODES, x.zero_point, min(six, 127)).astype(np.int8)
        return table


@operator("leaky_relu")
@dataclass(frozen=True)
class LeakyRelu(Unary):
    """x where x ≥ 0, else alpha · x (TFLite LEAKY_RELU). `alpha` is a float32 value, of either sign."""

    alpha: float

    def multipliers(self, sig: Signature) -> tuple[Multiplier, Multiplier]:
        """(of codes at or above the zero point, of the magnitude of codes below)."""
        below = abs(ratio(sig, self.alpha))
        return quantize_multiplier(ratio(sig)), quantize_multiplier(below)

    def check(self, sig: Signature) -> None:
        super().check(sig)
        expect(math.isfinite(self.alpha), f"expected a finite alpha, got {self.alpha}")
        for m in self.multipliers(sig):
            expect_headroom(255, m, "leaky_relu")

    def table(self, sig: Signature) -> Array:
        above, below = self.multipliers(sig)
        x, sign = centred_codes(sig), -1 if self.alpha < 0 else 1
        positive = multiply(x, above.multiplier, above.shift)
        negative = sign * multiply(x, below.multiplier, below.shift)
        return to_int8(np.where(x >= 0, positive, negative) + sig.output.zero_point)


# ---------------------------------------------------------------------- sigmoids, in gemmlowp's Q4 arithmetic
SIGMOID_INTEGER_BITS = 4


@dataclass(frozen=True)
class Sigmoid(Unary):
    """Base of the functions that saturate, computed on inputs in (-16, 16)."""

    def multiplier(self, sig: Signature) -> Multiplier:
        """Code difference to Q4."""
        return quantize_multiplier(sig.input(0).scale * 2.0 ** (31 - SIGMOID_INTEGER_BITS))

    def check(self, sig: Signature) -> None:
        shift = self.multiplier(sig).shift
        expect(
            0 <= shift <= 62, f"the input scale {sig.input(0).scale!r} is outside what fixed point can hold"
        )

    def q0(self, x: Array) -> Array:
        """The function's value in Q0 for an argument in Q4."""
        raise NotImplementedError(f"{type(self).__name__} declares no function")

    def saturating_table(self, sig: Signature, fraction_bits: int, zero_point: int) -> Array:
        """Values of q0 rounded to `fraction_bits`, with the ends of int8 wherever the argument leaves Q4."""
        m, x = self.multiplier(sig), centred_codes(sig)
        radius = gemmlowp.input_radius(SIGMOID_INTEGER_BITS, m.shift)
        inside = np.clip(x, -max(radius - 1, 0), max(radius - 1, 0))
        # A shift past 30 leaves a radius of 0, hence only the argument 0, whatever the shift.
        value = self.q0(multiply(inside, m.multiplier, min(m.shift, 30)))
        y = rounding_shift_right(value, 31 - fraction_bits) + zero_point
        return to_int8(np.where(x <= -radius, -128, np.where(x >= radius, 127, y)))


@operator("logistic")
@dataclass(frozen=True)
class Logistic(Sigmoid):
    """1 / (1 + e^-x) (TFLite LOGISTIC). The output has scale 1/256 and zero point -128."""

    def check(self, sig: Signature) -> None:
        super().check(sig)
        expect_quantisation("output", sig.output, 1 / 256, -128)

    def q0(self, x: Array) -> Array:
        return gemmlowp.logistic(x, SIGMOID_INTEGER_BITS)

    def table(self, sig: Signature) -> Array:
        return self.saturating_table(sig, 8, -128)


@operator("tanh")
@dataclass(frozen=True)
class Tanh(Sigmoid):
    """tanh x (TFLite TANH). The output has scale 1/128 and zero point 0."""

    def check(self, sig: Signature) -> None:
        super().check(sig)
        expect_quantisation("output", sig.output, 1 / 128, 0)

    def q0(self, x: Array) -> Array:
        return gemmlowp.tanh(x, SIGMOID_INTEGER_BITS)

    def table(self, sig: Signature) -> Array:
        return self.saturating_table(sig, 7, 0)


# ---------------------------------------------------------------------- hard swish, in 16-bit arithmetic
def _multiply16(a: Array, b: int) -> Array:
    """Rounding doubling high multiply of int16 values."""
    high: Array = (a * b + (1 << 14)) >> 15
    return high


def _shift_left16(a: Array, exponent: int) -> Array:
    limited: Array = np.clip(a << exponent, -(2**15), 2**15 - 1)
    return limited


def _multiplier16(real: float) -> Multiplier:
    """A positive real as a 16-bit multiplier and a shift."""
    m = quantize_multiplier(real)
    return Multiplier(min((m.multiplier + (1 << 15)) >> 16, 2**15 - 1), m.shift)


@operator("hard_swish")
@dataclass(frozen=True)
class HardSwish(Unary):
    """x · min(max(x + 3, 0), 6) / 6 (TFLite HARD_SWISH), in 16-bit fixed point on the input's scale / 128."""

    def multipliers(self, sig: Signature) -> tuple[Multiplier, Multiplier]:
        """(to the output's scale, to the scale where 2^15 is 3), from the input's scale / 128."""
        return _multiplier16(ratio(sig, 1 / 128)), _multiplier16(sig.input(0).scale / 128 / (3 / 32768))

    def check(self, sig: Signature) -> None:
        super().check(sig)
        x, y = sig.input(0).scale, sig.output.scale
        output, three = self.multipliers(sig)
        expect(
            -15 <= output.shift <= 0, f"the output scale {y!r} does not fit the input scale {x!r} in 16 bits"
        )
        expect(-15 <= three.shift <= 31, f"the input scale {x!r} is outside what 16 bits can hold")

    def gate(self, x: Array, m: Multiplier) -> Array:
        """(x + 3) / 6 limited to [0, 1], in 15 bits, for x on the fine input scale.

        The last left shift comes after the multiplication, so that only it can saturate what counts.
        """
        value = _shift_left16(x, m.shift - 1) if m.shift > 0 else x
        value = _multiply16(value, m.multiplier)
        value = _shift_left16(value, 1) if m.shift > 0 else rounding_shift_right(value, -m.shift)
        half: Array = (value + (1 << 15)) >> 1
        return half

    def table(self, sig: Signature) -> Array:
        output, three = self.multipliers(sig)
        fine = centred_codes(sig) << 7
        product = _multiply16(fine, output.multiplier) * self.gate(fine, three)
        # This product alone is truncated towards zero: it makes up for the bias of the rounding ones.
        truncated = np.sign(product) * (np.abs(product) >> 15)
        return to_int8(rounding_shift_right(truncated, -output.shift) + sig.output.zero_point)


# ---------------------------------------------------------------------- what transformers add
_ERFC = np.vectorize(math.erfc, otypes=[np.float64])


@operator("gelu")
@dataclass(frozen=True)
class Gelu(Unary):
    """x · Φ(x), the error linear unit (TFLite GELU), or its approximation by tanh.

    TFLM has no such kernel: this is LiteRT's table, each code through the function in float32, times 1 / s_y, halves
    away from zero.
    """

    approximate: bool = False

    def function(self, x: Array) -> Array:
        """float32 to float32; erfc and tanh rounded from double precision."""
        if not self.approximate:
            tail = _ERFC((x * np.float32(-math.sqrt(0.5))).astype(np.float64)).astype(np.float32)
            return np.asarray(np.float32(0.5) * x * tail)
        inner = np.float32(math.sqrt(2 / math.pi)) * (x + np.float32(0.044715) * x * x * x)
        return np.asarray(np.float32(0.5) * x * (np.float32(1) + np.tanh(inner.astype(np.float64)).astype(np.float32)))

    def table(self, sig: Signature) -> Array:
        with np.errstate(over="ignore", invalid="ignore"):
            x = np.float32(sig.input(0).scale) * centred_codes(sig).astype(np.float32)
            quotient = self.function(x) * (np.float32(1) / np.float32(sig.output.scale))
        limited = np.clip(np.nan_to_num(quotient, nan=0.0), -512, 512)
        return to_int8(round_half_away_array(limited).astype(np.int64) + sig.output.zero_point)


@operator("rsqrt")
@dataclass(frozen=True)
class Rsqrt(Unary):
    """1 / √x (TFLite RSQRT). At 0 it is the largest code, and below, where TFLM ends the run, that too."""

    FRACTION_BITS: ClassVar[int] = 20  # of 1 / √code

    def multiplier(self, sig: Signature) -> Multiplier:
        """1 / (√s_x · s_y), computed in float32 but for the quotient."""
        with np.errstate(over="ignore", divide="ignore"):
            root = np.sqrt(np.float32(sig.input(0).scale)) * np.float32(sig.output.scale)
            return quantize_multiplier(float(1 / np.float64(root)))

    def check(self, sig: Signature) -> None:
        super().check(sig)
        m = self.multiplier(sig)
        expect(
            m.shift - self.FRACTION_BITS >= -31,
            f"the output scale {sig.output.scale!r} is too large for 32 bits",
        )
        expect_headroom(1 << self.FRACTION_BITS, Multiplier(m.multiplier, m.shift - self.FRACTION_BITS), "rsqrt")

    def real(self, sig: Signature, *inputs: Array) -> Array:
        return np.asarray(1 / np.sqrt(inputs[0]))

    def table(self, sig: Signature) -> Array:
        x, m = centred_codes(sig), self.multiplier(sig)
        multiplier, exponent = gemmlowp.reciprocal_root(np.maximum(x, 1))
        root = multiply(np.ones_like(x), multiplier, exponent + self.FRACTION_BITS)
        y = multiply(root, m.multiplier, m.shift - self.FRACTION_BITS) + sig.output.zero_point
        return to_int8(np.where(x <= 0, 127, y))
