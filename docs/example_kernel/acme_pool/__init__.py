"""Max pooling over windows of 2x2, four channels at a time, for cores with 32-bit SIMD instructions."""

from __future__ import annotations

from tinyc.codegen.writer import CallWriter
from tinyc.kernels.common.plain import PlainKernel
from tinyc.ops import MaxPool2D
from tinyc.program.kernel import Site, kernel
from tinyc.targets import Target


@kernel("acme/max_pool_2x2_s8", op=MaxPool2D)
class MaxPool2x2(PlainKernel):
    """Windows of 2x2 that do not overlap, a multiple of four channels."""

    includes = ("acme_max_pool.h",)
    headers = ("acme_max_pool.h",)
    sources = ("acme_max_pool.c",)

    def refuses(self, site: Site, target: Target) -> str | None:
        op, shape = site.op, site.sig.output.shape
        assert isinstance(op, MaxPool2D)
        if target.simd != "dsp":
            return "it needs a core with 32-bit SIMD instructions"
        if (op.extent, op.stride, op.padding, op.clamp) != ((2, 2), (2, 2), (0, 0, 0, 0), (-128, 127)):
            return "it takes windows of 2x2 with a stride of 2, without padding or clamp"
        if shape[0] != 1 or shape[3] % 4:
            return "it takes one image, of a multiple of 4 channels"
        return None

    def cost(self, site: Site, target: Target) -> float:
        _, rows, columns, channels = site.sig.output.shape
        return 30.0 + rows * (10.0 + columns * (8.0 + 3.5 * channels))

    def emit(self, site: Site, target: Target, c: CallWriter) -> None:
        width, (_, rows, columns, channels) = site.sig.input(0).shape[2], site.sig.output.shape
        c.void("acme_max_pool", rows, columns, channels, width, c.input(0), c.output())
