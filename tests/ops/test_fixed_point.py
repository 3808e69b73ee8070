"""The integer arithmetic that the references stand on, against plain Python integers and real functions."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinyc.ir.operator import TypeRuleError
from tinyc.ops import gemmlowp
from tinyc.ops.fixed_point import (
    INT32_MAX,
    INT32_MIN,
    MAX_ONCE,
    ONCE,
    Multiplier,
    Scheme,
    double_rounding,
    doubling_high_multiply,
    multiplier_of,
    multiply,
    quantize_multiplier,
    round_half_away,
    round_half_away_array,
    rounding_shift_right,
    single_rounding,
    without_right_shift,
    wrap32,
)

int32s = st.integers(INT32_MIN, INT32_MAX) | st.sampled_from([INT32_MIN, INT32_MIN + 1, -1, 0, 1, INT32_MAX])


def _truncating_division(a: int, b: int) -> int:
    return abs(a) // b * (1 if a >= 0 else -1)


def _high(a: int, b: int) -> int:
    """The definition: (a · b ± 2^30) / 2^31, truncated; the one overflow saturates."""
    if a == b == INT32_MIN:
        return INT32_MAX
    nudge = 1 << 30 if a * b >= 0 else 1 - (1 << 30)
    return _truncating_division(a * b + nudge, 1 << 31)


@given(int32s, int32s)
def test_doubling_high_multiply_is_its_definition(a: int, b: int) -> None:
    assert doubling_high_multiply(np.array([a]), b)[0] == _high(a, b)


@given(int32s, st.integers(0, 31))
def test_rounding_shift_is_division_with_halves_away_from_zero(x: int, exponent: int) -> None:
    expected = (abs(x) + ((1 << exponent) >> 1)) >> exponent
    assert rounding_shift_right(np.array([x]), exponent)[0] == expected * (1 if x >= 0 else -1)


REALS = st.floats(0, 2.0**30) | st.integers(-40, 20).map(lambda e: 2.0**e) | st.floats(0.4999999999, 0.5000000001)


@given(st.lists(REALS, min_size=1))
def test_multipliers_of_many_channels_are_those_of_each(reals: list[float]) -> None:
    assert double_rounding(reals) == [quantize_multiplier(real) for real in reals]
    assert without_right_shift(reals) == [multiplier_of(real, True) for real in reals]


@pytest.mark.parametrize("far", [math.inf, math.nan])
@pytest.mark.parametrize("scheme", [double_rounding, without_right_shift, single_rounding])
def test_multipliers_that_are_no_numbers_are_refused(scheme: Scheme, far: float) -> None:
    with pytest.raises(TypeRuleError, match="too far apart"):
        scheme([0.1, far])


@given(st.floats(2.0**-31, 2.0**30))
def test_a_multiplier_is_the_real_to_31_bits(real: float) -> None:
    m = quantize_multiplier(real)
    assert 2**30 <= m.multiplier < 2**31
    assert math.isclose(m.multiplier * 2.0 ** (m.shift - 31), real, rel_tol=2.0**-31)


@pytest.mark.parametrize(
    ("real", "expected"),
    [
        (0.0, Multiplier(0, 0)),
        (1.0, Multiplier(1 << 30, 1)),
        (0.75, Multiplier(3 << 29, 0)),
        (1 - 2.0**-40, Multiplier(1 << 30, 1)),  # rounds up to 2^31, which is renormalised
        (2.0**-33, Multiplier(0, 0)),  # below what a 32-bit shift can express
    ],
)
def test_multipliers_at_the_edges(real: float, expected: Multiplier) -> None:
    assert quantize_multiplier(real) == expected


def test_multiply_rounds_twice() -> None:
    # 1/4 rounds to 0. But the high multiply makes 1/2, which rounds to 1, and the shift halves that: 1 again.
    assert multiply(np.array([1]), 1 << 30, -1)[0] == 1
    assert multiply(np.array([-1]), 1 << 30, -1)[0] == 0


def test_multiply_takes_one_multiplier_per_channel() -> None:
    found = multiply(np.array([[100, 100]]), np.array([1 << 30, 1 << 30]), np.array([1, -1]))
    assert found.tolist() == [[100, 25]]


@given(st.floats(0, 0.49) | st.floats(-40, -1.1).map(lambda e: 2.0**e), int32s)
def test_single_rounding_is_the_nearest_integer(real: float, x: int) -> None:
    (m,) = single_rounding([real])
    exact = Fraction(m.multiplier, 1 << 31) / 2 ** -(m.shift + ONCE)
    assert -MAX_ONCE <= m.shift + ONCE < 0 and m.multiplier < 2**31
    assert abs(exact - Fraction(real)) <= max(Fraction(real) / 2**31, Fraction(1, 1 << 54))
    assert multiply(np.array([x]), m.multiplier, m.shift)[0] == math.floor(x * exact + Fraction(1, 2))


@pytest.mark.parametrize("far", [0.5 - 2.0**-54, 0.5, 1.0, 3.0])
def test_single_rounding_does_not_shift_where_a_number_is_too_large(far: float) -> None:
    assert single_rounding([0.1, far]) == without_right_shift([0.1, far])


@given(st.floats(-1000, 1000) | st.integers(-2000, 2000).map(lambda n: n / 2))
def test_round_half_away(x: float) -> None:
    expected = math.floor(abs(x)) + (abs(x) - math.floor(abs(x)) >= 0.5)
    assert round_half_away_array(np.array([x]))[0] == math.copysign(expected, x)
    assert abs(round_half_away(x)) - expected in (0, 0.0)


def test_round_half_away_does_not_round_in_the_sum() -> None:
    x = np.nextafter(np.float32(0.5), np.float32(0))  # x + 0.5 is 1 in float32
    assert round_half_away_array(np.array([x]))[0] == 0


@given(st.integers(-(2**40), 2**40))
def test_wrap32(x: int) -> None:
    assert wrap32(np.array([x]))[0] == (x + 2**31) % 2**32 - 2**31


# ---------------------------------------------------------------------- transcendental functions
ARGUMENTS = np.linspace(-15.9, 15.9, 4001)


def _q(x: np.ndarray, integer_bits: int) -> np.ndarray:
    return np.round(x * 2.0 ** (31 - integer_bits)).astype(np.int64)


def test_exp_of_negative_numbers() -> None:
    a = -np.abs(ARGUMENTS)
    for bits in (4, 5):
        found = gemmlowp.exp_of_negative(_q(a, bits), bits) / 2.0**31
        np.testing.assert_allclose(found, np.exp(a), atol=3e-7)
    assert gemmlowp.exp_of_negative(np.array([0]), 5)[0] == INT32_MAX


def test_sigmoids() -> None:
    raw = _q(ARGUMENTS, 4)
    np.testing.assert_allclose(gemmlowp.logistic(raw, 4) / 2.0**31, 1 / (1 + np.exp(-ARGUMENTS)), atol=1e-6)
    np.testing.assert_allclose(gemmlowp.tanh(raw, 4) / 2.0**31, np.tanh(ARGUMENTS), atol=1e-6)


def test_reciprocal() -> None:
    x = np.array([1.0, 1.5, 2.0, 3.7, 100.0, 511.0, 4095.0])
    mantissa, exponent = gemmlowp.reciprocal(_q(x, 12), 12)
    np.testing.assert_allclose(mantissa * 2.0 ** (-31.0 - exponent), 1 / x, rtol=1e-6)


def test_the_constants_are_those_of_the_library() -> None:
    """Published in gemmlowp's fixed-point header; ours are computed."""
    factors = [gemmlowp.EXP_OF_MINUS_POWER[e] for e in range(-2, 5)]
    assert factors == [1672461947, 1302514674, 790015084, 290630308, 39332535, 720401, 242]
    assert (gemmlowp.EXP_MINUS_EIGHTH, gemmlowp.THIRD) == (1895147668, 715827883)
    assert (gemmlowp.NEWTON_START, gemmlowp.NEWTON_SLOPE) == (1515870810, -1010580540)
