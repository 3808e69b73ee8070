"""Softmax in gemmlowp's fixed point: exponentials computed, or looked up where rows are long."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np

from tinyc.codegen.writer import CallWriter
from tinyc.ir.types import Array
from tinyc.kernels.common.plain import MATH, PlainKernel, fixed_point
from tinyc.kernels.common.requantise import DSP
from tinyc.ops.softmax import Softmax, SoftmaxRows, SoftmaxScaled
from tinyc.program.kernel import Site, kernel
from tinyc.targets import Target

LONG_ROW = 16  # elements, from which on 1,024 bytes of flash save instructions in earnest


class RowsKernel(PlainKernel):
    """Rows of any length that the operator takes, one after the other."""

    table: ClassVar[bool] = False  # of exponentials, one for each difference of two codes
    includes = ("tinyc_softmax_s8.h",)
    headers = ("tinyc_softmax_s8.h", "tinyc_exponential.h", DSP, MATH)

    def refuses(self, site: Site, target: Target) -> str | None:
        short = self.table and site.sig.output.shape[-1] < LONG_ROW
        return f"its table is for rows of {LONG_ROW} elements or more" if short else None

    def trails(self, site: Site, input: int) -> int | None:
        """0: a row's last pass, the only one that writes, needs only the elements that it replaces."""
        return 0

    def constants(self, site: Site, target: Target) -> Mapping[str, Array]:
        op = site.op
        assert isinstance(op, SoftmaxRows)
        differences = -np.arange(256)
        return {"exponentials": op.exponentials(site.sig, differences).astype(np.int32)} if self.table else {}

    def work(self, site: Site, target: Target) -> Mapping[str, float]:
        y = site.sig.output
        return {"call": 1, "row": y.elements // y.shape[-1], "element": y.elements}

    def params(self, site: Site, c: CallWriter) -> str:
        """Declares the tinyc_softmax_params; its address."""
        op, length = site.op, site.sig.output.shape[-1]
        assert isinstance(op, SoftmaxRows)
        return c.struct(
            "tinyc_softmax_params", "params", rows=site.sig.output.elements // length, length=length,
            difference=fixed_point(op.multiplier(site.sig)), least_difference=op.least_difference(site.sig),
            exponentials=c.constant("exponentials") if self.table else "NULL",
        )

    def emit(self, site: Site, target: Target, c: CallWriter) -> None:
        c.void("tinyc_softmax_s8", self.params(site, c), c.input(0), c.output())


@kernel("tinyc/softmax_s8", op=Softmax)
class SoftmaxS8(RowsKernel):
    """The output in steps of 1/256."""

    sources = ("tinyc_softmax_s8.c",)


@kernel("tinyc/softmax_table_s8", op=Softmax)
class SoftmaxTableS8(SoftmaxS8):
    """The same with exponentials from a table."""

    table = True


@kernel("tinyc/softmax_scaled_s8", op=SoftmaxScaled)
class SoftmaxScaledS8(RowsKernel):
    """The output on a scale of its own."""

    sources = ("tinyc_softmax_scaled_s8.c",)

    def emit(self, site: Site, target: Target, c: CallWriter) -> None:
        op = site.op
        assert isinstance(op, SoftmaxScaled)
        m = op.output_multiplier(site.sig)
        to = c.struct(
            "tinyc_softmax_output", "to", multiplier=m.multiplier, shift=30 - m.shift,
            zero_point=site.sig.output.zero_point,
        )
        c.void("tinyc_softmax_scaled_s8", self.params(site, c), to, c.input(0), c.output())


@kernel("tinyc/softmax_scaled_table_s8", op=SoftmaxScaled)
class SoftmaxScaledTableS8(SoftmaxScaledS8):
    """The same with exponentials from a table."""

    table = True
