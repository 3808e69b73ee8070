"""Transcendental functions in 32-bit fixed point, bit for bit as the gemmlowp library does it for TFLM.

Values are int64 arrays of int32 raw numbers; Qm has m integer and 31 − m fractional bits. All products are
saturating rounding doubling high multiplies, so Qa · Qb is Q(a + b). Constants are the raw numbers nearest to
the real ones.
"""

from __future__ import annotations

import math

import numpy as np

from tinyc.ir.types import Array
from tinyc.ops.fixed_point import INT32_MAX, INT32_MIN, doubling_high_multiply, rounding_shift_right, wrap32

ONE_Q0 = INT32_MAX  # 1 is not representable in Q0.31; the largest number stands for it
ONE_Q2 = 1 << 29


def _raw(real: float, integer_bits: int) -> int:
    return round(math.ldexp(real, 31 - integer_bits))


EXP_MINUS_EIGHTH = _raw(math.exp(-1 / 8), 0)
THIRD = _raw(1 / 3, 0)
EXP_OF_MINUS_POWER = {e: _raw(math.exp(-(2.0**e)), 0) for e in range(-2, 5)}  # e^-1/4, e^-1/2, … e^-16
HALF_SQRT_2 = _raw(math.sqrt(0.5), 0)
NEWTON_START, NEWTON_SLOPE = _raw(48 / 17, 2), _raw(-32 / 17, 2)


def shift_left_saturating(x: Array, exponent: int) -> Array:
    """x · 2^exponent, limited to the int32 range."""
    limited: Array = np.clip(x << exponent, INT32_MIN, INT32_MAX)
    return limited


def _half_sum(a: Array, b: int) -> Array:
    """(a + b) / 2 for a + b ≥ 0, halves up."""
    return (a + b + 1) >> 1


def _exp_near_zero(a: Array) -> Array:
    """e^a in Q0 for a in [-1/4, 0) in Q0: Taylor polynomial of degree 4 around -1/8."""
    x = a + (1 << 28)
    x2 = doubling_high_multiply(x, x)
    x3, x4 = doubling_high_multiply(x2, x), doubling_high_multiply(x2, x2)
    cubic = doubling_high_multiply(rounding_shift_right(x4, 2) + x3, THIRD)
    higher = rounding_shift_right(cubic + x2, 1)
    return EXP_MINUS_EIGHTH + doubling_high_multiply(x + higher, EXP_MINUS_EIGHTH)


def exp_of_negative(a: Array, integer_bits: int) -> Array:
    """e^a in Q0 for a ≤ 0 in Q`integer_bits` (at most 5): e^(a mod 1/4), times e^-2^k per further bit."""
    fraction_bits = 31 - integer_bits
    quarter = 1 << (fraction_bits - 2)
    near = (a & (quarter - 1)) - quarter
    result = _exp_near_zero(shift_left_saturating(near, integer_bits))
    rest = near - a
    for exponent, factor in EXP_OF_MINUS_POWER.items():
        if exponent < integer_bits:
            has_bit = (rest & (1 << (fraction_bits + exponent))) != 0
            result = np.where(has_bit, doubling_high_multiply(result, factor), result)
    return np.where(a == 0, ONE_Q0, result)


def _newton_reciprocal(a: Array) -> Array:
    """2 / (1 + a) in Q2 for a in [0, 1] in Q0: three Newton steps on 1 / ((1 + a) / 2)."""
    half = _half_sum(a, ONE_Q0)
    x = NEWTON_START + doubling_high_multiply(half, NEWTON_SLOPE)
    for _ in range(3):
        error = ONE_Q2 - doubling_high_multiply(half, x)
        x = x + shift_left_saturating(doubling_high_multiply(x, error), 2)
    return wrap32(x)


def one_over_one_plus(a: Array) -> Array:
    """1 / (1 + a) in Q0 for a in [0, 1] in Q0."""
    return shift_left_saturating(_newton_reciprocal(a), 1)


def one_minus_over_one_plus(a: Array) -> Array:
    """(1 − a) / (1 + a) in Q0 for a in [0, 1] in Q0."""
    return shift_left_saturating(_newton_reciprocal(a) - ONE_Q2, 2)


def logistic(a: Array, integer_bits: int) -> Array:
    """1 / (1 + e^-a) in Q0 for a in Q`integer_bits`."""
    positive = one_over_one_plus(exp_of_negative(-np.abs(a), integer_bits))
    return np.where(a == 0, 1 << 30, np.where(a > 0, positive, ONE_Q0 - positive))


def tanh(a: Array, integer_bits: int) -> Array:
    """tanh a in Q0 for a in Q`integer_bits` (at most 4).

    It comes from e^-2|a|, and doubling is to read the same raw number with one more integer bit.
    """
    magnitude = one_minus_over_one_plus(exp_of_negative(-np.abs(a), integer_bits + 1))
    return np.sign(a) * magnitude


def reciprocal(x: Array, integer_bits: int) -> tuple[Array, Array]:
    """1 / x for x > 0 in Q`integer_bits`: (m in Q0, e) with 1 / x = m · 2^-e."""
    leading_zeros = 32 - np.frexp(x.astype(np.float64))[1].astype(np.int64)
    fraction = (x << leading_zeros) - (1 << 31)
    return one_over_one_plus(fraction), integer_bits - leading_zeros


def input_radius(integer_bits: int, left_shift: int) -> int:
    """Largest magnitude that, shifted left, stays within 2^integer_bits − 1 in Q`integer_bits`."""
    return (((1 << integer_bits) - 1) << (31 - integer_bits)) >> left_shift


def reciprocal_root(x: Array) -> tuple[Array, Array]:
    """1 / √x for integers 1 ≤ x < 2^16: (m, e) with 1 / √x = m · 2^(e − 31): five Newton steps from 1, in Q3.

    For 1 it is the largest number below 1.
    """
    scaled = np.maximum(x.astype(np.int64), 2)
    pairs = (31 - np.frexp(scaled.astype(np.float64))[1].astype(np.int64)) // 2 - 1
    a = (scaled << 2 * pairs) >> 1  # from 1/4 to 1 in Q3
    half_a, y = rounding_shift_right(a, 1), np.full(a.shape, 1 << 28)
    for _ in range(5):
        cube = doubling_high_multiply(doubling_high_multiply(y, y), y)
        cube = shift_left_saturating(cube, 6)  # from Q9
        step = doubling_high_multiply(np.full(y.shape, 3 << 27), y) - doubling_high_multiply(half_a, cube)
        y = shift_left_saturating(step, 3)  # from Q6
    root = doubling_high_multiply(y, HALF_SQRT_2)
    exponent = pairs - 11
    multiplier = wrap32(root << np.maximum(exponent, 0))
    one = x <= 1
    return np.where(one, INT32_MAX, multiplier), np.where(one, 0, np.minimum(exponent, 0))
