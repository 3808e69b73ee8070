"""Weights and requantisation of dense sums as tinyc_columns_s8 reads them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tinyc.ir.types import Array
from tinyc.kernels.common.requantise import requantisers_between
from tinyc.ops.conv import ChannelMultipliers
from tinyc.ops.fixed_point import multiply, wrap32
from tinyc.program.kernel import Site

GROUP = 4  # codes that one word holds
BIAS = 2  # its input index


@dataclass(frozen=True)
class Dense:
    """Sums of products of one operator: `weights` [channels, pieces, depth] and `bias` [channels], int64.

    A piece is a run of codes that lie side by side; each is filled up to whole groups.
    """

    weights: Array
    bias: Array
    multipliers: ChannelMultipliers
    input_zero_point: int
    output_zero_point: int

    @classmethod
    def of(cls, site: Site, weights: Array, depth: int, multipliers: ChannelMultipliers) -> Dense:
        channels = weights.shape[0]
        bias = site.constant(BIAS).reshape(-1).astype(np.int64) if site.has(BIAS) else np.zeros(channels, np.int64)
        x, y = site.sig.input(0), site.sig.output
        pieces = weights.astype(np.int64).reshape(channels, -1, depth)
        return cls(pieces, bias, multipliers, x.zero_point, y.zero_point)

    @property
    def reach(self) -> tuple[Array, Array]:
        """Smallest and largest accumulator of each channel, for any input."""
        w = self.weights.reshape(len(self.bias), -1)
        lowest, highest = -128 - self.input_zero_point, 127 - self.input_zero_point
        up, down = np.maximum(w, 0).sum(axis=1), np.minimum(w, 0).sum(axis=1)
        return self.bias + lowest * up + highest * down, self.bias + highest * up + lowest * down

    def codes(self, accumulators: Array) -> Array:
        """Output codes of one accumulator per channel, before the operator's clamp."""
        scaled = multiply(accumulators, np.array(self.multipliers.multiplier), np.array(self.multipliers.shift))
        return np.clip(scaled + self.output_zero_point, -128, 127)

    @property
    def constant(self) -> Array:
        """Which channels have one code for any input: pruned networks have many, with biases that fill 32 bits.

        Codes rise with accumulators, unless one wraps, so the two ends tell. They are packed without their weights.
        """
        low, high = self.reach
        rises = (low >= -(2**31)) & (high < 2**31) & (np.array(self.multipliers.shift) <= 0)
        constant: Array = rises & (self.codes(low) == self.codes(high))
        return constant

    @property
    def folded_bias(self) -> Array:
        """Bias less input zero point times the sum of weights, in 32 bits; of a constant channel one of its sums."""
        folded = self.bias - self.input_zero_point * self.weights.sum(axis=(1, 2))
        return wrap32(np.where(self.constant, self.reach[0], folded))

    def grouped(self) -> Array:
        """Weights with every piece filled up to whole groups, [channels, groups · 4]."""
        weights = np.where(self.constant[:, None, None], 0, self.weights)
        fill = -weights.shape[2] % GROUP
        return np.pad(weights, ((0, 0), (0, 0), (0, fill))).reshape(len(self.bias), -1)

    def requantisers(self, block: int) -> Array:
        """Multiplier, rounding and shift of each channel, int32[channels, 3]; those of one block are of one kind."""
        return requantisers_between(self.multipliers, self.output_zero_point, *self.reach, alike=block).table


def needs_constants(site: Site) -> str | None:
    """Why nothing can be packed at compile time, where that is so."""
    computed = site.data[1] is None or (site.has(BIAS) and site.data[BIAS] is None)
    return "weights and bias must be constants" if computed else None


def in_blocks(x: Array, block: int) -> Array:
    """[channels, …] to [blocks, block, …]; the last one is filled up with zeros."""
    filled = np.pad(x, ((0, -x.shape[0] % block), *((0, 0),) * (x.ndim - 1)))
    return filled.reshape(-1, block, *x.shape[1:])


def pack(dense: Dense, block: int, *tables: Array) -> Array:
    """int32 words, for each block of channels: biases, weights, and the block's part of each further table."""
    bias, weights, *rest = (in_blocks(t, block) for t in (dense.folded_bias, dense.grouped(), *tables))
    parts = [bias, interleave(weights), *(table.reshape(len(bias), -1) for table in rest)]
    return np.concatenate(parts, axis=1).astype("<i4").reshape(-1)


def interleave(weights: Array) -> Array:
    """[blocks, channels, codes] to words [blocks, …]: group by group, for each pair of channels two words.

    Their bytes are codes (0, 0, 2, 2) and (1, 1, 3, 3) of both channels.
    """
    blocks, channels, _ = weights.shape
    split = weights.astype(np.int8).reshape(blocks, channels // 2, 2, -1, 2, 2)  # …, channel, group, half, odd
    ordered = np.ascontiguousarray(split.transpose(0, 3, 1, 5, 4, 2))
    return ordered.reshape(blocks, -1).view("<i4")


def groups(pieces: int, depth: int) -> int:
    """Groups of all pieces together."""
    return pieces * -(-depth // GROUP)
