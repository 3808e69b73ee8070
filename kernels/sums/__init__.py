"""Global pooling that accumulates while rows pass."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from tinyc.codegen.writer import CallWriter
from tinyc.kernels.common.plain import DIVIDE, MATH, PlainKernel, fixed_point
from tinyc.kernels.common.requantise import DSP
from tinyc.kernels.common.walk import braces
from tinyc.ops.sums import AddRows, AverageEvenSums, AverageSums, MeanSums, SumRows
from tinyc.program.kernel import Site, kernel
from tinyc.targets import Target


class SumsKernel(PlainKernel):
    """One channel after the other."""

    includes = ("tinyc_sums_s8.h",)
    headers: ClassVar[tuple[str, ...]] = ("tinyc_sums_s8.h", MATH)


@kernel("tinyc/add_rows_s8", op=SumRows)
class AddRowsS8(SumsKernel):
    """Sums of a few rows, from nothing or from the sums of earlier rows; four channels at a time."""

    headers = (*SumsKernel.headers, DSP, "../average/tinyc_axis_sums.h", "../helium/tinyc_helium.h")
    sources = ("tinyc_add_rows_s8.c",)

    def trails(self, site: Site, input: int) -> int | None:
        return 0 if isinstance(site.op, AddRows) and input == 1 else None

    def work(self, site: Site, target: Target) -> Mapping[str, float]:
        channels = site.sig.output.elements
        fours, rest, pixels = channels // 4, channels % 4, site.sig.input(0).elements // channels
        return {
            "call": 1, "four channels": fours, "pixel of four channels": fours * pixels,
            "channel": rest, "element": rest * pixels,
        }

    def emit(self, site: Site, target: Target, c: CallWriter) -> None:
        image = site.sig.input(0)
        earlier = c.input(1) if isinstance(site.op, AddRows) else "NULL"
        pixels = image.elements // image.shape[3]
        c.void("tinyc_add_rows_s8", pixels, image.shape[3], c.input(0), earlier, c.output())


@kernel("tinyc/average_sums_s8", op=AverageSums)
class AverageSumsS8(SumsKernel):
    """The average from the sums."""

    sources = ("tinyc_average_sums_s8.c",)

    def work(self, site: Site, target: Target) -> Mapping[str, float]:
        return {"call": 1, "output": site.sig.output.elements}

    def emit(self, site: Site, target: Target, c: CallWriter) -> None:
        op = site.op
        assert isinstance(op, AverageSums)
        c.void("tinyc_average_sums_s8", site.sig.output.elements, op.count, *op.clamp, c.input(0), c.output())


@kernel("tinyc/average_even_sums_s8", op=AverageEvenSums)
class AverageEvenSumsS8(SumsKernel):
    """The average from the sums, on the output's scale, halves to even."""

    headers = (*SumsKernel.headers, DIVIDE)
    sources = ("tinyc_average_even_sums_s8.c",)

    def work(self, site: Site, target: Target) -> Mapping[str, float]:
        return {"call": 1, "output": site.sig.output.elements}

    def emit(self, site: Site, target: Target, c: CallWriter) -> None:
        op, sums, y = site.op, site.sig.input(0), site.sig.output
        assert isinstance(op, AverageEvenSums)
        m = op.ratio(site.sig)
        params = c.struct(
            "tinyc_even_sums_params", "params", count=op.count, offset=op.count * sums.zero_point,
            multiplier=m.multiplier, shift=31 - m.shift, zero_point=y.zero_point, odd=op.odd, clamp=braces(*op.clamp),
        )  # fmt: skip
        c.void("tinyc_average_even_sums_s8", y.elements, params, c.input(0), c.output())


@kernel("tinyc/mean_sums_s8", op=MeanSums)
class MeanSumsS8(SumsKernel):
    """The mean from the sums."""

    sources = ("tinyc_mean_sums_s8.c",)

    def work(self, site: Site, target: Target) -> Mapping[str, float]:
        return {"call": 1, "output": site.sig.output.elements}

    def emit(self, site: Site, target: Target, c: CallWriter) -> None:
        op, sums, y = site.op, site.sig.input(0), site.sig.output
        assert isinstance(op, MeanSums)
        m = op.multiplier(site.sig)
        scale = c.struct("tinyc_multiplier", "scale", **fixed_point(m))
        offset = op.count * sums.zero_point
        c.void("tinyc_mean_sums_s8", y.elements, offset, scale, y.zero_point, c.input(0), c.output())
