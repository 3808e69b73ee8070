"""Convolutions in pieces: int32 sums over parts of the window, and the codes of the sums."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from tinyc.codegen.writer import CallWriter
from tinyc.ir.types import Array
from tinyc.kernels.common.plain import MATH, PlainKernel
from tinyc.kernels.common.requantise import DSP
from tinyc.kernels.common.tables import multiplier_tables
from tinyc.kernels.common.walk import braces
from tinyc.kernels.pointwise.packing import GROUP
from tinyc.ops.conv_sums import Conv2DSums, RequantizeSums
from tinyc.program.kernel import Site, kernel
from tinyc.targets import Target

SUMS, BIAS = 2, 1  # input indices of the one and the other operator


@kernel("tinyc/conv_sums_s8", op=Conv2DSums)
class ConvSumsS8(PlainKernel):
    """Two channels at a time, from one pixel's window, whose codes are widened once for all channels."""

    includes = ("tinyc_conv_sums_s8.h",)
    headers = ("tinyc_conv_sums_s8.h", "../pointwise/tinyc_widen.h", "../pointwise/tinyc_columns_s8.h", DSP, MATH)
    sources = ("tinyc_conv_sums_s8.c",)
    weights = frozenset({"weights"})

    def refuses(self, site: Site, target: Target) -> str | None:
        op = site.op
        assert isinstance(op, Conv2DSums)
        if site.sig.output.shape[0] != 1:
            return "it takes one image at a time"
        if op.dilation != (1, 1):
            return "it takes no dilation"
        return None if site.data[1] is not None else "weights must be constants"

    def groups(self, site: Site) -> int:
        """Fours of codes in one row of the window, which is filled up to whole ones."""
        _, _, columns, channels = site.sig.input(1).shape
        return -(-columns * channels // GROUP)

    def scratch(self, site: Site, target: Target) -> int:
        return 2 * GROUP * site.sig.input(1).shape[1] * self.groups(site)

    def constants(self, site: Site, target: Target) -> Mapping[str, Array]:
        outputs, rows, columns, channels = site.sig.input(1).shape
        by_row = site.constant(1).reshape(outputs, rows, columns * channels)
        return {"weights": np.pad(by_row, ((0, 0), (0, 0), (0, -columns * channels % GROUP)))}

    def work(self, site: Site, target: Target) -> Mapping[str, float]:
        _, rows, columns, channels = site.sig.output.shape
        pixels, taps = rows * columns, site.sig.input(1).shape[1]
        groups, pairs = taps * self.groups(site), -(-channels // 2)
        return {
            "call": 1, "pixel": pixels, "row of taps": pixels * taps, "gathered group": pixels * groups,
            "two outputs": pixels * pairs, "two products of a group": pixels * pairs * groups,
        }

    def emit(self, site: Site, target: Target, c: CallWriter) -> None:
        op, x, w, y = site.op, site.sig.input(0).shape, site.sig.input(1).shape, site.sig.output.shape
        assert isinstance(op, Conv2DSums)
        row, (top, left, _, _) = x[2] * x[3], op.padding
        params = c.struct(
            "tinyc_conv_sums", "params", output=braces(*y[1:]), first=-top * row - left * x[3],
            step=braces(op.stride[0] * row, op.stride[1] * x[3]), rows=w[1], run=w[2] * x[3], input_row=row,
        )
        earlier = c.input(SUMS) if site.has(SUMS) else "NULL"
        c.void("tinyc_conv_sums_s8", params, c.input(0), c.constant("weights"), earlier, c.scratch(), c.output())


@kernel("tinyc/requantise_sums_s8", op=RequantizeSums)
class RequantiseSumsS8(PlainKernel):
    """One sum after the other."""

    includes = ("tinyc_conv_sums_s8.h",)
    headers = ("tinyc_conv_sums_s8.h", MATH)
    sources = ("tinyc_requantise_sums_s8.c",)

    def refuses(self, site: Site, target: Target) -> str | None:
        return "the bias must be constant" if site.has(BIAS) and site.data[BIAS] is None else None

    def constants(self, site: Site, target: Target) -> Mapping[str, Array]:
        op, channels = site.op, site.sig.output.shape[3]
        assert isinstance(op, RequantizeSums)
        bias = site.constant(BIAS).reshape(-1) if site.has(BIAS) else np.zeros(channels, np.int32)
        return multiplier_tables(op.multipliers(site.sig)) | {"bias": bias}

    def work(self, site: Site, target: Target) -> Mapping[str, float]:
        y = site.sig.output
        return {"call": 1, "pixel": y.elements // y.shape[3], "output": y.elements}

    def emit(self, site: Site, target: Target, c: CallWriter) -> None:
        op, y = site.op, site.sig.output
        assert isinstance(op, RequantizeSums)
        params = c.struct(
            "tinyc_requantise_sums", "params", pixels=y.elements // y.shape[3], channels=y.shape[3],
            zero_point=y.zero_point, clamp=braces(*op.clamp),
        )
        tables = (c.constant("bias"), c.constant("multiplier"), c.constant("shift"))
        c.void("tinyc_requantise_sums_s8", params, c.input(0), *tables, c.output())
