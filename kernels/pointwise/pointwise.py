"""1x1 convolutions of stride 1, with columns in scratch or straight from the input."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from tinyc.codegen.writer import CallWriter
from tinyc.kernels.common.order import trailing
from tinyc.kernels.pointwise.packing import GROUP, needs_constants
from tinyc.kernels.pointwise.pairs import PairKernel
from tinyc.ops.conv import Conv2D
from tinyc.program.kernel import Site, kernel
from tinyc.targets import Target


class RowOfPixels(PairKernel):
    """Pixels that lie side by side, each read once."""

    sources = ("tinyc_columns_s8.c", "tinyc_pointwise_s8.c", "tinyc_limit_s8.c")

    def blocks(self, site: Site) -> list[int]:
        """How many pixels are computed at a time, one number after the other."""
        pixels = self.pixels(site)
        return [2] * (pixels // 2) + [1] * (pixels % 2)

    def trails(self, site: Site, input: int) -> int | None:
        if input != 0:
            return None
        starts = np.cumsum(self.blocks(site))[:-1]  # of a block whose codes are still needed
        return trailing(starts * site.sig.output.shape[-1], starts * self.depth(site), site.sig.output.bytes)

    def work(self, site: Site, target: Target) -> Mapping[str, float]:
        pixels = self.pixels(site)
        widened = {"call": 1, "pixel": pixels, "code": pixels * self.depth(site)}
        return {**widened, **self.products(site, -(-pixels // 2))}

    def emit(self, site: Site, target: Target, c: CallWriter) -> None:
        layer = self.layer(site, c)
        c.void("tinyc_pointwise_s8", layer, self.pixels(site), c.input(0), c.scratch(), c.output())


class TriplesOfPixels(RowOfPixels):
    """The same three pixels at a time: fewer instructions, half as much scratch again."""

    includes = ("tinyc_triples_s8.h",)
    headers = (*PairKernel.headers, "tinyc_triples_s8.h")
    sources = ("tinyc_triples_s8.c", "tinyc_columns_s8.c", "tinyc_limit_s8.c")

    def blocks(self, site: Site) -> list[int]:
        pixels = self.pixels(site)
        pairs = {0: 0, 1: 2, 2: 1}[pixels % 3] if pixels > 1 else 0
        return [3] * ((pixels - 2 * pairs) // 3) + [2] * pairs + [1] * (pixels == 1)

    def scratch(self, site: Site, target: Target) -> int:
        return (24 if 3 in self.blocks(site) else 16) * self.groups(site)

    def work(self, site: Site, target: Target) -> Mapping[str, float]:
        pixels, threes = self.pixels(site), self.blocks(site).count(3)
        widened = {"call": 1, "pixel": pixels, "code": pixels * self.depth(site)}
        others = self.products(site, len(self.blocks(site)) - threes)
        return {**widened, **others, **self.products(site, threes, " of three")}

    def emit(self, site: Site, target: Target, c: CallWriter) -> None:
        layer = self.layer(site, c)
        c.void("tinyc_pointwise_triples_s8", layer, self.pixels(site), c.input(0), c.scratch(), c.output())


class DirectRowOfPixels(PairKernel):
    """The same without scratch: every two channels widen the codes again, for a third more instructions."""

    sources = ("tinyc_pointwise_direct_s8.c", "tinyc_limit_s8.c")

    def scratch(self, site: Site, target: Target) -> int:
        return 0

    def trails(self, site: Site, input: int) -> int | None:
        """The codes of a pair are read until its last channel is written."""
        if input != 0:
            return None
        pixels, wide = self.pixels(site), site.sig.output.shape[-1]
        starts = np.arange(0, pixels, 2)
        return trailing(np.minimum(starts + 2, pixels) * wide, starts * self.depth(site), site.sig.output.bytes)

    def work(self, site: Site, target: Target) -> Mapping[str, float]:
        return {"call": 1, **self.products(site, -(-self.pixels(site) // 2))}

    def emit(self, site: Site, target: Target, c: CallWriter) -> None:
        layer = self.layer(site, c)
        c.void("tinyc_pointwise_direct_s8", layer, self.pixels(site), c.input(0), c.output())


@kernel("tinyc/pointwise_s8", op=Conv2D)
class PointwiseS8(RowOfPixels):
    """1x1 convolution of stride 1."""

    def refuses(self, site: Site, target: Target) -> str | None:
        return not_pointwise(site) or needs_constants(site)


@kernel("tinyc/pointwise_triples_s8", op=Conv2D)
class PointwiseTriplesS8(TriplesOfPixels, PointwiseS8):
    """1x1 convolution of stride 1, three pixels at a time."""


@kernel("tinyc/pointwise_direct_s8", op=Conv2D)
class PointwiseDirectS8(DirectRowOfPixels):
    """1x1 convolution of stride 1 without scratch."""

    def refuses(self, site: Site, target: Target) -> str | None:
        ragged = "it takes a multiple of 4 channels" if self.depth(site) % GROUP else None
        return not_pointwise(site) or needs_constants(site) or ragged


def not_pointwise(site: Site) -> str | None:
    """Why a convolution does not read each pixel once, alone, where it does not."""
    op, x, w = site.op, site.sig.input(0).shape, site.sig.input(1).shape
    assert isinstance(op, Conv2D)
    if w[1:3] != (1, 1) or w[3] != x[3] or op.stride != (1, 1) or any(op.padding):
        return "it takes 1x1 taps of all channels, stride 1, no padding"
    return None
