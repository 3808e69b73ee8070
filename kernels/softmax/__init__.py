"""Softmax in gemmlowp's fixed point."""

from __future__ import annotations

from tinyc.codegen.writer import CallWriter
from tinyc.kernels.common.plain import MATH, PlainKernel, fixed_point
from tinyc.ops.softmax import Softmax, SoftmaxRows, SoftmaxScaled
from tinyc.program.kernel import Site, kernel
from tinyc.targets import Target


class RowsKernel(PlainKernel):
    """Rows of any length that the operator takes, one after the other."""

    includes = ("tinyc_softmax_s8.h",)
    headers = ("tinyc_softmax_s8.h", MATH)
    sources = ("tinyc_softmax_s8.c",)

    def trails(self, site: Site, input: int) -> int | None:
        """0: a row's last pass, the only one that writes, needs only the elements that it replaces."""
        return 0

    def cost(self, site: Site, target: Target) -> float:
        return 255.0 * site.sig.output.elements

    def output(self, site: Site) -> dict[str, int]:
        """The fields that say how a probability becomes a code."""
        raise NotImplementedError(f"{self.name} declares no output")

    def emit(self, site: Site, target: Target, c: CallWriter) -> None:
        op, length = site.op, site.sig.output.shape[-1]
        assert isinstance(op, SoftmaxRows)
        params = c.struct(
            "tinyc_softmax_params", "params", rows=site.sig.output.elements // length, length=length,
            difference=fixed_point(op.multiplier(site.sig)), least_difference=op.least_difference(site.sig),
            **self.output(site),
        )
        c.void("tinyc_softmax_s8", params, c.input(0), c.output())


@kernel("tinyc/softmax_s8", op=Softmax)
class SoftmaxS8(RowsKernel):
    """The output in steps of 1/256."""

    def output(self, site: Site) -> dict[str, int]:
        return {"multiplier": 0, "shift": 0, "zero_point": 0}


@kernel("tinyc/softmax_scaled_s8", op=SoftmaxScaled)
class SoftmaxScaledS8(RowsKernel):
    """The output on a scale of its own."""

    def output(self, site: Site) -> dict[str, int]:
        op = site.op
        assert isinstance(op, SoftmaxScaled)
        m = op.output_multiplier(site.sig)
        return {"multiplier": m.multiplier, "shift": 62 - m.shift, "zero_point": site.sig.output.zero_point}
