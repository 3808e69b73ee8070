"""Layer normalisation at int8 (ONNX LayerNormalization between DequantizeLinear and QuantizeLinear), in integers.

With n codes x in a row, S their sum, d = n·x − S and V = n·Σx² − S² (n² times their variance), the real result is
gamma · d / √(V + ε·(n/s)²) + beta, s being the input's scale; its zero point cancels out.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from tinyc.ir.access import Access, Elementwise, Whole
from tinyc.ir.operator import Operator, expect, operator
from tinyc.ir.types import Array, DType, Shape, Signature, TensorType
from tinyc.ops.common import expect_int8, expect_one_scale, given

MAX_CHANNELS = 1 << 14
DEVIATION_BITS = 29  # normalised deviations stay below 2^29: a reciprocal root of 30 bits or more gives them from 31
FACTOR_BITS = 31  # what they are multiplied by, for gamma and the output's scale, stays below 2^31
FRACTION_BITS = (8, 20)  # of output codes before rounding: least and most
LARGEST_BIAS = 1 << 30  # beyond it every code saturates, whatever is added


def bits(x: float) -> int:
    """The least e with x < 2^e, for x > 0."""
    return math.frexp(x)[1]


@dataclass(frozen=True, slots=True)
class Normalisation:
    """Integers of a layer normalisation.

    `variance_shift`: V is held times 2^this; so is `epsilon`, which stands for ε·(n/s)². `deviation_shift`: d / √… is
    held times 2^this. Results are output codes with `fraction_bits` behind the point.
    """

    epsilon: int
    variance_shift: int
    deviation_shift: int
    fraction_bits: int


@operator("layer_norm")
@dataclass(frozen=True)
class LayerNorm(Operator):
    """(x − mean) / √(variance + epsilon) · gamma + beta along the last axis, which has C elements.

    Inputs: x int8[...,C], gamma int8[C] or absent (ones), beta int32[C] or int8[C] or absent (zeros), each with one
    scale. Output int8 of x's shape. `epsilon` is a float32 value. Rounds to nearest; where only beta is left, halves
    to even.
    """

    epsilon: float = 1e-5
    inputs = ("x", "gamma", "beta")
    optional = frozenset({"gamma", "beta"})

    def infer(self, *inputs: TensorType | None) -> tuple[tuple[Shape, DType], ...]:
        (x,) = given(*inputs[:1])
        gamma, beta = (*inputs[1:], None, None)[:2]
        expect_int8(*(t for t in (x, gamma) if t is not None))
        expect(x.rank >= 1, "expected a tensor with at least one axis")
        channels = x.shape[-1]
        expect(channels <= MAX_CHANNELS, f"rows of more than {MAX_CHANNELS} elements do not fit in 32 bits")
        for name, t in (("gamma", gamma), ("beta", beta)):
            expect(t is None or t.elements == channels, f"expected a {name} of {channels} elements, got {t}")
        expect(beta is None or beta.dtype in (DType.int32, DType.int8), f"expected an int32 beta, got {beta}")
        return ((x.shape, DType.int8),)

    def check(self, sig: Signature) -> None:
        expect_one_scale(*(t for t in (*sig.inputs, sig.output) if t is not None))
        expect(0 <= self.epsilon < math.inf, f"expected a finite epsilon of 0 or more, got {self.epsilon}")
        expect(
            self.fraction_bits(sig) >= FRACTION_BITS[0],
            f"the output scale {sig.output.scale!r} is too small: results reach {self.reach(sig):.0f} codes",
        )

    def largest_deviation(self, sig: Signature) -> float:
        """A bound of |x − mean| / √(variance + epsilon): √(n − 1), or less where epsilon outweighs any variance."""
        x = sig.input(0)
        bound = math.sqrt(x.shape[-1] - 1)
        return min(bound, 255 * x.scale / math.sqrt(self.epsilon)) if self.epsilon > 0 else bound

    def gamma_of(self, sig: Signature) -> tuple[float, int, int]:
        """(scale, zero point, largest magnitude of a code less zero point) of gamma; 1 where it is absent."""
        gamma = sig.inputs[1] if len(sig.inputs) > 1 else None
        if gamma is None:
            return 1.0, 0, 1
        return gamma.scale, gamma.zero_point, max(127 - gamma.zero_point, gamma.zero_point + 128)

    def reach(self, sig: Signature) -> float:
        """A bound of the result in output codes, beta and zero point apart."""
        scale, _, largest = self.gamma_of(sig)
        return self.largest_deviation(sig) * largest * scale / sig.output.scale

    def deviation_shift(self, sig: Signature) -> int:
        """How far to the left a normalised deviation may go."""
        return DEVIATION_BITS - bits(self.largest_deviation(sig))

    def fraction_bits(self, sig: Signature) -> int:
        """Bits behind a result's point, as many as the factors have room for."""
        if self.largest_deviation(sig) == 0:
            return FRACTION_BITS[1]
        scale, _, largest = self.gamma_of(sig)
        room = FACTOR_BITS - 32 + self.deviation_shift(sig) - bits(largest * scale / sig.output.scale)
        return min(FRACTION_BITS[1], room)

    def normalisation(self, sig: Signature) -> Normalisation:
        """The integers of this operator, from double precision."""
        x = sig.input(0)
        n = x.shape[-1]
        epsilon = self.epsilon * (n / x.scale) ** 2
        # Even, and V + epsilon below 2^62: V ≤ n² · (255 / 2)².
        variance_shift = (62 - bits(n * n * 2.0**14 + epsilon)) // 2 * 2
        return Normalisation(
            epsilon=round(math.ldexp(epsilon, variance_shift)),
            variance_shift=variance_shift,
            deviation_shift=self.deviation_shift(sig),
            fraction_bits=self.fraction_bits(sig),
        )

    def factors(self, sig: Signature, gamma: Array | None) -> Array:
        """int32[C]: what a normalised deviation is multiplied by, 32 bits behind the point, to give a result."""
        p, (scale, zero, _) = self.normalisation(sig), self.gamma_of(sig)
        codes = np.ones(sig.input(0).shape[-1]) if gamma is None else gamma.reshape(-1).astype(np.float64) - zero
        if self.largest_deviation(sig) == 0:
            return np.zeros(codes.shape, np.int32)
        exact = codes * (scale / sig.output.scale) * 2.0 ** (p.fraction_bits + 32 - p.deviation_shift)
        limit = 2**FACTOR_BITS - 1
        return np.clip(np.rint(exact), -limit, limit).astype(np.int32)

    def biases(self, sig: Signature, beta: Array | None) -> Array:
        """int32[C]: beta, zero point and rounding, in output codes with `fraction_bits` behind the point."""
        y, f = sig.output, self.normalisation(sig).fraction_bits
        if beta is None:
            beta, scale, zero = np.zeros(sig.input(0).shape[-1]), 1.0, 0
        else:
            scale, zero = sig.input(2).scale, sig.input(2).zero_point
        codes = (beta.reshape(-1).astype(np.float64) - zero) * scale / y.scale
        limited = np.clip(codes, -LARGEST_BIAS, LARGEST_BIAS)
        # A half that goes to the even number below is taken down by the least there is.
        to_even = (limited % 1 == 0.5) & ((np.floor(limited) + y.zero_point) % 2 == 0)
        total = np.rint(limited * 2**f) + y.zero_point * 2**f + 2 ** (f - 1) - to_even
        return np.clip(total, -LARGEST_BIAS, LARGEST_BIAS).astype(np.int32)

    def access(self, sig: Signature, output: int = 0) -> tuple[Access | None, ...]:
        x = sig.input(0)
        rows = Access((*map(Elementwise, range(x.rank - 1)), Whole()), flat=x.shape[-1] == 1)
        # Channel c reads element c of gamma and beta.
        along = Access((Elementwise(x.rank - 1),), flat=x.elements == x.shape[-1])
        return (rows, *(None if t is None else along for t in sig.inputs[1:]))

    def real(self, sig: Signature, *inputs: Array) -> Array:
        x, gamma, beta = (*inputs, np.float64(1), np.float64(0))[:3]
        centred = x - x.mean(axis=-1, keepdims=True)
        return np.asarray(centred / np.sqrt((centred**2).mean(axis=-1, keepdims=True) + self.epsilon) * gamma + beta)

    def reference(self, sig: Signature, *inputs: Array | None) -> tuple[Array, ...]:
        (x,) = given(*inputs[:1])
        gamma, beta = (*inputs[1:], None, None)[:2]
        p = self.normalisation(sig)
        product = _deviations(x.astype(np.int64), p) * self.factors(sig, gamma).astype(np.int64)
        # Rounded once: what the first shift cuts off is below what is whole for the second, which has the half.
        result = ((product >> 32) + self.biases(sig, beta)) >> p.fraction_bits
        return (np.clip(result, -128, 127).astype(np.int8),)


def _half_up(product: Array) -> Array:
    """product / 2^32 to the nearest, halves up: the high half of a product of two int32."""
    high: Array = (product + (1 << 31)) >> 32
    return high


def _deviations(codes: Array, p: Normalisation) -> Array:
    """(x − mean) / √(variance + epsilon), times 2^deviation_shift, of int64[...,C] codes."""
    n, total = codes.shape[-1], codes.sum(axis=-1, keepdims=True)
    variance = n * (codes * codes).sum(axis=-1, keepdims=True) - total * total
    up, down = max(p.variance_shift, 0), min(max(-p.variance_shift, 0), 63)
    inverse, exponent = reciprocal_root(np.maximum((variance << up >> down) + p.epsilon, 1).astype(np.uint64))
    # A row without variance has no deviation either, so its shift does not matter.
    shift = np.minimum(p.deviation_shift - 30 + (exponent + p.variance_shift) // 2, 31)
    return _half_up(((n * codes - total) << shift) * inverse)


def reciprocal_root(x: Array) -> tuple[Array, Array]:
    """(r, e) with 1 / √x = r · 2^(e/2 − 62), for uint64 x ≥ 1; 2^30 ≤ r < 2^31 and e is even, both int64.

    x · 2^e = m · 2^32 is from 2^62 on. Four Newton steps y ← y · (3 − m·y²) / 2 from a straight line that is within
    9 %: after three the error is below 2^-23, after four the rounding of 31 bits is left.
    """
    exponent = np.zeros(x.shape, np.int64)
    for shift in (32, 16, 8, 4, 2):
        small = x < np.uint64(1 << (64 - shift))
        x = np.where(small, x << np.uint64(shift), x)
        exponent += np.where(small, shift, 0)
    m = x >> np.uint64(32)
    y = np.uint64(2276332667) - (m * np.uint64(1288490189) >> np.uint64(32))  # 2.12 − 1.2 m, 30 bits behind the point
    for _ in range(4):
        square = y * y >> np.uint64(31)
        y = y * (np.uint64(3 << 29) - (m * square >> np.uint64(32))) >> np.uint64(30)
    return np.minimum(y, np.uint64(2**31 - 1)).astype(np.int64), exponent
