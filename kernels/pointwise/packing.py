"""Weights and requantisation of dense sums as tinyc_columns_s8 reads them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np

from tinyc.ir.types import Array
from tinyc.kernels.common.requantise import requantisers_between
from tinyc.kernels.common.tables import Same
from tinyc.ops.conv import ChannelMultipliers
from tinyc.ops.fixed_point import multiply, wrap32
from tinyc.program.kernel import Site

GROUP = 4  # codes that one word holds
BIAS = 2  # its input index
EVEN = np.uint32(0x00FF00FF)  # the bytes of codes 0 and 2


@dataclass(frozen=True)
class Dense:
    """Sums of products of one operator: `filters` of any shape [channels, …] in pieces, and perhaps a bias.

    A piece is a run of `depth` codes that lie side by side; each is filled up to whole groups.
    """

    filters: Same
    given_bias: Same | None
    depth: int
    multipliers: ChannelMultipliers
    input_zero_point: int
    output_zero_point: int

    @classmethod
    def of(cls, site: Site, weights: Array, depth: int, multipliers: ChannelMultipliers) -> Dense:
        bias = Same(site.constant(BIAS)) if site.has(BIAS) else None
        return cls(Same(weights), bias, depth, multipliers, site.sig.input(0).zero_point, site.sig.output.zero_point)

    @property
    def weights(self) -> Array:
        """int8[channels, pieces, depth]."""
        return self.filters.array.reshape(len(self.filters.array), -1, self.depth)

    @cached_property
    def sums(self) -> tuple[Array, Array]:
        """Of the weights of each channel, and of those above 0, int64."""
        w = self.weights.reshape(len(self.weights), -1)
        return w.sum(axis=1, dtype=np.int64), np.maximum(w, 0).sum(axis=1, dtype=np.int64)

    @cached_property
    def bias(self) -> Array:
        """Of each channel, int64."""
        if self.given_bias is None:
            return np.zeros(len(self.weights), np.int64)
        return self.given_bias.array.reshape(-1).astype(np.int64)

    @cached_property
    def reach(self) -> tuple[Array, Array]:
        """Smallest and largest accumulator of each channel, for any input."""
        lowest, highest = -128 - self.input_zero_point, 127 - self.input_zero_point
        total, up = self.sums
        down = total - up
        return self.bias + lowest * up + highest * down, self.bias + highest * up + lowest * down

    def codes(self, accumulators: Array) -> Array:
        """Output codes of one accumulator per channel, before the operator's clamp."""
        scaled = multiply(accumulators, np.array(self.multipliers.multiplier), np.array(self.multipliers.shift))
        return np.clip(scaled + self.output_zero_point, -128, 127)

    @cached_property
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
        folded = self.bias - self.input_zero_point * self.sums[0]
        return wrap32(np.where(self.constant, self.reach[0], folded))

    def grouped(self) -> Array:
        """Weights with every piece filled up to whole groups, [channels, groups · 4]."""
        weights = self.weights
        if self.constant.any():
            weights = np.where(self.constant[:, None, None], np.int8(0), weights)
        return filled(weights, 2, GROUP).reshape(len(self.bias), -1)

    def requantisers(self, block: int) -> Array:
        """Multiplier, rounding and shift of each channel, int32[channels, 3]; those of one block are of one kind."""
        return requantisers_between(self.multipliers, self.output_zero_point, *self.reach, alike=block).table


def needs_constants(site: Site) -> str | None:
    """Why nothing can be packed at compile time, where that is so."""
    computed = site.data[1] is None or (site.has(BIAS) and site.data[BIAS] is None)
    return "weights and bias must be constants" if computed else None


def in_blocks(x: Array, block: int) -> Array:
    """[channels, …] to [blocks, block, …]; the last one is filled up with zeros."""
    return filled(x, 0, block).reshape(-1, block, *x.shape[1:])


def filled(x: Array, axis: int, multiple: int) -> Array:
    """With zeros up to a multiple of elements along an axis."""
    missing = -x.shape[axis] % multiple
    return np.pad(x, [(0, missing if a == axis else 0) for a in range(x.ndim)]) if missing else x


@lru_cache(maxsize=8)  # blocks of rows at the borders of an image have the same weights as those inside
def with_requantisers(dense: Dense, block: int) -> Array:
    """The words of `pack` with the requantisers of the block's channels behind them; nobody writes to them."""
    words = pack(dense, block, dense.requantisers(block))
    words.flags.writeable = False
    return words


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
    groups = np.ascontiguousarray(weights, np.int8).view("<u4").reshape(blocks, channels // 2, 2, -1)
    a, b = groups[:, :, 0], groups[:, :, 1]
    even, odd = a & EVEN | (b & EVEN) << 8, a >> 8 & EVEN | b & ~EVEN
    return np.stack([even, odd], axis=3).transpose(0, 2, 1, 3).reshape(blocks, -1).view("<i4")


def groups(pieces: int, depth: int) -> int:
    """Groups of all pieces together."""
    return pieces * -(-depth // GROUP)
