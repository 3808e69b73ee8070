"""Average and max pooling of any geometry."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from tinyc.codegen.writer import CallWriter, Field
from tinyc.kernels.common.plain import DIVIDE, MATH, PlainKernel
from tinyc.kernels.common.walk import braces
from tinyc.ops.pool import AveragePool2D, AveragePoolEven2D, MaxPool2D, Pool2D
from tinyc.program.kernel import Site, kernel
from tinyc.targets import Target


class PlainPool(PlainKernel):
    """One image at a time; the batch is the compiler's loop."""

    function: ClassVar[str]
    includes = ("tinyc_pool_s8.h",)
    headers: ClassVar[tuple[str, ...]] = ("tinyc_pool_s8.h", MATH)

    def refuses(self, site: Site, target: Target) -> str | None:
        return None if site.sig.output.shape[0] == 1 else "it takes one image at a time"

    def work(self, site: Site, target: Target) -> Mapping[str, float]:
        op, outputs = site.op, site.sig.output.elements
        assert isinstance(op, Pool2D)
        rows, columns = op.extent
        taps = {"row of taps": outputs * rows, "tap": outputs * rows * columns}
        return {"call": 1, "pixel": outputs // site.sig.output.shape[3], "output": outputs, **taps}

    def emit(self, site: Site, target: Target, c: CallWriter) -> None:
        params = c.struct("tinyc_pool_params", "params", **geometry(site))
        c.void(self.function, params, c.input(0), c.output())


def geometry(site: Site) -> dict[str, Field]:
    """The fields of a tinyc_pool_params."""
    op, x, y = site.op, site.sig.input(0).shape, site.sig.output.shape
    assert isinstance(op, Pool2D)
    return {
        "input": braces(*x[1:3]), "output": braces(*y[1:3]), "channels": x[3], "extent": braces(*op.extent),
        "stride": braces(*op.stride), "padding": braces(*op.padding[:2]), "clamp": braces(*op.clamp),
    }  # fmt: skip


@kernel("tinyc/average_pool_s8", op=AveragePool2D)
class AveragePoolS8(PlainPool):
    """Mean of each window's part inside the image."""

    function = "tinyc_average_pool_s8"
    sources = ("tinyc_average_pool_s8.c",)


@kernel("tinyc/max_pool_s8", op=MaxPool2D)
class MaxPoolS8(PlainPool):
    """Largest code of each window."""

    function = "tinyc_max_pool_s8"
    sources = ("tinyc_max_pool_s8.c",)


@kernel("tinyc/average_pool_even_s8", op=AveragePoolEven2D)
class AveragePoolEvenS8(PlainPool):
    """Mean of each window on the output's scale, halves to even; in 32 bits where the scale stays.

    The cost is that of another scale, so that what is chosen does not depend on what a calibration found.
    """

    headers = (*PlainPool.headers, DIVIDE)
    sources = ("tinyc_average_pool_even_s8.c",)

    def emit(self, site: Site, target: Target, c: CallWriter) -> None:
        op, sig = site.op, site.sig
        assert isinstance(op, AveragePoolEven2D)
        ratio = op.ratio(sig)
        params = c.struct(
            "tinyc_even_pool_params", "params",
            multiplier=0 if _keeps_scale(site) else ratio.multiplier, shift=31 - ratio.shift,
            input_zero_point=sig.input(0).zero_point, output_zero_point=sig.output.zero_point, odd=op.odd(sig),
            count=op.extent[0] * op.extent[1] if op.count_padding else 0,
        )  # fmt: skip
        window = c.struct("tinyc_pool_params", "window", **geometry(site))
        c.void("tinyc_average_pool_even_s8", window, params, c.input(0), c.output())


def _keeps_scale(site: Site) -> bool:
    return site.sig.input(0).scale == site.sig.output.scale
