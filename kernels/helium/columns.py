"""Convolutions as dense sums over columns of codes: 1x1 ones in place, others after their windows are gathered."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np

from tinyc.codegen.writer import CallWriter
from tinyc.ir.types import Array
from tinyc.kernels.common.groups import filters, many_groups
from tinyc.kernels.common.order import trailing
from tinyc.kernels.common.plain import MATH
from tinyc.kernels.common.tables import multipliers_of
from tinyc.kernels.common.walk import braces
from tinyc.kernels.helium.packing import BLOCK, LANES, Dense, needs_constants, rounding, usually_halves_up
from tinyc.ops.conv import ChannelMultipliers, Conv2D, DepthwiseConv2D
from tinyc.ops.fully_connected import FullyConnected
from tinyc.ops.window import WindowOperator
from tinyc.program.kernel import Kernel, Site, kernel
from tinyc.targets import Target

PAIR = 2  # columns at a time
GROUP_BYTES = 512  # of gathered columns, if more than a pair fits


class ColumnsKernel(Kernel):
    """Base of all calls of tinyc_helium_columns_s8; this one has its columns side by side in the input."""

    includes = ("tinyc_helium_columns_s8.h",)
    headers: ClassVar[tuple[str, ...]] = ("tinyc_helium.h", "tinyc_helium_columns_s8.h", MATH)
    sources: ClassVar[tuple[str, ...]] = ("tinyc_helium_columns_s8.c",)
    weights = frozenset({"channels"})

    def matrix(self, site: Site) -> Array:
        """Weights as int8 [channels, codes of a column]."""
        weights = site.constant(1)
        return weights.reshape(weights.shape[0], -1)

    def multipliers(self, site: Site) -> ChannelMultipliers:
        return multipliers_of(site)

    def depth(self, site: Site) -> int:
        """Codes of a column."""
        w = site.sig.input(1)
        return w.elements // site.sig.output.shape[-1]

    def pixels(self, site: Site) -> int:
        y = site.sig.output
        return y.elements // y.shape[-1]

    def rounding(self, site: Site) -> int:
        op = site.op
        assert isinstance(op, WindowOperator | FullyConnected)
        return rounding(self.multipliers(site), site.sig.output.zero_point, op.clamp)

    def constants(self, site: Site, target: Target) -> Mapping[str, Array]:
        return {"channels": Dense.of(site, self.matrix(site), self.multipliers(site)).packed()}

    def trails(self, site: Site, input: int) -> int | None:
        if input != 0:
            return None
        depth, wide, pixels = self.depth(site), site.sig.output.shape[-1], self.pixels(site)
        firsts = np.arange(0, pixels, PAIR)  # a pair is written while it is read
        return trailing(np.minimum(firsts + PAIR, pixels) * wide, firsts * depth, site.sig.output.bytes)

    def work(self, site: Site, target: Target) -> Mapping[str, float]:
        return {"call": 1, **self.products(site, target)}

    def products(self, site: Site, target: Target) -> Mapping[str, float]:
        """Work in tinyc_helium_columns_s8: a pair of columns times a block of channels at a time; one by one in C."""
        pixels, channels, depth = self.pixels(site), site.sig.output.shape[-1], self.depth(site)
        if target.simd != "mve":
            return {"output": pixels * channels, "product": pixels * channels * depth}
        pairs, single, steps = pixels // PAIR, pixels % PAIR, -(-depth // LANES)
        blocks = -(-channels // BLOCK)
        kind = "block, halves up" if usually_halves_up(site) else "block"
        return {
            "pair": pairs, kind: pairs * blocks, "step": pairs * blocks * steps,
            "single": single, "block of a single": single * blocks, "step of a single": single * blocks * steps,
        }

    def layer(self, site: Site, c: CallWriter) -> str:
        """Declares the tinyc_helium_columns; its address."""
        op, y = site.op, site.sig.output
        assert isinstance(op, WindowOperator | FullyConnected)
        return c.struct(
            "tinyc_helium_columns", "layer", constants=c.constant("channels"), depth=self.depth(site),
            channels=y.shape[-1], zero_point=y.zero_point, clamp=braces(*op.clamp), rounding=self.rounding(site),
        )

    def emit(self, site: Site, target: Target, c: CallWriter) -> None:
        layer = self.layer(site, c)
        c.void("tinyc_helium_columns_s8", layer, c.input(0), self.pixels(site), c.output())


@kernel("tinyc/helium_pointwise_s8", op=Conv2D)
class HeliumPointwiseS8(ColumnsKernel):
    """1x1 convolution of stride 1."""

    def refuses(self, site: Site, target: Target) -> str | None:
        op, x, w = site.op, site.sig.input(0).shape, site.sig.input(1).shape
        assert isinstance(op, Conv2D)
        if w[1:3] != (1, 1) or w[3] != x[3] or op.stride != (1, 1) or any(op.padding):
            return "it takes 1x1 taps of all channels, stride 1, no padding"
        return needs_constants(site)


class GatheringKernel(ColumnsKernel):
    """Windows gathered into scratch, a group at a time; one image at a time, the batch is the compiler's loop."""

    includes = ("tinyc_helium_conv_s8.h",)
    headers = (*ColumnsKernel.headers, "tinyc_helium_conv_s8.h")
    sources = (*ColumnsKernel.sources, "tinyc_helium_conv_s8.c")

    def group(self, site: Site) -> int:
        """Windows gathered at a time: whole pairs."""
        return PAIR * max(1, min(GROUP_BYTES // self.depth(site), self.pixels(site)) // PAIR)

    def scratch(self, site: Site, target: Target) -> int:
        return self.group(site) * self.depth(site)

    def refuses(self, site: Site, target: Target) -> str | None:
        op = site.op
        assert isinstance(op, WindowOperator)
        if site.sig.output.shape[0] != 1:
            return "it takes one image at a time"
        return "it takes no dilation" if op.dilation != (1, 1) else needs_constants(site)

    def trails(self, site: Site, input: int) -> int | None:
        if input != 0:
            return None
        op, x, y = site.op, site.sig.input(0).shape, site.sig.output.shape
        assert isinstance(op, WindowOperator)
        rows, columns = (
            np.clip(np.arange(y[axis]) * op.stride[axis - 1] - op.padding[axis - 1], 0, x[axis]) for axis in (1, 2)
        )
        reads = ((rows[:, None] * x[2] + columns) * x[3]).reshape(-1)
        group = self.group(site)
        needed = np.minimum.accumulate(reads[::-1])[::-1][group::group]  # by the next group or a later one
        ends = group * y[3] * np.arange(1, len(needed) + 1)
        return trailing(ends, needed, site.sig.output.bytes)

    def work(self, site: Site, target: Target) -> Mapping[str, float]:
        _, rows, columns, channels = (1, 1, *site.sig.input(1).shape)[-4:]
        steps, pixels = -(-columns * site.sig.input(0).shape[3] // LANES), self.pixels(site)
        gathered = {"pixel": pixels, "row of taps": pixels * rows, "vector of taps": pixels * rows * steps}
        return {"call": 1, **gathered, **self.products(site, target)}

    def emit(self, site: Site, target: Target, c: CallWriter) -> None:
        op, x, y = site.op, site.sig.input(0), site.sig.output
        assert isinstance(op, WindowOperator)
        layer = self.layer(site, c)
        window = c.struct(
            "tinyc_helium_window", "window", input=braces(*x.shape[1:3]),
            kernel=braces(*site.sig.input(1).shape[1:3]), output=braces(*y.shape[1:3]), stride=braces(*op.stride),
            padding=braces(*op.padding[:2]), channels=x.shape[3], zero_point=x.zero_point,
            group=self.group(site),
        )
        c.void("tinyc_helium_conv_s8", layer, window, c.input(0), c.scratch(), c.output())


@kernel("tinyc/helium_conv_s8", op=Conv2D)
class HeliumConvS8(GatheringKernel):
    """Convolution of any window, stride and padding."""

    def refuses(self, site: Site, target: Target) -> str | None:
        return many_groups(site) or super().refuses(site, target)

    def matrix(self, site: Site) -> Array:
        weights = filters(site)
        return weights.reshape(weights.shape[0], -1)

    def depth(self, site: Site) -> int:
        _, rows, columns, _ = site.sig.input(1).shape
        return rows * columns * site.sig.input(0).shape[3]


@kernel("tinyc/helium_spread_s8", op=DepthwiseConv2D)
class HeliumSpreadS8(GatheringKernel):
    """Depthwise convolution of a single channel with several filters: an ordinary convolution."""

    def refuses(self, site: Site, target: Target) -> str | None:
        return "it takes one channel" if site.sig.input(0).shape[3] != 1 else super().refuses(site, target)

    def matrix(self, site: Site) -> Array:
        weights = site.constant(1)
        return np.ascontiguousarray(weights.reshape(-1, weights.shape[3]).T)
