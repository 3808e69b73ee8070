"""Depthwise convolutions straight from the input, row after row: for streamed rows, strides of 2 and small maps."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from tinyc.codegen.writer import CallWriter
from tinyc.ir.types import Array
from tinyc.kernels.common.order import trailing_rows
from tinyc.kernels.common.plain import MATH
from tinyc.kernels.common.requantise import DSP, Requantisers, bias_data, clamped, filter_requantisers, pairs, shifted
from tinyc.kernels.common.walk import braces
from tinyc.ops.conv import DepthwiseConv2D
from tinyc.ops.window import WindowOperator
from tinyc.program.kernel import Kernel, Site, kernel, once_per_site
from tinyc.targets import Target

MOST_CHANNELS = 2**15 - 1  # their number is a lane


@kernel("tinyc/depthwise_rows_s8", op=DepthwiseConv2D)
class DepthwiseRowsS8(Kernel):
    """Depthwise convolution of up to 3x3 taps, without scratch; the output trails the input by about two rows."""

    includes = ("tinyc_depthwise_rows_s8.h",)
    headers = ("tinyc_depthwise_rows_s8.h", DSP, MATH)
    sources = ("tinyc_depthwise_rows_s8.c",)
    weights = frozenset({"channels"})

    def refuses(self, site: Site, target: Target) -> str | None:
        op, x, w, y = site.op, site.sig.input(0).shape, site.sig.input(1).shape, site.sig.output.shape
        assert isinstance(op, WindowOperator)
        if y[0] != 1:
            return "it takes one image at a time"
        if x[3] != y[3] or x[3] > MOST_CHANNELS:
            return "it takes one filter for each channel"
        if max(w[1:3]) > 3 or op.dilation != (1, 1) or op.stride[1] > 2:
            return "it takes up to 3x3 taps, strides of 1 or 2 and no dilation"
        if site.data[1] is None or (site.has(2) and site.data[2] is None):
            return "weights and bias must be constant"
        taps = w[1]
        if min(_rows_met(site)) < (2 if taps == 3 else taps) or not _columns_meet(site):
            return "it takes borders of one pixel"
        return None

    def constants(self, site: Site, target: Target) -> Mapping[str, Array]:
        """One row of words per channel, as tinyc_depthwise_rows_s8.h describes them."""
        r, taps = _requantisers(site), site.constant(1)[0].astype(np.int64)
        rows, columns, channels = taps.shape
        w = np.zeros((3, 3, channels), np.int64)
        first = _left(site) - _padding(site)[1]
        w[:rows, first : first + columns] = taps * r.factor
        folded = bias_data(site) * r.factor - site.sig.input(0).zero_point * w.sum(axis=(0, 1))
        last = (pairs(w[2, 0], w[2, 1]), pairs(w[2, 2], np.full(channels, channels)))
        words = (folded, r.multiplier, r.rounding, r.shift, *pairs(w[0], w[1]), *last)
        return {"channels": np.stack(words, axis=1).astype(np.int32)}

    def trails(self, site: Site, input: int) -> int | None:
        """A row of the output is written channel by channel, from rows that are all still there."""
        return trailing_rows(site) if input == 0 else None

    def work(self, site: Site, target: Target) -> Mapping[str, float]:
        op, (_, rows, columns, channels) = site.op, site.sig.output.shape
        assert isinstance(op, WindowOperator)
        whole, stride = sum(met == 3 for met in _rows_met(site)), f" of stride {op.stride[1]}"
        border = rows - whole
        return {
            "call": 1, "row": rows,
            f"channel{stride}": whole * channels, f"output{stride}": whole * channels * columns,
            f"channel at a border{stride}": border * channels,
            f"output at a border{stride}": border * channels * columns,
            "shifted output": shifted(site), "clamped output": clamped(site),
        }

    def emit(self, site: Site, target: Target, c: CallWriter) -> None:
        op, x, w, y = site.op, site.sig.input(0), site.sig.input(1), site.sig.output
        assert isinstance(op, WindowOperator)
        kind = _requantisers(site).kind
        params = c.struct(
            "tinyc_depthwise_rows", "params", input=braces(*x.shape[1:3]), output=braces(*y.shape[1:3]),
            channels=y.shape[3], rows=w.shape[1], stride=braces(*op.stride), padding=braces(op.padding[0], _left(site)),
            input_zero_point=x.zero_point, output_zero_point=y.zero_point, clamp=braces(*op.clamp),
            alike=int(kind != 0),
        )
        function = "tinyc_depthwise_rows_once_s8" if kind < 0 else "tinyc_depthwise_rows_s8"
        c.void(function, params, c.constant("channels"), c.input(0), c.output())


@once_per_site
def _requantisers(site: Site) -> Requantisers:
    return filter_requantisers(site, site.constant(1)[0].astype(np.int64))


@once_per_site
def _rows_met(site: Site) -> list[int]:
    """For every row of outputs, how many rows of taps meet the image."""
    op, size, taps = site.op, site.sig.input(0).shape[1], site.sig.input(1).shape[1]
    assert isinstance(op, WindowOperator)
    starts = [row * op.stride[0] - op.padding[0] for row in range(site.sig.output.shape[1])]
    return [min(taps, size - start) - max(0, -start) for start in starts]


def _padding(site: Site) -> tuple[int, int]:
    """Rows above, columns left."""
    op = site.op
    assert isinstance(op, WindowOperator)
    return op.padding[:2]


def _left(site: Site) -> int:
    """Columns left of the image that the window reads: one more where taps of zero fill it up on that side."""
    left = _padding(site)[1]
    return 1 if left == 0 and site.sig.input(1).shape[2] < 3 else left


def _columns_meet(site: Site) -> bool:
    """Whether one column at most is read left of the image, and one right of it."""
    op = site.op
    assert isinstance(op, WindowOperator)
    read = (site.sig.output.shape[2] - 1) * op.stride[1] + 3 - _left(site)
    return _left(site) <= 1 and read <= site.sig.input(0).shape[2] + 1
