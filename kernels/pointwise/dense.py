"""Dense layers: several rows as pixels of a 1x1 convolution, one row four outputs at a time."""

from __future__ import annotations

from collections.abc import Mapping

from tinyc.codegen.writer import CallWriter
from tinyc.ir.types import Array
from tinyc.kernels.common.requantise import clamped, shifted
from tinyc.kernels.common.walk import braces
from tinyc.kernels.pointwise.packing import GROUP, needs_constants, pack
from tinyc.kernels.pointwise.pairs import PairKernel
from tinyc.kernels.pointwise.pointwise import DirectRowOfPixels, RowOfPixels, TriplesOfPixels
from tinyc.ops.conv import ChannelMultipliers
from tinyc.ops.fully_connected import FullyConnected
from tinyc.program.kernel import Site, kernel
from tinyc.targets import Target

BLOCK = 4  # outputs at a time for one row


class DenseKernel(PairKernel):
    """What both have in common."""

    def multipliers(self, site: Site) -> ChannelMultipliers:
        op = site.op
        assert isinstance(op, FullyConnected)
        return op.multipliers(site.sig)

    def refuses(self, site: Site, target: Target) -> str | None:
        quant = site.sig.input(1).quant
        if quant is None or not quant.is_symmetric:
            return "it takes weights with zero point 0"
        return needs_constants(site)


@kernel("tinyc/dense_rows_s8", op=FullyConnected)
class DenseRowsS8(DenseKernel, RowOfPixels):
    """Two rows times two outputs at a time."""


@kernel("tinyc/dense_triples_s8", op=FullyConnected)
class DenseTriplesS8(DenseKernel, TriplesOfPixels):
    """Three rows times two outputs at a time."""


@kernel("tinyc/dense_direct_s8", op=FullyConnected)
class DenseDirectS8(DenseKernel, DirectRowOfPixels):
    """Two rows times two outputs at a time, without scratch."""

    def refuses(self, site: Site, target: Target) -> str | None:
        ragged = "it takes a multiple of 4 columns" if self.depth(site) % GROUP else None
        return super().refuses(site, target) or ragged


@kernel("tinyc/dense_s8", op=FullyConnected)
class DenseS8(DenseKernel):
    """One row times four outputs at a time, without scratch."""

    includes = ("tinyc_dense_s8.h",)
    headers = ("tinyc_dense_s8.h", *PairKernel.headers)
    sources = ("tinyc_dense_s8.c", "tinyc_limit_s8.c")

    def refuses(self, site: Site, target: Target) -> str | None:
        return "it takes a single row" if self.pixels(site) != 1 else super().refuses(site, target)

    def scratch(self, site: Site, target: Target) -> int:
        return 0

    def constants(self, site: Site, target: Target) -> Mapping[str, Array]:
        dense = self.dense(site)
        return {"channels": pack(dense, BLOCK), "requantisers": shortest(dense.requantisers(BLOCK))}

    def work(self, site: Site, target: Target) -> Mapping[str, float]:
        blocks = -(-site.sig.output.shape[-1] // BLOCK)
        ragged = blocks * (self.depth(site) % GROUP)
        groups = blocks * self.groups(site)
        ends = {"shifted output": shifted(site), "clamped output": clamped(site)}
        return {"call": 1, "block": blocks, "group": groups, "ragged code": ragged, **ends}

    def emit(self, site: Site, target: Target, c: CallWriter) -> None:
        op, y = site.op, site.sig.output
        assert isinstance(op, FullyConnected)
        single = c.size("requantisers") == 3
        layer = c.struct(
            "tinyc_dense", "layer", constants=c.constant("channels"), requantisers=c.constant("requantisers"),
            requantiser_step=0 if single else 3, depth=self.depth(site), channels=y.shape[-1],
            zero_point=y.zero_point, clamp=braces(*op.clamp),
        )
        c.void("tinyc_dense_s8", layer, c.input(0), c.output())


def shortest(table: Array) -> Array:
    """A table without its repetitions where all rows are equal, flat."""
    return (table[:1] if (table == table[0]).all() else table).reshape(-1)
