"""Means and averages along one axis (rows and columns of an image count as one), four channels at a time."""

from __future__ import annotations

from collections.abc import Mapping
from math import prod

from tinyc.codegen.writer import CallWriter, Field
from tinyc.kernels.common.plain import MATH, PlainKernel
from tinyc.kernels.common.requantise import requantiser
from tinyc.ops.pool import AveragePool2D
from tinyc.ops.reduce import Mean
from tinyc.program.kernel import Site, kernel
from tinyc.targets import Target

DSP = "../common/tinyc_dsp.h"


class AxisKernel(PlainKernel):
    """Outputs ascend, and each four are written when all that they need was read."""

    includes = ("tinyc_axis_mean_s8.h",)
    headers = ("tinyc_axis_mean_s8.h", "tinyc_axis_sums.h", DSP, MATH)

    def axes(self, site: Site) -> tuple[int, ...]:
        """The axes that are reduced, in order."""
        raise NotImplementedError(f"{self.name} declares no axes")

    def axis(self, site: Site) -> tuple[int, int, int]:
        """Elements outside of the reduced axes, along them, and inside."""
        shape, axes = site.sig.input(0).shape, self.axes(site)
        first, end = axes[0], axes[-1] + 1
        return prod(shape[:first]), prod(shape[first:end]), prod(shape[end:])

    def fields(self, site: Site) -> dict[str, Field]:
        """The tinyc_axis."""
        return dict(zip(("outer", "reduced", "inner"), self.axis(site), strict=True))

    def work(self, site: Site, target: Target) -> Mapping[str, float]:
        outer, reduced, inner = self.axis(site)
        fours, ones = outer * (inner // 4), outer * (inner % 4)
        return {
            "call": 1, "outer": outer, "four": fours, "element of four": fours * reduced,
            "one": ones, "element of one": ones * reduced,
        }


@kernel("tinyc/axis_mean_s8", op=Mean)
class AxisMeanS8(AxisKernel):
    """Mean over axes that follow each other."""

    sources = ("tinyc_axis_mean_s8.c",)

    def axes(self, site: Site) -> tuple[int, ...]:
        op = site.op
        assert isinstance(op, Mean)
        return op.axes

    def refuses(self, site: Site, target: Target) -> str | None:
        axes = self.axes(site)
        adjoin = axes == tuple(range(axes[0], axes[-1] + 1))
        return None if adjoin else "it reduces axes that follow each other"

    def emit(self, site: Site, target: Target, c: CallWriter) -> None:
        op, x, y = site.op, site.sig.input(0), site.sig.output
        assert isinstance(op, Mean)
        m, count = op.multiplier(site.sig), op.count(x)
        r = requantiser(m, y.zero_point, 255 * count)
        params = c.struct(
            "tinyc_axis_mean", "params", axis=self.fields(site), offset=count * x.zero_point, scale=r.fields,
            zero_point=y.zero_point,
        )
        c.void("tinyc_axis_mean_s8", params, c.input(0), c.output())


@kernel("tinyc/axis_average_s8", op=AveragePool2D)
class AxisAverageS8(AxisKernel):
    """Average pooling over the whole image."""

    sources = ("tinyc_axis_average_s8.c",)

    def axes(self, site: Site) -> tuple[int, ...]:
        return (1, 2)

    def refuses(self, site: Site, target: Target) -> str | None:
        op = site.op
        assert isinstance(op, AveragePool2D)
        whole = op.extent == site.sig.input(0).shape[1:3] and not any(op.padding)
        return None if whole else "it pools the whole image"

    def emit(self, site: Site, target: Target, c: CallWriter) -> None:
        op = site.op
        assert isinstance(op, AveragePool2D)
        axis = c.struct("tinyc_axis", "axis", **self.fields(site))
        c.void("tinyc_axis_average_s8", axis, *op.clamp, c.input(0), c.output())
