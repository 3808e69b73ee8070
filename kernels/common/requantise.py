"""Requantisation constants as tinyc_dsp.h wants them: a doubled accumulator where that is exact, else the plain one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tinyc.ir.types import Array
from tinyc.kernels.common.tables import BIAS
from tinyc.ops.conv import ChannelMultipliers
from tinyc.program.kernel import Site

DSP = "../common/tinyc_dsp.h"

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
    multiply h of accumulator a, and h is the high half of 2a · multiplier. Channels too faint to leave the zero point
    (training often leaves some, with shifts beyond 22) get a multiplier of 0 and a shift of 1, which is the same.
    """
    multiplier, shift = np.array(m.multiplier, np.int64), np.array(m.shift, np.int64)
    reach = (np.minimum(bound, 2**31) * multiplier >> 31) + 1  # |h| at most
    right = np.maximum(-shift, 1)
    faint = (multiplier == 0) | ((shift <= -1) & (reach < 1 << (right - 1)))
    right = np.where(faint, 1, right)
    rounding = (np.int64(1) << (right - 1)) + (zero_point << right)
    doubled = faint | ((shift <= -1) & (bound < 2**30) & (reach + np.abs(rounding) < 2**31))
    return Requantisers(
        np.where(faint, 0, multiplier).astype(np.int32),
        np.where(doubled, rounding, shift).astype(np.int32),
        np.where(doubled, right, 0).astype(np.int32),
        np.where(doubled, 2, 1).astype(np.int64),
    )


def accumulator_bound(weights: Array, bias: Array, zero_point: int) -> Array:
    """Largest |bias + Σ (x − zero_point)·w| of each channel; `weights` are [taps, channels], int64."""
    reach = max(127 - zero_point, zero_point + 128)
    bound: Array = np.abs(bias.astype(np.int64)) + reach * np.abs(weights.astype(np.int64)).sum(axis=0)
    return bound


def bias_data(site: Site) -> Array:
    """The constant bias per output channel, zeros where there is none, int64."""
    if not site.has(BIAS):
        return np.zeros(site.sig.output.shape[-1], np.int64)
    return site.constant(BIAS).reshape(-1).astype(np.int64)


def pairs(low: Array, high: Array) -> Array:
    """Two arrays of numbers as words of two signed 16-bit lanes, int64."""
    return (low & 0xFFFF) | (high << 16)
