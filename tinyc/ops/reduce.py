"""Reductions: TFLite MEAN at int8."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from tinyc.ir.access import Access, AxisAccess, Elementwise, Whole
from tinyc.ir.operator import Operator, expect, operator
from tinyc.ir.types import Array, DType, Shape, Signature, TensorType
from tinyc.ops.common import expect_int8, expect_one_scale, given
from tinyc.ops.fixed_point import (
    Multiplier,
    expect_headroom,
    multiplier_of,
    quantize_multiplier,
    requantize,
)


def mean_multiplier(x_scale: float, y_scale: float, count: int, rounds_once: bool = False) -> Multiplier:
    """s_x / (s_y · count): the quotient in fixed point, divided by the count with more bits in front."""
    if rounds_once:
        return multiplier_of(x_scale / (y_scale * count), True)
    ratio = quantize_multiplier(x_scale / y_scale)
    shift = min(count.bit_length() - 1, 32, 31 + ratio.shift)
    return Multiplier((ratio.multiplier << shift) // count, ratio.shift - shift)


@operator("mean")
@dataclass(frozen=True)
class Mean(Operator):
    """Mean over `axes`, which are rising; with `keep_dims` they stay, with length 1. int8 to int8.

    TFLM has one path for any rank and axes; it folds 1 / count into the output multiplier, truncating. With
    `rounds_once` the multiplier is rounded, and the mean rounded once.
    """

    axes: tuple[int, ...]
    keep_dims: bool = False
    rounds_once: bool = False

    def infer(self, *inputs: TensorType | None) -> tuple[tuple[Shape, DType], ...]:
        (x,) = given(*inputs)
        expect_int8(x)
        expect(
            len(self.axes) > 0 and list(self.axes) == sorted(set(self.axes) & set(range(x.rank))),
            f"expected rising axes of {list(x.shape)}, got {self.axes}",
        )
        return ((tuple(1 if a in self.axes else x.shape[a] for a in self.kept_axes(x)), DType.int8),)

    def kept_axes(self, x: TensorType) -> tuple[int, ...]:
        """The input axis of each output axis."""
        return tuple(a for a in range(x.rank) if self.keep_dims or a not in self.axes)

    def count(self, x: TensorType) -> int:
        """Elements that one mean is taken over."""
        return math.prod(x.shape[a] for a in self.axes)

    def multiplier(self, sig: Signature) -> Multiplier:
        """What one centred sum is multiplied by."""
        return mean_multiplier(sig.input(0).scale, sig.output.scale, self.count(sig.input(0)), self.rounds_once)

    def from_sums(self, sig: Signature) -> Operator | None:
        """A mean over rows and columns of one image can be taken from its sums."""
        from tinyc.ops.sums import MeanSums

        x = sig.input(0)
        if self.axes != (1, 2) or x.rank != 4:
            return None
        return MeanSums(self.count(x), sig.output.shape, self.rounds_once)

    def check(self, sig: Signature) -> None:
        x, y = sig.input(0), sig.output
        expect_one_scale(x, y)
        count = self.count(x)
        expect(255 * count < 2**30, f"the sum of {count} elements does not fit in 32 bits")
        expect_headroom(255 * count, self.multiplier(sig), "the mean")

    def access(self, sig: Signature, output: int = 0) -> tuple[Access | None, ...]:
        x = sig.input(0)
        kept = self.kept_axes(x)
        axes: list[AxisAccess] = [
            Whole() if a in self.axes else Elementwise(kept.index(a)) for a in range(x.rank)
        ]
        return (Access(tuple(axes), flat=self.count(x) == 1),)

    def real(self, sig: Signature, *inputs: Array) -> Array:
        return np.asarray(inputs[0].mean(axis=self.axes, keepdims=self.keep_dims))

    def reference(self, sig: Signature, *inputs: Array | None) -> tuple[Array, ...]:
        (x,) = given(*inputs)
        centred = x.astype(np.int64) - sig.input(0).zero_point
        total = centred.sum(axis=self.axes, keepdims=self.keep_dims)
        m = self.multiplier(sig)
        return (requantize(np.asarray(total), m.multiplier, m.shift, sig.output.zero_point, (-128, 127)),)
