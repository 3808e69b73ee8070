"""Requantisation constants as tinyc_dsp.h wants them: a doubled accumulator where that is exact, else the plain one."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from tinyc.codegen.writer import Field
from tinyc.ir.types import Array
from tinyc.kernels.common.tables import BIAS, multipliers_of
from tinyc.ops.conv import ChannelMultipliers, Convolution
from tinyc.ops.fixed_point import MARKED, ONCE, Multiplier, multiply
from tinyc.ops.fully_connected import FullyConnected
from tinyc.ops.window import WindowOperator
from tinyc.program.kernel import Site

DSP = "../common/tinyc_dsp.h"

MAX_DOUBLED_SHIFT = 22  # the rounding constant, with any zero point, stays below 2^30


@dataclass(frozen=True)
class Requantisers:
    """Fields of a tinyc_requantiser per output channel, int32."""

    multiplier: Array
    rounding: Array
    shift: Array

    @property
    def factor(self) -> Array:
        """2 where the accumulator comes doubled, else 1; int64."""
        return np.where(self.shift != 0, np.int64(2), np.int64(1))

    @property
    def table(self) -> Array:
        """The three words of each channel, [channels, 3]."""
        return np.stack([self.multiplier, self.rounding, self.shift], axis=1)

    @property
    def fields(self) -> dict[str, Field]:
        """Of the only channel."""
        ((multiplier, rounding, shift),) = self.table.tolist()
        return {"multiplier": multiplier, "rounding": rounding, "shift": shift}

    @property
    def kind(self) -> int:
        """1 where all channels are rounded twice, -1 where all are rounded once, else 0."""
        return self.mostly if (np.sign(self.shift) == self.mostly).all() else 0

    @property
    def mostly(self) -> int:
        """1 or -1, whichever kind more channels are of."""
        return 1 if np.sign(self.shift).sum() >= 0 else -1


@lru_cache(maxsize=1 << 10)  # the heads of an attention share theirs
def requantiser(m: Multiplier, zero_point: int, bound: int) -> Requantisers:
    """Of accumulators of at most `bound` in magnitude that all have one multiplier."""
    ends = np.array([bound], np.int64)
    return requantisers_between(ChannelMultipliers((m.multiplier,), (m.shift,)), zero_point, -ends, ends)


def requantisers_between(
    m: ChannelMultipliers, zero_point: int, low: Array, high: Array, *, alike: int = 1
) -> Requantisers:
    """Of accumulators from `low` to `high`, int64 per channel. Each `alike` channels are of one kind.

    With right shift s ≥ 1 the code is (h + [a < 0]·(−1) + 2^(s−1) + zero_point·2^s) >> s of the doubling high
    multiply h of accumulator a, and h is the high half of 2a · multiplier. Rounded once, h is rounded down and the −1
    is left out; a multiplier below 2^30 without a shift is twice that multiplier with a shift by 1. A channel that has
    one code for any input (pruned networks have many) gets a multiplier of 0, and the kind of those around it: by one
    a shift to the right leaves the code, whatever the accumulator's sign.
    """
    multiplier, shift = np.array(m.multiplier, np.int64), np.array(m.shift, np.int64)
    bound = np.maximum(np.abs(low), np.abs(high))
    fits = bound < 2**31
    low_code, high_code = (
        np.clip(multiply(np.where(fits, a, 0), multiplier, shift) + zero_point, -128, 127) for a in (low, high)
    )
    constant = (multiplier == 0) | (fits & (shift <= 0) & (low_code == high_code))
    marked = shift < MARKED
    twice = (shift < 0) & ~marked
    below_half = (shift == 0) & (multiplier < 2**30)
    factor = np.where(below_half, 2 * multiplier, multiplier)
    right = np.where(constant, 1, np.maximum(-shift - ONCE * marked, 1))
    rounding = (np.int64(1) << (right - 1)) + (np.where(constant, low_code, zero_point) << right)
    reach = (np.minimum(bound, 2**31) * factor >> 31) + 1  # |h| at most
    small = (bound < 2**30) & (reach + np.abs(rounding) < 2**31)
    kind = _kinds(constant, small & twice, small & (marked | below_half), alike)
    return Requantisers(
        np.where(kind == 0, multiplier, np.where(constant, 0, factor)).astype(np.int32),
        np.where(kind == 0, shift, rounding).astype(np.int32),
        np.choose(kind + 1, [right - ONCE, 0, right]).astype(np.int32),
    )


def _kinds(constant: Array, twice: Array, once: Array, alike: int) -> Array:
    """1 where doubled accumulators are rounded twice, -1 where they are rounded once, 0 for all that remains.

    Constant channels can be of both kinds; where nothing else decides they are of that which more channels have.
    """
    most = 1 if np.count_nonzero(twice & ~constant) >= np.count_nonzero(once & ~constant) else -1
    can_twice, can_once = (_all_of(constant | kind, alike) for kind in (twice, once))
    kind: Array = np.where(can_twice & can_once, most, np.where(can_twice, 1, np.where(can_once, -1, 0)))
    return kind


def _all_of(marked: Array, block: int) -> Array:
    """For each channel, whether all of its block are marked."""
    if block == 1:
        return marked
    filled = np.pad(marked, (0, -len(marked) % block), constant_values=True) if len(marked) % block else marked
    found: Array = filled.reshape(-1, block).all(axis=1).repeat(block)[: len(marked)]
    return found


def accumulator_ends(weights: Array, bias: Array, zero_point: int) -> tuple[Array, Array]:
    """Smallest and largest bias + Σ (x − zero_point)·w of each channel; `weights` are [taps, channels], int64."""
    up, down = np.maximum(weights, 0).sum(axis=0), np.minimum(weights, 0).sum(axis=0)
    lowest, highest = -128 - zero_point, 127 - zero_point
    return bias + lowest * up + highest * down, bias + highest * up + lowest * down


def filter_requantisers(site: Site, taps: Array) -> Requantisers:
    """Of a convolution in which output channel c adds up products with all of taps[…, c], int64."""
    ends = accumulator_ends(taps.reshape(-1, taps.shape[-1]), bias_data(site), site.sig.input(0).zero_point)
    return requantisers_between(multipliers_of(site), site.sig.output.zero_point, *ends)


def bias_data(site: Site) -> Array:
    """The constant bias per output channel, zeros where there is none, int64."""
    if not site.has(BIAS):
        return np.zeros(site.sig.output.shape[-1], np.int64)
    return site.constant(BIAS).reshape(-1).astype(np.int64)


def rounds_once(site: Site) -> bool:
    """Whether sums are requantised in one rounding, as ONNX models have it.

    Costs go by this rather than by the kinds of requantisers, which depend on scales. (Channels with multipliers of 1/2
    or more, and those of depthwise ones below 2^-13, are of another kind, in networks that hardly use them.)
    """
    op = site.op
    assert isinstance(op, Convolution | FullyConnected)
    return op.rounds_once


def shifted(site: Site) -> int:
    """Outputs that are rounded a second time by their shift to the right, which takes a correction of the first."""
    return 0 if rounds_once(site) else site.sig.output.elements


def clamped(site: Site) -> int:
    """Outputs that a kernel limits in a pass of its own: none where any code is allowed."""
    op = site.op
    assert isinstance(op, WindowOperator | FullyConnected)
    return 0 if op.clamp == (-128, 127) else site.sig.output.elements


def pairs(low: Array, high: Array) -> Array:
    """Two arrays of numbers as words of two signed 16-bit lanes, int64."""
    return (low & 0xFFFF) | (high << 16)
