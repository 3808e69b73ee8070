"""Requantisation constants as tinyc_dsp.h wants them: a doubled accumulator where that is exact, else the plain one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tinyc.ir.types import Array
from tinyc.ops.conv import ChannelMultipliers

MAX_DOUBLED_SHIFT = 22  # the rounding constant, with any zero point, stays below 2^30


@dataclass(frozen=True)
class Requantisers:
    """Per output channel the fields of a tinyc_requantiser. `factor` is 2 where the accumulator comes doubled, else 1."""

    multiplier: Array
    rounding: Array
    shift: Array
    factor: Array


def requantisers(m: ChannelMultipliers, zero_point: int, bound: Array) -> Requantisers:
    """`bound` is the largest magnitude of each channel's accumulator, int64.

    With right shift s ≥ 1 the code is (h + [a < 0]·(−1) + 2^(s−1) + zero_point·2^s) >> s of the doubling high
    multiply h of accumulator a, and h is the high half of 2a · multiplier.
    """
    multiplier, shift = np.array(m.multiplier, np.int64), np.array(m.shift, np.int64)
    doubled = (shift <= -1) & (shift >= -MAX_DOUBLED_SHIFT) & (bound < 2**30)
    right = np.where(doubled, -shift, 1)
    rounding = (np.int64(1) << (right - 1)) + (zero_point << right)
    return Requantisers(
        multiplier.astype(np.int32),
        np.where(doubled, rounding, shift).astype(np.int32),
        np.where(doubled, right, 0).astype(np.int32),
        np.where(doubled, 2, 1).astype(np.int64),
    )


def accumulator_bound(weights: Array, bias: Array, zero_point: int) -> Array:
    """Largest |bias + Σ (x − zero_point)·w| of each channel; `weights` are [taps, channels], int64."""
    reach = max(127 - zero_point, zero_point + 128)
    bound: Array = np.abs(bias.astype(np.int64)) + reach * np.abs(weights.astype(np.int64)).sum(axis=0)
    return bound
