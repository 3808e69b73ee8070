"""Nearest-neighbour resize: TFLite RESIZE_NEAREST_NEIGHBOR."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from tinyc.ir.access import Access, AxisAccess, Elementwise, Interval, Sampled
from tinyc.ir.operator import Operator, expect, operator
from tinyc.ir.types import Array, DType, Shape, Signature, TensorType
from tinyc.ops.common import Movement, expect_int8, given
from tinyc.ops.fixed_point import round_half_away_array
from tinyc.ops.window import expect_image


@operator("resize_nearest")
@dataclass(frozen=True)
class ResizeNearest(Movement):
    """x int8[N,H,W,C] → int8[N,*size,C], each pixel a copy of one of x."""

    size: tuple[int, int]
    align_corners: bool = False
    half_pixel_centers: bool = False

    def infer(self, *inputs: TensorType | None) -> tuple[tuple[Shape, DType], ...]:
        (x,) = given(*inputs)
        expect_image("x", x.shape)
        expect_int8(x)
        expect(min(self.size) >= 1, f"expected a size of 1 by 1 or more, got {self.size}")
        return (((x.shape[0], *self.size, x.shape[3]), x.dtype),)

    def source(self, axis: int, n: int) -> tuple[int, ...]:
        """Input row (axis 0) or column (axis 1), of `n`, that each output index copies, in TFLM's float32."""
        count = self.size[axis]
        last = 1 if self.align_corners and count > 1 else 0  # aligned corners: last index to last index
        scale = np.float32(n - last) / np.float32(count - last)
        offset = np.float32(0.5 if self.half_pixel_centers else 0.0)
        position = (np.arange(count, dtype=np.float32) + offset) * scale
        index = round_half_away_array(position) if self.align_corners else np.floor(position)
        return tuple(np.clip(index.astype(np.int64), 0, n - 1).tolist())

    def access(self, sig: Signature, output: int = 0) -> tuple[Access | None, ...]:
        _, rows, cols, _ = sig.input(0).shape
        return (Access((Elementwise(0), self._axis(0, rows), self._axis(1, cols), Elementwise(3))),)

    def _axis(self, axis: int, n: int) -> AxisAccess:
        source = self.source(axis, n)
        return Elementwise(axis + 1) if source == tuple(range(n)) else Sampled(axis + 1, source)

    def tile(self, sig: Signature, axis: int, part: Interval) -> Operator | None:
        """An axis that keeps its size is copied as it is, tile by tile; of others, a tile is one index."""
        if super().tile(sig, axis, part) is None and (axis not in (1, 2) or part[1] - part[0] > 1):
            return None
        size = list(self.size)
        size[axis - 1] = part[1] - part[0]
        return replace(self, size=(size[0], size[1]))

    def reference(self, sig: Signature, *inputs: Array | None) -> tuple[Array, ...]:
        (x,) = given(*inputs)
        rows, cols = self.source(0, x.shape[1]), self.source(1, x.shape[2])
        return (x[:, list(rows)][:, :, list(cols)],)
