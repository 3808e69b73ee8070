"""Pooling: TFLite AVERAGE_POOL_2D and MAX_POOL_2D at int8, ONNX AveragePool."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tinyc.ir.access import Access, Elementwise
from tinyc.ir.operator import Operator, expect, operator
from tinyc.ir.types import Array, DType, Shape, Signature, TensorType
from tinyc.ops.common import expect_equal_quantisation, expect_int8, expect_one_scale, given
from tinyc.ops.fixed_point import Multiplier, quantize_multiplier
from tinyc.ops.window import Pair, WindowOperator, expect_image

MAX_WINDOW = 1 << 18  # elements: 64 bits then hold a sum times a 31-bit multiplier


@dataclass(frozen=True)
class Pool2D(WindowOperator):
    """x int8[N,H,W,C] → int8[N,OH,OW,C]; `extent` is the window's (rows, columns). Padding never counts."""

    extent: Pair = (1, 1)

    def infer(self, *inputs: TensorType | None) -> tuple[tuple[Shape, DType], ...]:
        (x,) = given(*inputs)
        expect_image("x", x.shape)
        expect_int8(x)
        expect(min(self.extent) >= 1, f"expected a window of 1 by 1 or more, got {self.extent}")
        expect(self.dilation == (1, 1), "pooling windows have no dilation")
        rows, cols = self.output_size(x.shape[1], x.shape[2], self.extent)
        return (((x.shape[0], rows, cols, x.shape[3]), DType.int8),)

    def check(self, sig: Signature) -> None:
        expect_equal_quantisation(sig.input(0), sig.output)
        self.expect_inside()

    def expect_inside(self) -> None:
        """Every window has an element inside the image."""
        top, left, bottom, right = self.padding
        inside = max(top, bottom) < self.extent[0] and max(left, right) < self.extent[1]
        expect(inside, f"padding {self.padding} leaves windows of {self.extent} with nothing to pool")

    def access(self, sig: Signature, output: int = 0) -> tuple[Access | None, ...]:
        return (Access((*self.window_axes(self.extent), Elementwise(3))),)

    def pool(self, taps: Array, inside: Array) -> Array:
        """One code per window from [taps, ...] codes, of which those count that lie `inside` the image."""
        raise NotImplementedError(f"{type(self).__name__} declares no reference")

    def reference(self, sig: Signature, *inputs: Array | None) -> tuple[Array, ...]:
        (x,) = given(*inputs)
        image = np.ones((1, *x.shape[1:3], 1), np.bool_)
        taps, inside = (self._windows(a, sig.output.shape) for a in (x, image))
        return (np.clip(self.pool(taps, inside), *self.clamp).astype(np.int8),)

    def _windows(self, x: Array, output: Shape) -> Array:
        return np.stack([tap for _, _, tap in self.taps(x, self.extent, (output[1], output[2]), 0)])


@operator("average_pool2d")
@dataclass(frozen=True)
class AveragePool2D(Pool2D):
    """Mean over the part of each window that lies in the image, halves away from zero."""

    def pool(self, taps: Array, inside: Array) -> Array:
        total = np.where(inside, taps, 0).sum(axis=0, dtype=np.int64)
        count = inside.sum(axis=0, dtype=np.int64)
        # C's division truncates towards zero: divide magnitudes.
        mean: Array = np.sign(total) * ((np.abs(total) + count // 2) // count)
        return mean

    def from_sums(self, sig: Signature) -> Operator | None:
        """Global pooling can be taken from the sums over the image."""
        from tinyc.ops.sums import AverageSums

        rows, cols = sig.input(0).shape[1:3]
        if self.extent != (rows, cols) or any(self.padding):
            return None
        return AverageSums(rows * cols, sig.output.shape, self.clamp)


@operator("average_pool2d_even")
@dataclass(frozen=True)
class AveragePoolEven2D(Pool2D):
    """Mean of each window on the output's scale, rounded once, halves to even (ONNX AveragePool).

    QuantizeLinear rounds the mean divided by the scale, and adds the zero point afterwards; onnxruntime's
    QLinearAveragePool adds it before (`of_codes`). Windows of 2 by 2 meet a half every fourth time, so it shows.
    `count_padding`: padding counts, as zeros; else the mean is over the part of the window inside the image.
    """

    of_codes: bool = False
    count_padding: bool = False

    def check(self, sig: Signature) -> None:
        expect_one_scale(sig.input(0), sig.output)
        self.expect_inside()
        expect(self.extent[0] * self.extent[1] <= MAX_WINDOW, f"a window of {self.extent} is too large to sum up")
        shift = self.ratio(sig).shift
        expect(-10 <= shift <= 20, "the scales of input and output lie too far apart to average in 64 bits")

    def ratio(self, sig: Signature) -> Multiplier:
        """From the input's scale to the output's."""
        return quantize_multiplier(sig.input(0).scale / sig.output.scale)

    def odd(self, sig: Signature) -> int:
        """1 where halves go to the odd distance from the zero point."""
        return sig.output.zero_point % 2 if self.of_codes else 0

    def reference(self, sig: Signature, *inputs: Array | None) -> tuple[Array, ...]:
        (x,) = given(*inputs)
        m, odd = self.ratio(sig), self.odd(sig)
        # Padding counts as nothing: taps outside the image are the 0 that centred codes are filled with.
        taps = self._windows(x.astype(np.int64) - sig.input(0).zero_point, sig.output.shape)
        count = self._windows(np.ones((1, *x.shape[1:3], 1), np.int64), sig.output.shape).sum(axis=0)
        if self.count_padding:
            count = np.full_like(count, self.extent[0] * self.extent[1])
        mean = mean_to_even(taps.sum(axis=0), count, m, odd)
        return (np.clip(mean + sig.output.zero_point, *self.clamp).astype(np.int8),)

    def from_sums(self, sig: Signature) -> Operator | None:
        """Global pooling can be taken from the sums over the image."""
        from tinyc.ops.sums import AverageEvenSums

        rows, cols = sig.input(0).shape[1:3]
        if self.extent != (rows, cols) or any(self.padding):
            return None
        return AverageEvenSums(rows * cols, sig.output.shape, self.clamp, self.odd(sig))


def mean_to_even(total: Array, count: Array | int, ratio: Multiplier, odd: int) -> Array:
    """total / count · ratio in one rounding of int64, halves to a result r with r + odd even."""
    twice, whole = 2 * total * ratio.multiplier, np.asarray(count, np.int64) << (31 - ratio.shift)
    mean = (twice + whole) // (2 * whole)  # halves up, and those that went wrong back
    found: Array = mean - ((twice + whole == 2 * whole * mean) & ((mean + odd) % 2 == 1))
    return found


@operator("max_pool2d")
@dataclass(frozen=True)
class MaxPool2D(Pool2D):
    """Largest code of each window."""

    def pool(self, taps: Array, inside: Array) -> Array:
        largest: Array = np.where(inside, taps, -128).max(axis=0)
        return largest
