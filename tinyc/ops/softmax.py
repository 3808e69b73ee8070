"""Softmax: TFLite SOFTMAX at int8, and ONNX Softmax on any output scale, both in gemmlowp's fixed point."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from tinyc.ir.access import Access, Elementwise, Whole
from tinyc.ir.operator import Operator, expect, operator
from tinyc.ir.types import Array, DType, Shape, Signature, TensorType
from tinyc.ops import gemmlowp
from tinyc.ops.common import expect_int8, expect_one_scale, expect_quantisation, given
from tinyc.ops.fixed_point import (
    Multiplier,
    doubling_high_multiply,
    quantize_multiplier,
    rounding_shift_right,
)

DIFFERENCE_INTEGER_BITS = 5  # differences to the row's maximum, in Q5
SUM_INTEGER_BITS = 12  # sums of exponentials, in Q12


@dataclass(frozen=True)
class SoftmaxRows(Operator):
    """e^(beta · x) along the last axis, divided by its sum there. int8 to int8. A subclass rounds."""

    beta: float = 1.0

    def infer(self, *inputs: TensorType | None) -> tuple[tuple[Shape, DType], ...]:
        (x,) = given(*inputs)
        expect_int8(x)
        expect(x.rank >= 1, "expected a tensor with at least one axis")
        expect(
            x.shape[-1] < 1 << SUM_INTEGER_BITS,
            f"the sum over {x.shape[-1]} elements does not fit in 32 bits",
        )
        return ((x.shape, DType.int8),)

    def real_multiplier(self, sig: Signature) -> float:
        """Code difference to Q5; past 2^31 every exponential but the maximum's is 0 anyway."""
        beta = float(np.float32(self.beta))
        return min(beta * sig.input(0).scale * 2.0 ** (31 - DIFFERENCE_INTEGER_BITS), 2.0**31 - 1)

    def multiplier(self, sig: Signature) -> Multiplier:
        return quantize_multiplier(self.real_multiplier(sig))

    def least_difference(self, sig: Signature) -> int:
        """Differences to the maximum below this count as e^-∞."""
        return -gemmlowp.input_radius(DIFFERENCE_INTEGER_BITS, self.multiplier(sig).shift)

    def check(self, sig: Signature) -> None:
        expect_one_scale(sig.input(0))
        expect(math.isfinite(self.beta), f"expected a finite beta, got {self.beta}")
        product = self.beta * sig.input(0).scale
        expect(
            self.real_multiplier(sig) > 1,
            f"beta times the input scale, {product!r}, is too small for 32 bits",
        )

    def access(self, sig: Signature, output: int = 0) -> tuple[Access | None, ...]:
        last = sig.input(0).rank - 1
        return (
            Access((*(Elementwise(a) for a in range(last)), Whole()), flat=sig.input(0).shape[last] == 1),
        )

    def exponentials(self, sig: Signature, difference: Array) -> Array:
        """e^(beta · difference) in Q0 for differences of codes, from -255 to 0."""
        m, least = self.multiplier(sig), self.least_difference(sig)
        scaled = doubling_high_multiply(np.maximum(difference, least) << m.shift, m.multiplier)
        return np.where(difference >= least, gemmlowp.exp_of_negative(scaled, DIFFERENCE_INTEGER_BITS), 0)

    def row_exponentials(self, sig: Signature, x: Array) -> Array:
        """The exponential of each code less the largest of its row, in Q0."""
        return self.exponentials(sig, x.astype(np.int64) - x.max(axis=-1, keepdims=True))


@operator("softmax")
@dataclass(frozen=True)
class Softmax(SoftmaxRows):
    """TFLite SOFTMAX: the output has scale 1/256 and zero point -128.

    Where the exponentials, relative to the largest, sum to 512 or more, TFLM's reference ends the process; here
    such rows get -128 everywhere, to which probabilities of at most 1/512 round.
    """

    def check(self, sig: Signature) -> None:
        super().check(sig)
        expect_quantisation("output", sig.output, 1 / 256, -128)

    def reference(self, sig: Signature, *inputs: Array | None) -> tuple[Array, ...]:
        (x,) = given(*inputs)
        exponential = self.row_exponentials(sig, x)
        total = rounding_shift_right(exponential, SUM_INTEGER_BITS).sum(axis=-1, keepdims=True)
        inverse, exponent = gemmlowp.reciprocal(total, SUM_INTEGER_BITS)
        y = rounding_shift_right(doubling_high_multiply(exponential, inverse), exponent + 31 - 8) - 128
        return (np.clip(y, -128, 127).astype(np.int8),)


@operator("softmax_scaled")
@dataclass(frozen=True)
class SoftmaxScaled(SoftmaxRows):
    """Softmax on any output scale and zero point, halves up (ONNX Softmax, QuantizeLinear).

    The sum of exponentials has 64 bits, the quotient 12 or more behind a code.
    """

    def check(self, sig: Signature) -> None:
        super().check(sig)
        expect_one_scale(sig.output)
        expect(sig.output.scale >= 2**-16, f"the output scale {sig.output.scale!r} is too fine for 32 bits")

    def output_multiplier(self, sig: Signature) -> Multiplier:
        """From a probability to output codes."""
        return quantize_multiplier(1 / sig.output.scale)

    def reference(self, sig: Signature, *inputs: Array | None) -> tuple[Array, ...]:
        (x,) = given(*inputs)
        exponential, m = self.row_exponentials(sig, x), self.output_multiplier(sig)
        total = exponential.sum(axis=-1, keepdims=True)  # (1 + a) · 2^exponent in Q0
        exponent = np.frexp(total.astype(np.float64))[1].astype(np.int64) - 32
        inverse = gemmlowp.one_over_one_plus((total << 20 >> (exponent + 20)) - (1 << 31))
        shift = 30 + exponent - m.shift
        # What would be shifted by more than 31 is below half a code.
        factor = np.where(shift > 31, 0, doubling_high_multiply(inverse, m.multiplier))
        shift = np.minimum(shift, 31)
        high = (exponential * factor + (1 << 31)) >> 32
        y = ((high + (np.int64(1) << (shift - 1))) >> shift) + sig.output.zero_point
        return (np.clip(y, -128, 127).astype(np.int8),)
