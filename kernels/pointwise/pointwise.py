"""1x1 convolutions of stride 1."""

from __future__ import annotations

from tinyc.codegen.writer import CallWriter
from tinyc.kernels.pointwise.packing import needs_constants, trailing
from tinyc.kernels.pointwise.pairs import PairKernel
from tinyc.ops.conv import Conv2D
from tinyc.program.kernel import Site, kernel
from tinyc.targets import Target


class RowOfPixels(PairKernel):
    """Pixels that lie side by side, each read once."""

    sources = ("tinyc_columns_s8.c", "tinyc_pointwise_s8.c", "tinyc_limit_s8.c")

    def trails(self, site: Site, input: int) -> int | None:
        if input != 0:
            return None
        starts = range(2, self.pixels(site), 2)  # of a pair whose codes are still needed
        wide, deep = site.sig.output.shape[-1], self.depth(site)
        return trailing([p * wide for p in starts], [p * deep for p in starts], site.sig.output.bytes)

    def cost(self, site: Site, target: Target) -> float:
        return 40 + self.pixels(site) * (1.8 * self.depth(site) + 15) + self.multiply_cost(site, target)

    def emit(self, site: Site, target: Target, c: CallWriter) -> None:
        layer = self.layer(site, c)
        c.void("tinyc_pointwise_s8", layer, self.pixels(site), c.input(0), c.scratch(), c.output())


@kernel("tinyc/pointwise_s8", op=Conv2D)
class PointwiseS8(RowOfPixels):
    """1x1 convolution of stride 1."""

    def refuses(self, site: Site, target: Target) -> str | None:
        op, x, w = site.op, site.sig.input(0).shape, site.sig.input(1).shape
        assert isinstance(op, Conv2D)
        if w[1:3] != (1, 1) or w[3] != x[3] or op.stride != (1, 1) or any(op.padding):
            return "it takes 1x1 taps of all channels, stride 1, no padding"
        return needs_constants(site)
