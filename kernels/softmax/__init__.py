"""Softmax in gemmlowp's fixed point."""

from __future__ import annotations

from tinyc.codegen.writer import CallWriter
from tinyc.kernels.common.plain import MATH, PlainKernel, fixed_point
from tinyc.ops.softmax import Softmax
from tinyc.program.kernel import Site, kernel
from tinyc.targets import Target


@kernel("tinyc/softmax_s8", op=Softmax)
class SoftmaxS8(PlainKernel):
    """Rows of any length that the operator takes, one after the other."""

    includes = ("tinyc_softmax_s8.h",)
    headers = ("tinyc_softmax_s8.h", MATH)
    sources = ("tinyc_softmax_s8.c",)

    def trails(self, site: Site, input: int) -> int | None:
        """0: a row's last pass, the only one that writes, needs only the elements that it replaces."""
        return 0

    def cost(self, site: Site, target: Target) -> float:
        return 255.0 * site.sig.output.elements

    def emit(self, site: Site, target: Target, c: CallWriter) -> None:
        op, length = site.op, site.sig.output.shape[-1]
        assert isinstance(op, Softmax)
        params = c.struct(
            "tinyc_softmax_params", "params", rows=site.sig.output.elements // length, length=length,
            difference=fixed_point(op.multiplier(site.sig)), least_difference=op.least_difference(site.sig),
        )
        c.void("tinyc_softmax_s8", params, c.input(0), c.output())
