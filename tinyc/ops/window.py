"""What all operators with a window over rows and columns share: padding, output size, access map, taps."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from tinyc.ir.access import AxisAccess, Elementwise, Interval, Window
from tinyc.ir.operator import ROWS, Operator, expect
from tinyc.ir.types import Array, Shape, Signature

Pair = tuple[int, int]
Padding = tuple[int, int, int, int]  # top, left, bottom, right


@dataclass(frozen=True)
class WindowOperator(Operator):
    """An operator that slides a window over the rows and columns of input 0.

    `padding` is (top, left, bottom, right), resolved by the frontend; the output size follows from it.
    """

    stride: Pair = (1, 1)
    dilation: Pair = (1, 1)
    padding: Padding = (0, 0, 0, 0)
    clamp: Pair = (-128, 127)

    def with_padding(self, padding: Padding) -> WindowOperator:
        return replace(self, padding=padding)

    def tile(self, sig: Signature, axis: int, part: Interval) -> Operator | None:
        """Padding remains only where the tile touches the image's true border."""
        access = self.access(sig)[0]
        window = access.axes[axis] if access else None
        if not isinstance(window, Window):
            return self if window == Elementwise(axis) else None
        lo, hi = window.reads(*part)
        before, after = max(0, -lo), max(0, hi - sig.input(0).shape[axis])
        top, left, bottom, right = self.padding
        return self.with_padding((before, left, after, right) if axis == ROWS else (top, before, bottom, after))

    def output_size(self, rows: int, cols: int, extent: Pair) -> Pair:
        """Rows and columns of the output. Raises TypeRuleError where the window does not fit."""
        top, left, bottom, right = self.padding
        self.check_padding()
        expect(min(self.stride) >= 1, f"expected strides of 1 or more, got {self.stride}")
        expect(min(self.dilation) >= 1, f"expected dilations of 1 or more, got {self.dilation}")
        padded = (rows + top + bottom, cols + left + right)
        found = [self._steps(axis, padded[axis], extent[axis]) for axis in (0, 1)]
        return found[0], found[1]

    def check_padding(self) -> None:
        """Raises TypeRuleError for padding that the operator does not take."""
        expect(min(self.padding) >= 0, f"expected padding of 0 or more, got {self.padding}")

    def _steps(self, axis: int, padded: int, extent: int) -> int:
        reach = (extent - 1) * self.dilation[axis] + 1
        name = ("rows", "columns")[axis]
        expect(padded >= reach > 0, f"a window of {reach} {name} does not fit in {padded} padded {name}")
        return (padded - reach) // self.stride[axis] + 1

    def window_axes(self, extent: Pair) -> tuple[AxisAccess, AxisAccess, AxisAccess]:
        """Access of batch, rows and columns."""
        rows, cols = (
            Window(axis + 1, extent[axis], self.stride[axis], self.dilation[axis], self.padding[axis])
            for axis in (0, 1)
        )
        return Elementwise(0), rows, cols

    def padded(self, x: Array, fill: int) -> Array:
        """The image with its padding, or without what a negative one cuts off."""
        top, left, bottom, right = (max(n, 0) for n in self.padding)
        wide = np.pad(x, ((0, 0), (top, bottom), (left, right), (0, 0)), constant_values=fill)
        top, left, bottom, right = (max(-n, 0) for n in self.padding)
        return wide[:, top : wide.shape[1] - bottom, left : wide.shape[2] - right]

    def taps(self, x: Array, extent: Pair, size: Pair, fill: int) -> Iterator[tuple[int, int, Array]]:
        """For each tap (i, j) of the window, the [N, *size, C] values it reads; `fill` outside the image."""
        padded = self.padded(x, fill)
        (sy, sx), (dy, dx), (rows, cols) = self.stride, self.dilation, size
        for i in range(extent[0]):
            for j in range(extent[1]):
                y, c = i * dy, j * dx
                yield i, j, padded[:, y : y + (rows - 1) * sy + 1 : sy, c : c + (cols - 1) * sx + 1 : sx]


def same_padding(size: int, extent: int, stride: int, dilation: int) -> Pair:
    """(before, after) of TFLite's SAME: output size ⌈size / stride⌉; the odd element of a total is after."""
    reach = (extent - 1) * dilation + 1
    total = max(0, (-(-size // stride) - 1) * stride + reach - size)
    return total // 2, total - total // 2


def expect_image(name: str, shape: Shape) -> None:
    expect(len(shape) == 4, f"expected {name} of shape [N,H,W,C], got {list(shape)}")
