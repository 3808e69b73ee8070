"""Weights and requantisation as the Helium kernels read them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tinyc.ir.types import Array
from tinyc.kernels.common.requantise import rounds_once
from tinyc.ops.conv import ChannelMultipliers
from tinyc.ops.fixed_point import MARKED, wrap32
from tinyc.ops.fully_connected import FullyConnected
from tinyc.ops.window import WindowOperator
from tinyc.program.kernel import Site

BIAS = 2  # its input index
BLOCK = 4  # channels of dense sums at a time
LANES = 16  # codes that one instruction multiplies
ANY_SHIFT, RIGHT_SHIFT, HALVES_UP, ROUND_ONCE = range(4)  # TINYC_ANY_SHIFT, …


@dataclass(frozen=True)
class Dense:
    """Dense sums: `weights` [channels, depth] and `bias` [channels], the input's zero point folded in."""

    weights: Array
    bias: Array
    multipliers: ChannelMultipliers

    @classmethod
    def of(cls, site: Site, weights: Array, multipliers: ChannelMultipliers) -> Dense:
        return cls(weights, folded_bias(site, weights.astype(np.int64).sum(axis=1)), multipliers)

    def packed(self) -> Array:
        """int32 words, block after block, as tinyc_helium_columns_s8.h describes them."""
        depth = self.weights.shape[1]
        w = in_blocks(np.pad(self.weights, ((0, 0), (0, -depth % LANES))), BLOCK)
        tables = (self.bias, np.array(self.multipliers.multiplier), np.array(self.multipliers.shift))
        bias, multiplier, shift = (in_blocks(table.astype(np.int32), BLOCK) for table in tables)
        parts = [part for half in (0, 1) for part in (bias[:, half::2], in_turn(w[:, half::2]))]
        return np.concatenate([*parts, multiplier, shift], axis=1).astype("<i4").reshape(-1)


def folded_bias(site: Site, sums: Array) -> Array:
    """Bias less the input's zero point times each channel's sum of weights, in 32 bits."""
    bias = site.constant(BIAS).reshape(-1).astype(np.int64) if site.has(BIAS) else 0
    return wrap32(bias - site.sig.input(0).zero_point * sums)


def in_blocks(x: Array, block: int) -> Array:
    """[channels, …] to [blocks, block, …]; the last one is filled up with zeros."""
    filled = np.pad(x, ((0, -x.shape[0] % block), *((0, 0),) * (x.ndim - 1)))
    return filled.reshape(-1, block, *x.shape[1:])


def in_turn(weights: Array) -> Array:
    """int8 [blocks, 2, codes] to words [blocks, …]: sixteen codes of the one, sixteen of the other, and so on."""
    blocks = len(weights)
    ordered = weights.astype(np.int8).reshape(blocks, 2, -1, LANES).transpose(0, 2, 1, 3)
    return np.ascontiguousarray(ordered).reshape(blocks, -1).view("<i4")


def rounding(m: ChannelMultipliers, zero_point: int, clamp: tuple[int, int]) -> int:
    """The cheapest way to requantise exactly.

    Codes below the zero point stand for negative numbers: where the clamp takes them all to one code, it does not
    matter whether halves of negative numbers go up or down. Nor does it where nothing shifts, which rounds once.
    """
    if max(m.shift) < MARKED:
        return ROUND_ONCE
    if max(m.shift) <= 0 and (never_negative(zero_point, clamp) or min(m.shift) == 0):
        return HALVES_UP
    return RIGHT_SHIFT if max(m.shift) < 0 else ANY_SHIFT


def never_negative(zero_point: int, clamp: tuple[int, int]) -> bool:
    """Whether no code stands for a negative number, as after ReLU."""
    return clamp[0] >= zero_point


def usually_halves_up(site: Site) -> bool:
    """Whether costs count outputs as requantised the cheapest way, whatever the multipliers.

    These are what a calibration found (and at most 1 in any network that makes sense), so no choice may depend on them.
    """
    op = site.op
    assert isinstance(op, WindowOperator | FullyConnected)
    quant = site.sig.output.quant
    return rounds_once(site) or (quant is not None and not quant.is_negative(op.clamp[0]))


def needs_constants(site: Site) -> str | None:
    """Why nothing can be packed at compile time, where that is so."""
    computed = site.data[1] is None or (site.has(BIAS) and site.data[BIAS] is None)
    return "weights and bias must be constants" if computed else None
