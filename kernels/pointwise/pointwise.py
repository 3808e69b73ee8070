"""1x1 convolutions of stride 1, and dense layers of several rows."""

from __future__ import annotations

from collections.abc import Mapping

from tinyc.codegen.writer import CallWriter
from tinyc.ir.types import Array
from tinyc.kernels.common.plain import MATH
from tinyc.kernels.common.walk import braces
from tinyc.kernels.pointwise.packing import BIAS, Dense, groups, pack, trailing
from tinyc.ops.conv import ChannelMultipliers, Conv2D, channel_multipliers
from tinyc.program.kernel import Kernel, Site, kernel
from tinyc.targets import Target

DSP = "../common/tinyc_dsp.h"


def needs_constants(site: Site) -> str | None:
    """Why weights cannot be packed, where they cannot."""
    computed = site.data[1] is None or (site.has(BIAS) and site.data[BIAS] is None)
    return "weights and bias must be constants" if computed else None


class PairKernel(Kernel):
    """Two pixels times two channels at a time: what the declarations share."""

    includes = ("tinyc_columns_s8.h",)
    headers = ("tinyc_columns_s8.h", "tinyc_widen.h", DSP, MATH)

    def multipliers(self, site: Site) -> ChannelMultipliers:
        return channel_multipliers(site.sig, site.sig.output.shape[-1])

    def depth(self, site: Site) -> int:
        """Codes that a pixel reads in one piece."""
        return site.sig.input(0).shape[-1]

    def pieces(self, site: Site) -> int:
        """Pieces that a pixel reads."""
        return 1

    def groups(self, site: Site) -> int:
        return groups(self.pieces(site), self.depth(site))

    def scratch(self, site: Site, target: Target) -> int:
        return 16 * self.groups(site)

    def constants(self, site: Site, target: Target) -> Mapping[str, Array]:
        return {"channels": pack(Dense.of(site, self.depth(site), self.multipliers(site)))}

    def layer(self, site: Site, c: CallWriter) -> str:
        """Declares the tinyc_columns; its address."""
        clamp = site.op.clamp  # type: ignore[attr-defined]
        y = site.sig.output
        return c.struct(
            "tinyc_columns", "layer", constants=c.constant("channels"), depth=self.depth(site),
            groups=self.groups(site), channels=y.shape[-1], zero_point=y.zero_point, clamp=braces(*clamp),
        )


class RowsOfPixels(PairKernel):
    """Pixels that lie side by side, each read once."""

    sources = ("tinyc_columns_s8.c", "tinyc_pointwise_s8.c")

    def pixels(self, site: Site) -> int:
        y = site.sig.output
        return y.elements // y.shape[-1]

    def trails(self, site: Site, input: int) -> int | None:
        if input != 0:
            return None
        starts = range(2, self.pixels(site), 2)
        wide, deep = site.sig.output.shape[-1], self.depth(site)
        return trailing([p * wide for p in starts], [p * deep for p in starts], site.sig.output.bytes)

    def cost(self, site: Site, target: Target) -> float:
        pixels, channels = 2 * ((self.pixels(site) + 1) // 2), site.sig.output.shape[-1]
        products = 15 / 16 * 4 * self.groups(site) * (channels + channels % 2)
        return 30 + pixels * (products + 14 * channels + 1.4 * self.depth(site) + 20)

    def emit(self, site: Site, target: Target, c: CallWriter) -> None:
        layer = self.layer(site, c)
        c.void("tinyc_pointwise_s8", layer, self.pixels(site), c.input(0), c.scratch(), c.output())


@kernel("tinyc/pointwise_s8", op=Conv2D)
class PointwiseS8(RowsOfPixels):
    """1x1 convolution of stride 1."""

    def refuses(self, site: Site, target: Target) -> str | None:
        op, x, w = site.op, site.sig.input(0).shape, site.sig.input(1).shape
        assert isinstance(op, Conv2D)
        if w[1:3] != (1, 1) or w[3] != x[3] or op.stride != (1, 1) or any(op.padding):
            return "it takes 1x1 taps of all channels, stride 1, no padding"
        return needs_constants(site)
