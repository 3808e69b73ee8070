"""Convolutions of any geometry, in plain C: they serve what CMSIS-NN does not compute exactly."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from tinyc.codegen.writer import CallWriter
from tinyc.ir.types import Array
from tinyc.kernels.common.plain import MATH, PlainKernel
from tinyc.kernels.common.tables import bias_of, bias_table, multiplier_tables, multipliers_of
from tinyc.kernels.common.walk import braces
from tinyc.ops.conv import Conv2D, DepthwiseConv2D
from tinyc.ops.window import WindowOperator
from tinyc.program.kernel import Site, kernel
from tinyc.targets import Target


class DirectConvolution(PlainKernel):
    """One image at a time; the batch is the compiler's loop."""

    function: ClassVar[str]
    includes = ("tinyc_conv_s8.h",)
    headers = ("tinyc_conv_s8.h", MATH)

    def refuses(self, site: Site, target: Target) -> str | None:
        return None if site.sig.output.shape[0] == 1 else "it takes one image at a time"

    def constants(self, site: Site, target: Target) -> Mapping[str, Array]:
        channels = site.sig.output.shape[3]
        return multiplier_tables(multipliers_of(site)) | bias_table(site, channels)

    def work(self, site: Site, target: Target) -> Mapping[str, float]:
        outputs, (_, rows, columns, _) = site.sig.output.elements, site.sig.input(1).shape
        window = {"row of taps": outputs * rows, "tap": outputs * rows * columns}
        return {"call": 1, "output": outputs, **window, "product": site.op.macs(site.sig)}

    def depth(self, site: Site) -> int:
        """Input channels that one output channel reads."""
        return site.sig.input(1).shape[3]

    def emit(self, site: Site, target: Target, c: CallWriter) -> None:
        op, x, w, y = site.op, site.sig.input(0), site.sig.input(1), site.sig.output
        assert isinstance(op, WindowOperator)
        params = c.struct(
            "tinyc_conv_params", "params", input=braces(*x.shape[1:]), kernel=braces(*w.shape[1:3]),
            output=braces(*y.shape[1:]), stride=braces(*op.stride), dilation=braces(*op.dilation),
            padding=braces(*op.padding[:2]), depth=self.depth(site), input_zero_point=x.zero_point,
            output_zero_point=y.zero_point, clamp=braces(*op.clamp),
        )
        tables = (bias_of(site, c), c.constant("multiplier"), c.constant("shift"))
        c.void(self.function, params, c.input(0), c.input(1), *tables, c.output())


@kernel("tinyc/conv_s8", op=Conv2D)
class ConvS8(DirectConvolution):
    """Convolution with groups, dilation and any padding."""

    function = "tinyc_conv_s8"
    sources = ("tinyc_conv_s8.c",)


@kernel("tinyc/depthwise_conv_s8", op=DepthwiseConv2D)
class DepthwiseConvS8(DirectConvolution):
    """Depthwise convolution with any multiplier, dilation and padding."""

    function = "tinyc_depthwise_conv_s8"
    sources = ("tinyc_depthwise_conv_s8.c",)

    def depth(self, site: Site) -> int:
        return 1
