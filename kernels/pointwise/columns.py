"""Convolutions of any window, without an im2col of more than two pixels."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np

from tinyc.codegen.writer import CallWriter
from tinyc.ir.types import Array
from tinyc.kernels.common.groups import filters, many_groups
from tinyc.kernels.common.order import trailing
from tinyc.kernels.common.walk import braces
from tinyc.kernels.pointwise.packing import GROUP, groups, needs_constants
from tinyc.kernels.pointwise.pairs import PairKernel
from tinyc.ops.conv import Conv2D
from tinyc.program.kernel import Site, kernel, once_per_site
from tinyc.targets import Target

MANY_GROUPS = 16  # of one tap: the sums of a piece are then loaded and stored for as many rounds at least


@kernel("tinyc/conv_columns_s8", op=Conv2D)
class ConvColumnsS8(PairKernel):
    """Any stride, dilation and padding; one image at a time, the batch is the compiler's loop."""

    includes = ("tinyc_conv_columns_s8.h",)
    headers = (*PairKernel.headers, "tinyc_window.h", "tinyc_conv_columns_s8.h")
    sources: ClassVar[tuple[str, ...]] = ("tinyc_columns_s8.c", "tinyc_conv_columns_s8.c", "tinyc_limit_s8.c")

    def refuses(self, site: Site, target: Target) -> str | None:
        if site.sig.output.shape[0] != 1:
            return "it takes one image at a time"
        return many_groups(site) or needs_constants(site)

    def matrix(self, site: Site) -> Array:
        return filters(site)

    def pieces(self, site: Site) -> int:
        _, rows, columns, _ = site.sig.input(1).shape
        return rows * columns

    def trails(self, site: Site, input: int) -> int | None:
        return _trail(site) if input == 0 else None

    def work(self, site: Site, target: Target) -> Mapping[str, float]:
        pixels, rows, pieces = self.pixels(site), site.sig.input(1).shape[1], self.pieces(site)
        ragged = pieces if self.depth(site) % GROUP else 0  # tap by tap, the last codes one by one
        gathered = {"code": pixels * pieces * self.depth(site), "ragged tap": pixels * ragged}
        products = self.products(site, -(-pixels // 2))
        return {"call": 1, "pixel": pixels, "row of taps": pixels * rows, **gathered, **products}

    def emit(self, site: Site, target: Target, c: CallWriter) -> None:
        layer, window = self.layer(site, c), self.window(site, c)
        c.void("tinyc_conv_columns_s8", layer, window, c.input(0), c.scratch(), c.output())

    def window(self, site: Site, c: CallWriter) -> str:
        """Declares the tinyc_window; its address."""
        op, x, w, y = site.op, site.sig.input(0), site.sig.input(1), site.sig.output
        assert isinstance(op, Conv2D)
        return c.struct(
            "tinyc_window", "window", input=braces(*x.shape[1:]), kernel=braces(*w.shape[1:3]),
            output=braces(*y.shape[1:3]), stride=braces(*op.stride), dilation=braces(*op.dilation),
            padding=braces(*op.padding[:2]), zero_point=x.zero_point,
        )


@once_per_site
def _trail(site: Site) -> int | None:
    """How far pairs of pixels may trail the image, from which no pixel of a later pair is read any more."""
    op, x, y = site.op, site.sig.input(0).shape, site.sig.output.shape
    assert isinstance(op, Conv2D)
    rows, columns = (
        np.clip(np.arange(y[axis]) * op.stride[axis - 1] - op.padding[axis - 1], 0, x[axis]) for axis in (1, 2)
    )
    reads = ((rows[:, None] * x[2] + columns) * x[3]).reshape(-1)
    needed = np.minimum.accumulate(reads[::-1])[::-1][2::2]  # by a pair of pixels or a later one
    return trailing(2 * y[3] * np.arange(1, len(needed) + 1), needed, site.sig.output.bytes)


@kernel("tinyc/conv_pieces_s8", op=Conv2D)
class ConvPiecesS8(ConvColumnsS8):
    """The same with columns of a few taps at a time: less scratch for large windows of many channels."""

    includes = ("tinyc_conv_pieces_s8.h",)
    headers = (*ConvColumnsS8.headers, "tinyc_conv_pieces_s8.h")
    sources = ("tinyc_conv_pieces_s8.c", "tinyc_limit_s8.c")

    def taps(self, site: Site) -> int:
        """Of one piece: a row of the window, or a single one where it has groups enough to be worth it."""
        return 1 if groups(1, self.depth(site)) >= MANY_GROUPS else site.sig.input(1).shape[2]

    def scratch(self, site: Site, target: Target) -> int:
        channels = site.sig.output.shape[-1]
        return 16 * groups(self.taps(site), self.depth(site)) + 8 * (channels + channels % 2)

    def work(self, site: Site, target: Target) -> Mapping[str, float]:
        pieces, blocks = self.pieces(site) // self.taps(site), -(-self.pixels(site) // 2)
        rounds = blocks * pieces
        in_rounds = {"piece": rounds, "channels of a piece": rounds * -(-site.sig.output.shape[-1] // 2)}
        return {**super().work(site, target), **in_rounds}

    def emit(self, site: Site, target: Target, c: CallWriter) -> None:
        layer, window = self.layer(site, c), self.window(site, c)
        c.void("tinyc_conv_pieces_s8", layer, window, self.taps(site), c.input(0), c.scratch(), c.output())
