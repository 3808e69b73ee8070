"""Convolutions of any window, without an im2col of more than two pixels."""

from __future__ import annotations

import numpy as np

from tinyc.codegen.writer import CallWriter
from tinyc.kernels.common.walk import braces
from tinyc.kernels.pointwise.packing import GROUP, needs_constants, trailing
from tinyc.kernels.pointwise.pairs import PairKernel
from tinyc.ops.conv import Conv2D
from tinyc.program.kernel import Site, kernel
from tinyc.targets import Target


@kernel("tinyc/conv_columns_s8", op=Conv2D)
class ConvColumnsS8(PairKernel):
    """Any stride, dilation and padding; one image at a time, the batch is the compiler's loop."""

    includes = ("tinyc_conv_columns_s8.h",)
    headers = (*PairKernel.headers, "tinyc_conv_columns_s8.h")
    sources = ("tinyc_columns_s8.c", "tinyc_conv_columns_s8.c", "tinyc_limit_s8.c")

    def refuses(self, site: Site, target: Target) -> str | None:
        if site.sig.output.shape[0] != 1:
            return "it takes one image at a time"
        if site.sig.input(1).shape[3] != site.sig.input(0).shape[3]:
            return "it takes no groups"
        return needs_constants(site)

    def pieces(self, site: Site) -> int:
        _, rows, columns, _ = site.sig.input(1).shape
        return rows * columns

    def trails(self, site: Site, input: int) -> int | None:
        if input != 0:
            return None
        op, x, y = site.op, site.sig.input(0).shape, site.sig.output.shape
        assert isinstance(op, Conv2D)
        rows, columns = (
            np.clip(np.arange(y[axis]) * op.stride[axis - 1] - op.padding[axis - 1], 0, x[axis]) for axis in (1, 2)
        )
        reads = ((rows[:, None] * x[2] + columns) * x[3]).reshape(-1)
        needed = np.minimum.accumulate(reads[::-1])[::-1][2::2].tolist()  # by a pair of pixels or a later one
        return trailing([2 * y[3] * (pair + 1) for pair in range(len(needed))], needed, site.sig.output.bytes)

    def cost(self, site: Site, target: Target) -> float:
        pixels = self.pixels(site)
        rows = site.sig.input(1).shape[1]
        ragged = 28 * self.pieces(site) if self.depth(site) % GROUP else 0  # tap by tap, the last codes one by one
        gathered = 1.9 * GROUP * self.groups(site) + 45 * rows + 90 + ragged
        return 60 + pixels * gathered + self.multiply_cost(site, target)

    def emit(self, site: Site, target: Target, c: CallWriter) -> None:
        op, x, w, y = site.op, site.sig.input(0), site.sig.input(1), site.sig.output
        assert isinstance(op, Conv2D)
        layer = self.layer(site, c)
        window = c.struct(
            "tinyc_window", "window", input=braces(*x.shape[1:]), kernel=braces(*w.shape[1:3]),
            output=braces(*y.shape[1:3]), stride=braces(*op.stride), dilation=braces(*op.dilation),
            padding=braces(*op.padding[:2]), zero_point=x.zero_point,
        )
        c.void("tinyc_conv_columns_s8", layer, window, c.input(0), c.scratch(), c.output())
