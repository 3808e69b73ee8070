"""arm_avgpool_s8 and arm_max_pool_s8."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from tinyc.codegen.writer import CallWriter
from tinyc.kernels.cmsis_nn import scratch as library
from tinyc.kernels.cmsis_nn.shapes import CmsisKernel, activation, context, dims, tile
from tinyc.ops.pool import AveragePool2D, MaxPool2D, Pool2D
from tinyc.program.kernel import Site, kernel
from tinyc.targets import Target

LANES = 16  # channels in a Helium vector


class PoolKernel(CmsisKernel):
    """A pooling call."""

    function: ClassVar[str]

    def work(self, site: Site, target: Target) -> Mapping[str, float]:
        op, (_, high, wide, channels) = site.op, site.sig.output.shape
        assert isinstance(op, Pool2D)
        part, at_a_time = ("block", LANES) if target.simd == "mve" else ("output", 1)
        pixels, taps = high * wide, op.extent[0] * op.extent[1]
        parts = pixels * -(-channels // at_a_time)
        return {"call": 1, "pixel": pixels, part: parts, f"tap per {part}": parts * taps}

    def emit(self, site: Site, target: Target, c: CallWriter) -> None:
        op = site.op
        assert isinstance(op, Pool2D)
        params = c.struct(
            "cmsis_nn_pool_params", "params", stride=tile(op.stride), padding=tile(op.padding[:2]),
            activation=activation(op.clamp),
        )
        c.cmsis(
            self.function, context(c), params,
            dims(c, "input_dims", site.sig.input(0).shape), c.input(0),
            dims(c, "filter_dims", (1, *op.extent, 1)),
            dims(c, "output_dims", site.sig.output.shape), c.output(),
        )


@kernel("cmsis-nn/avgpool_s8", op=AveragePool2D)
class AvgPoolS8(PoolKernel):
    """Average pooling; on DSP cores with a sum per channel as scratch."""

    function = "arm_avgpool_s8"

    def scratch(self, site: Site, target: Target) -> int:
        return library.avgpool(target.simd, channels=site.sig.output.shape[3])


@kernel("cmsis-nn/max_pool_s8", op=MaxPool2D)
class MaxPoolS8(PoolKernel):
    """Max pooling."""

    function = "arm_max_pool_s8"
