"""Constants of tinyc_requantiser, in numbers: every kind gives the reference, and blocks have one kind."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tinyc.ir.types import Array
from tinyc.kernels.common.requantise import Requantisers, requantisers_between
from tinyc.ops.conv import ChannelMultipliers
from tinyc.ops.fixed_point import MAX_ONCE, ONCE, multiply, requantize

ENDS = (-(2**33), -(2**31), -(2**30), -5000, -1, 0, 1, 77, 2**30 - 1, 2**30, 2**31 - 1, 2**33)


@st.composite
def channels(draw: st.DrawFn) -> tuple[int, int, int, int]:
    """Multiplier, shift, smallest and largest accumulator: as TFLite or ONNX has them, and ones that are far off."""
    shift = draw(st.one_of(st.just(0), st.integers(-31, 8)))
    few = st.integers(0, 2**31 - 1) if shift == 0 else st.one_of(st.just(0), st.integers(2**30, 2**31 - 1))
    ends = st.one_of(st.integers(-(2**20), 2**20), st.sampled_from(ENDS))
    low, high = sorted((draw(ends), draw(ends)))
    return draw(few), shift, low, high


def codes(r: Requantisers, channel: int, acc: Array, zero_point: int) -> Array:
    """What tinyc_requantise computes of a channel's sums, with all that it may assume checked."""
    multiplier, rounding, shift = (int(word) for word in r.table[channel])
    if shift == 0:
        return np.clip(multiply(acc, multiplier, rounding) + zero_point, -128, 127)
    if multiplier != 0:
        assert (np.abs(2 * acc) < 2**31).all()
    doubled = (2 * acc).astype(np.int32).astype(np.int64)
    inner = ((doubled * multiplier + (2**31 if shift > 0 else 0)) >> 32) + rounding
    inner += doubled >> 63 if shift > 0 else 0
    assert (np.abs(inner) < 2**31).all()
    return np.clip(inner >> (shift & 0xFF), -128, 127)


@given(st.lists(channels(), min_size=1, max_size=9), st.integers(-128, 127), st.integers(1, 4), st.randoms())
def test_every_kind_gives_the_reference(
    layer: list[tuple[int, int, int, int]], zero_point: int, alike: int, rng: np.random.Generator
) -> None:
    if all(-MAX_ONCE <= s < 0 for _, s, _, _ in layer):  # then they may be marked
        marked = [(m, s - ONCE, first, last) for m, s, first, last in layer]
        check_every_kind(marked, zero_point, alike, rng)
    check_every_kind(layer, zero_point, alike, rng)


def check_every_kind(
    layer: list[tuple[int, int, int, int]], zero_point: int, alike: int, rng: np.random.Generator
) -> None:
    multiplier, shift, low, high = zip(*layer, strict=True)
    r = requantisers_between(
        ChannelMultipliers(multiplier, shift), zero_point, np.array(low), np.array(high), alike=alike
    )
    kinds = np.sign(r.shift)
    assert all(len(set(kinds[i : i + alike].tolist())) == 1 for i in range(0, len(layer), alike))
    for channel, (m, s, first, last) in enumerate(layer):
        if first < -(2**31) or last >= 2**31:
            assert kinds[channel] == 0 or m == 0
            continue
        acc = np.array([first, last, *(rng.randint(first, last) for _ in range(20))], np.int64)
        assert (codes(r, channel, acc, zero_point) == requantize(acc, m, s, zero_point, (-128, 127))).all()


def test_a_constant_channel_takes_the_kind_of_those_around_it() -> None:
    """It has one code for any input: among channels that round once it does so too."""
    multiplier, shift = (2**22, 2**22, 2**30), (0, 0, -20)
    low, high = np.array([-9000, -9000, 3]), np.array([9000, 9000, 4])
    once = requantisers_between(ChannelMultipliers(multiplier, shift), 5, low, high)
    assert (once.kind, once.mostly, once.multiplier.tolist()) == (-1, -1, [2**23, 2**23, 0])
    twice = ChannelMultipliers((2**30, 2**30, 2**10), (-5, -5, 0))
    shifted = requantisers_between(twice, 5, np.array([-999, -999, 3]), np.array([999, 999, 4]))
    assert (shifted.kind, shifted.mostly) == (1, 1)
    mixed = requantisers_between(
        ChannelMultipliers((2**30, 2**29), (-5, 0)), 5, np.array([-999, -999]), np.array([999, 999])
    )
    assert mixed.kind == 0 and (mixed.factor == 2).all()
