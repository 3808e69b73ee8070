"""Pooling: TFLite AVERAGE_POOL_2D and MAX_POOL_2D at int8. Input and output share one quantisation."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tinyc.ir.access import Access, Elementwise
from tinyc.ir.operator import expect, operator
from tinyc.ir.types import Array, DType, Shape, Signature, TensorType
from tinyc.ops.window import WindowOperator, expect_image


@dataclass(frozen=True)
class Pool2D(WindowOperator):
    """x int8[N,H,W,C] → int8[N,OH,OW,C]; `extent` is (rows, columns) of the window. Padding is never counted."""

    extent: tuple[int, int] = (1, 1)

    def infer(self, *inputs: TensorType | None) -> tuple[tuple[Shape, DType], ...]:
        (x,) = inputs
        assert x is not None
        expect_image("x", x.shape)
        expect(x.dtype is DType.int8, f"expected an int8 image, got {x.dtype.value}")
        expect(min(self.extent) >= 1, f"expected a window of 1 by 1 or more, got {self.extent}")
        expect(self.dilation == (1, 1), "pooling windows have no dilation")
        rows, cols = self.output_size(x.shape[1], x.shape[2], self.extent)
        return (((x.shape[0], rows, cols, x.shape[3]), DType.int8),)

    def check(self, sig: Signature) -> None:
        expect(sig.input(0).quant == sig.output.quant, f"expected equal quantisation, got {sig.input(0)} and {sig.output}")
        top, left, bottom, right = self.padding
        inside = max(top, bottom) < self.extent[0] and max(left, right) < self.extent[1]
        expect(inside, f"padding {self.padding} leaves windows of {self.extent} with nothing to pool")

    def access(self, sig: Signature, output: int = 0) -> tuple[Access | None, ...]:
        return (Access((*self.window_axes(self.extent), Elementwise(3))),)


@operator("average_pool2d")
@dataclass(frozen=True)
class AveragePool2D(Pool2D):
    """Mean over the part of each window that lies in the image, halves away from zero."""

    def reference(self, sig: Signature, *inputs: Array | None) -> tuple[Array, ...]:
        (x,) = inputs
        assert x is not None
        size = sig.output.shape[1:3]
        ones = np.ones((1, *x.shape[1:3], 1), np.int32)
        total = sum(tap.astype(np.int64) for _, _, tap in self.taps(x, self.extent, size, 0))
        count = sum(tap.astype(np.int64) for _, _, tap in self.taps(ones, self.extent, size, 0))
        # C's division truncates towards zero: divide magnitudes.
        mean = np.sign(total) * ((np.abs(total) + count // 2) // count)
        return (np.clip(mean, *self.clamp).astype(np.int8),)


@operator("max_pool2d")
@dataclass(frozen=True)
class MaxPool2D(Pool2D):
    """Largest code of each window."""

    def reference(self, sig: Signature, *inputs: Array | None) -> tuple[Array, ...]:
        (x,) = inputs
        assert x is not None
        taps = (tap for _, _, tap in self.taps(x, self.extent, sig.output.shape[1:3], -128))
        return (np.clip(np.maximum.reduce(list(taps)), *self.clamp).astype(np.int8),)
