"""Integer arithmetic of the TFLite quantisation specification, as TensorFlow Lite Micro computes it.

Double rounding: a saturating rounding doubling high multiply, then a rounding division by a power of two. Operators
that come from float arithmetic round once instead, see `single_rounding`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from tinyc.ir.operator import expect
from tinyc.ir.types import Array

INT32_MAX, INT32_MIN = 2**31 - 1, -(2**31)


@dataclass(frozen=True, slots=True)
class Multiplier:
    """A positive real number as multiplier · 2^(shift − 31); `shift` > 0 is to the left. See also `ONCE`."""

    multiplier: int
    shift: int


def round_half_away(x: float) -> int:
    """Round to the nearest integer, halves away from zero (C's `round`)."""
    return int(math.copysign(math.floor(abs(x) + 0.5), x))


def round_half_away_array(x: Array) -> Array:
    """`round_half_away` of every element, in the floating-point type given."""
    whole: Array = np.trunc(x)
    rounded: Array = whole + np.copysign(np.abs(x - whole) >= 0.5, x).astype(x.dtype)
    return rounded


def expect_headroom(bound: int, m: Multiplier, what: str) -> None:
    """Refuse a multiplier that could carry values of magnitude `bound` or their product past 30 bits."""
    expect(
        bound << max(m.shift, 0) <= 2**30,
        f"{what} does not fit in 32 bits: the output scale is too small against the input's",
    )


def quantize_multiplier(real: float) -> Multiplier:
    """The normalised fixed-point form of a non-negative double (TFLite's QuantizeMultiplier).

    Raises TypeRuleError for an infinite one: the quotient of scales that lie too far apart.
    """
    expect(math.isfinite(real), "the scales lie too far apart for a quotient in float32")
    if real == 0.0:
        return Multiplier(0, 0)
    fraction, shift = math.frexp(real)
    fixed = round_half_away(fraction * 2**31)
    if fixed == 2**31:
        fixed, shift = fixed // 2, shift + 1
    if shift < -31:
        return Multiplier(0, 0)
    return Multiplier(fixed, shift)


ROUNDED_ONCE = 12  # right shifts up to this can be had without the second rounding


def multiplier_of(real: float, rounds_once: bool) -> Multiplier:
    """`quantize_multiplier`, or the form without a shift to the right, by which `multiply` rounds only once.

    That form has fewer bits. Up to a right shift of 12 they cost less than the second rounding does, which for a
    shift of n goes wrong once in 2^(n + 1) times.
    """
    m = quantize_multiplier(real)
    if rounds_once and -ROUNDED_ONCE <= m.shift < 0:
        return Multiplier(round_half_away(real * 2**31), 0)
    return m


# ---------------------------------------------------------------------- of several channels
Scheme = Callable[[Sequence[float] | Array], list[Multiplier]]
ONCE = 256  # taken off a shift to the right by which the product is rounded once
MARKED = -ONCE // 2  # shifts below are
MAX_ONCE = 22  # such shifts go so far: half of what they take and any zero point stay below 2^30


def double_rounding(reals: Sequence[float] | Array) -> list[Multiplier]:
    """`quantize_multiplier` of each."""
    return _multipliers(*_normalised(np.asarray(reals, np.float64)))


def without_right_shift(reals: Sequence[float] | Array) -> list[Multiplier]:
    """`multiplier_of` each, rounding once."""
    exact = np.asarray(reals, np.float64)
    fixed, shift = _normalised(exact)
    shifts_right = (shift >= -ROUNDED_ONCE) & (shift < 0)
    return _multipliers(
        np.where(shifts_right, _rounded(np.where(shifts_right, exact, 0) * 2**31), fixed),
        np.where(shifts_right, 0, shift),
    )


def single_rounding(reals: Sequence[float] | Array) -> list[Multiplier]:
    """Multipliers of 31 bits by which `multiply` rounds once, halves upwards.

    Cores have the high half of a product, rounded down. With half of what the shift takes added, a second rounding
    down is that of the whole product. So all shifts are to the right; they are marked by `ONCE`. Numbers below 2^-23
    have fewer bits. Where there is one of 1/2 or more, all are without a shift to the right.
    """
    exact = np.asarray(reals, np.float64)
    if exact.max() * (1 + 2.0**-31) >= 0.5:
        return without_right_shift(exact)
    fixed, shift = _normalised(np.maximum(exact, 2.0 ** -(MAX_ONCE + 1)))
    return _multipliers(np.minimum(fixed, _rounded(np.ldexp(exact, 31 - shift))), shift - ONCE)


def _normalised(exact: Array) -> tuple[Array, Array]:
    """`quantize_multiplier` of non-negative doubles: multipliers and shifts."""
    expect(bool(np.isfinite(exact).all()), "the scales lie too far apart for a quotient in float32")
    fraction, shift = np.frexp(exact)
    fixed = _rounded(fraction * 2**31)
    carried = fixed == 2**31
    fixed, shift = np.where(carried, fixed // 2, fixed), shift + carried
    lost = (shift < -31) | (exact == 0)
    return np.where(lost, 0, fixed), np.where(lost, 0, shift)


def _rounded(x: Array) -> Array:
    """`round_half_away` of non-negative doubles below 2^62."""
    whole: Array = np.floor(x + 0.5).astype(np.int64)
    return whole


def _multipliers(fixed: Array, shift: Array) -> list[Multiplier]:
    return [Multiplier(m, s) for m, s in zip(fixed.tolist(), shift.tolist(), strict=True)]


def doubling_high_multiply(a: Array, b: Array | int) -> Array:
    """Saturating rounding doubling high multiply of int32 values (held as int64): (2·a·b + 2^31) >> 32."""
    product = (a.astype(np.int64) * np.asarray(b, np.int64) + (1 << 30)) >> 31
    high: Array = np.minimum(product, INT32_MAX)
    return high


def rounding_shift_right(x: Array, exponent: Array | int) -> Array:
    """x / 2^exponent, rounded to nearest, halves away from zero."""
    exponent = np.asarray(exponent, np.int64)
    mask = (np.int64(1) << exponent) - 1
    threshold = (mask >> 1) + (x < 0)
    rounded: Array = (x >> exponent) + ((x & mask) > threshold)
    return rounded


def wrap32(x: Array) -> Array:
    """Two's complement wrap of int64 values to the int32 range (what the references' int32 registers do)."""
    return x.astype(np.int32).astype(np.int64)


def multiply(x: Array, multiplier: Array | int, shift: Array | int) -> Array:
    """x · multiplier · 2^(shift − 31) in double rounding, or in one where the shift is marked by `ONCE`.

    Per-channel multipliers go along the last axis.
    """
    shift = np.asarray(shift, np.int64)
    left, right = np.maximum(shift, 0), np.maximum(-shift, 0)
    if shift.max() < MARKED:
        down = right - ONCE + 31
        once: Array = (x.astype(np.int64) * np.asarray(multiplier, np.int64) + (np.int64(1) << (down - 1))) >> down
        return once
    shifted = wrap32(x.astype(np.int64) << left)
    return rounding_shift_right(doubling_high_multiply(shifted, multiplier), right)


def requantize(
    acc: Array, multiplier: Array | int, shift: Array | int, zero_point: int, clamp: tuple[int, int]
) -> Array:
    """int32 accumulators to int8 codes."""
    codes: Array = np.clip(multiply(acc, multiplier, shift) + zero_point, *clamp).astype(np.int8)
    return codes
