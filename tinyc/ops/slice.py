"""Slices: TFLite STRIDED_SLICE, SLICE and SPLIT (one slice per result)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from tinyc.ir.access import Access, AxisAccess, Elementwise, Interval, Sampled, Window
from tinyc.ir.operator import Operator, expect, operator
from tinyc.ir.types import Array, DType, Shape, Signature, TensorType
from tinyc.ops.common import Movement, given


@operator("strided_slice")
@dataclass(frozen=True)
class StridedSlice(Movement):
    """Output index y on axis a is input index begin[a] + y · stride[a]; a negative stride walks backwards.

    Masks, negative indices and ends of the model file are resolved by the frontend; `shape` is the output's.
    """

    begin: tuple[int, ...]
    stride: tuple[int, ...]
    shape: tuple[int, ...]

    def infer(self, *inputs: TensorType | None) -> tuple[tuple[Shape, DType], ...]:
        (x,) = given(*inputs)
        expect(
            len(self.begin) == len(self.stride) == len(self.shape) == x.rank,
            f"expected begin, stride, shape for {x.rank} axes, got {self.begin}, {self.stride}, {self.shape}",
        )
        expect(all(self.stride), "expected strides that are not 0")
        expect(min(self.shape, default=1) >= 1, f"the slice {list(self.shape)} is empty")
        for axis, size in enumerate(x.shape):
            first, last = self.begin[axis], self._last(axis)
            expect(
                0 <= first < size and 0 <= last < size,
                f"axis {axis}: elements {first} to {last} are not all inside {size}",
            )
        return ((self.shape, x.dtype),)

    def _last(self, axis: int) -> int:
        return self.begin[axis] + (self.shape[axis] - 1) * self.stride[axis]

    def access(self, sig: Signature, output: int = 0) -> tuple[Access | None, ...]:
        return (Access(tuple(self._axis(axis, size) for axis, size in enumerate(sig.input(0).shape))),)

    def _axis(self, axis: int, size: int) -> AxisAccess:
        begin, stride, count = self.begin[axis], self.stride[axis], self.shape[axis]
        if (begin, count) == (0, size) and (stride == 1 or count == 1):
            return Elementwise(axis)
        if stride > 0:
            return Window(axis, extent=1, stride=stride, before=-begin)
        return Sampled(axis, tuple(begin + y * stride for y in range(count)))

    def tile(self, sig: Signature, axis: int, part: Interval) -> Operator | None:
        """A slice that takes all of an axis stays one on each tile; others move its elements and are not tiled."""
        if super().tile(sig, axis, part) is None:
            return None
        return replace(self, shape=(*self.shape[:axis], part[1] - part[0], *self.shape[axis + 1 :]))

    def reference(self, sig: Signature, *inputs: Array | None) -> tuple[Array, ...]:
        (x,) = given(*inputs)
        indices = [
            begin + stride * np.arange(count)
            for begin, stride, count in zip(self.begin, self.stride, self.shape, strict=True)
        ]
        return (x[np.ix_(*indices)] if indices else x,)


def runs(index: Sequence[int]) -> list[range]:
    """Indices as the ranges that they consist of, each as long as it can be: what a gather takes, as slices."""
    found: list[range] = []
    start = 0
    while start < len(index):
        step = index[start + 1] - index[start] if start + 1 < len(index) else 1
        end = start + 1
        while step and end < len(index) and index[end] - index[end - 1] == step:
            end += 1
        found.append(range(index[start], index[end - 1] + (-1 if step < 0 else 1), step or 1))
        start = end
    return found
