"""arm_convolve_wrapper_s8, and arm_depthwise_conv_wrapper_s8 or what it would call."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from tinyc.codegen.writer import CallWriter
from tinyc.ir.types import Array
from tinyc.kernels.cmsis_nn import cost
from tinyc.kernels.cmsis_nn import scratch as library
from tinyc.kernels.cmsis_nn.shapes import (
    CmsisKernel,
    activation,
    context,
    dims,
    image,
    rounds_twice,
    tile,
)
from tinyc.kernels.common.tables import bias_of, bias_table, multiplier_tables, multipliers_of
from tinyc.ops.conv import Conv2D, DepthwiseConv2D
from tinyc.ops.window import WindowOperator
from tinyc.program.kernel import Site, kernel
from tinyc.targets import Target


class WindowKernel(CmsisKernel):
    """What both convolutions share: geometry for the size functions, tables, dims and parameters."""

    parameters: ClassVar[str]
    function: ClassVar[str]

    def geometry(self, site: Site) -> dict[str, Any]:
        """Arguments of the size functions, for one image: the batch is the compiler's loop."""
        op, x, y = site.op, site.sig.input(0).shape, site.sig.output.shape
        assert isinstance(op, WindowOperator)
        return {
            "input_shape": (1, *x[1:]), "filter_shape": image(site.sig.input(1).shape),
            "output_shape": (1, *y[1:]), "stride": op.stride, "padding": op.padding[:2],
            "dilation": op.dilation,
        }

    def constants(self, site: Site, target: Target) -> Mapping[str, Array]:
        channels = site.sig.output.shape[3]
        return multiplier_tables(multipliers_of(site)) | bias_table(site, channels)

    def emit(self, site: Site, target: Target, c: CallWriter) -> None:
        op = site.op
        assert isinstance(op, WindowOperator)
        x, y = site.sig.input(0), site.sig.output
        arguments = [
            context(c),
            c.struct(
                self.parameters, "params", input_offset=-x.zero_point, output_offset=y.zero_point,
                **self.extra(site), stride=tile(op.stride), padding=tile(op.padding[:2]),
                dilation=tile(op.dilation), activation=activation(op.clamp),
            ),
            c.struct(
                "cmsis_nn_per_channel_quant_params", "quant",
                multiplier=c.mutable_constant("multiplier"), shift=c.mutable_constant("shift"),
            ),
        ]
        operands = (
            ("input", x.shape, c.input(0)), ("filter", site.sig.input(1).shape, c.input(1)),
            ("bias", (y.shape[3],), bias_of(site, c)), ("output", y.shape, c.output()),
        )
        for name, shape, pointer in operands:
            arguments += [dims(c, f"{name}_dims", shape), pointer]
        c.cmsis(self.call(site, target), *arguments)

    def call(self, site: Site, target: Target) -> str:
        """The library's function."""
        return self.function

    def extra(self, site: Site) -> dict[str, int]:
        """Fields that only this function's parameters have."""
        return {}


@kernel("cmsis-nn/convolve_s8", op=Conv2D)
class ConvolveS8(WindowKernel):
    """Convolution; the library picks 1x1, 1xN or im2col by shape."""

    parameters = "cmsis_nn_conv_params"
    function = "arm_convolve_wrapper_s8"

    def refuses(self, site: Site, target: Target) -> str | None:
        exact = library.convolve_wrapper_is_exact(target.simd, **self.geometry(site))
        return rounds_twice(site) if exact else "the library does not compute this geometry exactly"

    def scratch(self, site: Site, target: Target) -> int:
        return library.convolve_wrapper(target.simd, **self.geometry(site))

    def work(self, site: Site, target: Target) -> Mapping[str, float]:
        return cost.convolution(site, target.simd)


@kernel("cmsis-nn/depthwise_conv_s8", op=DepthwiseConv2D)
class DepthwiseConvS8(WindowKernel):
    """Depthwise convolution; the library picks 3x3, optimised or generic by shape."""

    parameters = "cmsis_nn_dw_conv_params"
    function = "arm_depthwise_conv_wrapper_s8"

    def refuses(self, site: Site, target: Target) -> str | None:
        exact = library.depthwise_wrapper_is_exact(target.simd, **self.geometry(site))
        return None if exact else "the library does not compute this geometry exactly"

    def scratch(self, site: Site, target: Target) -> int:
        return library.depthwise_wrapper(target.simd, **self.geometry(site))

    def work(self, site: Site, target: Target) -> Mapping[str, float]:
        return cost.depthwise(site, target.simd)

    def call(self, site: Site, target: Target) -> str:
        """What the wrapper would call, where that is known: the wrapper links every other kernel as well (8 KB)."""
        known = {key: self.geometry(site)[key] for key in ("input_shape", "output_shape", "dilation")}
        optimised = library.depthwise_wrapper_is_optimised_mve(**known)
        return "arm_depthwise_conv_s8_opt" if target.simd == "mve" and optimised else self.function

    def extra(self, site: Site) -> dict[str, int]:
        return {"ch_mult": site.sig.output.shape[3] // site.sig.input(0).shape[3]}
