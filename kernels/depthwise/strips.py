"""Depthwise convolutions through strips: channel by channel, from gathered rows.

Two channels at a time are gathered, centred and widened into a strip of pairs (two image rows in one word), so that
one instruction multiplies two taps. A channel's rows are gathered before any of them is written over, which makes
the update in place exact.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from tinyc.codegen.writer import CallWriter
from tinyc.ir.types import Array
from tinyc.kernels.common.plain import MATH
from tinyc.kernels.common.requantise import DSP, Requantisers, bias_data, clamped, filter_requantisers, pairs, shifted
from tinyc.kernels.common.walk import braces
from tinyc.ops.conv import DepthwiseConv2D
from tinyc.ops.window import WindowOperator
from tinyc.program.kernel import Kernel, Site, kernel, once_per_site
from tinyc.targets import Target

STRIP_BYTES = 2048  # of scratch, if that many pairs are of use; a strip never holds fewer than one window needs


@dataclass(frozen=True)
class Geometry:
    """A depthwise convolution of one image, without the taps that only ever meet padding; (rows, columns) pairs.

    `first` is the first tap of the original kernel that is left, `kernel` how many are.
    """

    input: tuple[int, int]
    output: tuple[int, int]
    channels: int
    stride: int
    first: tuple[int, int]
    kernel: tuple[int, int]
    padding: tuple[int, int]  # above, left

    @staticmethod
    @once_per_site
    def of(site: Site) -> Geometry:
        op, x, w, y = site.op, site.sig.input(0).shape, site.sig.input(1).shape, site.sig.output.shape
        assert isinstance(op, WindowOperator)
        axes = [_used_taps(x[a], y[a], w[a], op.stride[a - 1], op.padding[a - 1]) for a in (1, 2)]
        (top, bottom), (left, right) = axes
        first, kernel = (top, left), (bottom - top, right - left)
        padding = (op.padding[0] - top, op.padding[1] - left)
        return Geometry((x[1], x[2]), (y[1], y[2]), x[3], op.stride[0], first, kernel, padding)

    @property
    def is_small(self) -> bool:
        """Served by the C for kernels of up to 3x3; smaller ones have zeros below and to the right."""
        return max(self.kernel) <= 3

    @property
    def window(self) -> tuple[int, int]:
        """What one step reads: pairs of rows, and columns of one output. A step is two rows for stride 1, else one."""
        rows, columns = self.kernel
        if self.is_small:
            return 2, 3
        two_rows = self.stride == 1 and self.output[0] > 1
        return (rows // 2 + 1 if two_rows else (rows + 1) // 2), columns + 1 - columns % 2

    @property
    def strip_pairs(self) -> int:
        """Pairs of rows that the scratch holds."""
        steps = -(-self.output[0] // (3 - self.stride))
        fitting = STRIP_BYTES // (8 * self.width)
        return min(steps + self.window[0] - 1, max(fitting, self.window[0]))

    @property
    def strips(self) -> int:
        """How many strips a channel takes."""
        steps = -(-self.output[0] // (3 - self.stride))
        return -(-steps // (self.strip_pairs - self.window[0] + 1))

    @property
    def scratch(self) -> int:
        """Bytes: the strips of two channels, and for larger kernels the taps of one channel as pairs."""
        pairs, columns = self.window
        return 8 * self.width * self.strip_pairs + (0 if self.is_small else 8 * pairs * (columns + 1))

    @property
    def width(self) -> int:
        """Columns of the strip: the padded image, and what the last two outputs of a row read."""
        last = (self.output[1] + self.output[1] % 2 - 1) * self.stride + self.window[1]
        return -(-max(self.padding[1] + self.input[1], last) // 2) * 2


def _used_taps(size: int, outputs: int, taps: int, stride: int, before: int) -> tuple[int, int]:
    """The range of taps along one axis that meet the image for some output."""
    # The first output whose tap lies behind the padding before the image must be there, and meet the image.
    first = [-(min(0, t - before) // stride) for t in range(taps)]
    met = [t for t, y in enumerate(first) if y < outputs and y * stride - before + t < size]
    return (met[0], met[-1] + 1) if met else (0, 0)


@kernel("tinyc/depthwise_s8", op=DepthwiseConv2D)
class DepthwiseS8(Kernel):
    """Depthwise convolution of stride 1 or 2, in place where the output is no larger than the input."""

    includes = ("tinyc_depthwise_s8.h",)
    headers = ("tinyc_depthwise_s8.h", "tinyc_depthwise_strips.h", DSP, MATH)
    sources = ("tinyc_depthwise_3x3_s8.c", "tinyc_depthwise_kxk_s8.c", "tinyc_depthwise_strips.c")
    weights = frozenset({"channels"})

    def refuses(self, site: Site, target: Target) -> str | None:
        op, sig = site.op, site.sig
        assert isinstance(op, WindowOperator)
        if sig.output.shape[0] != 1:
            return "it takes one image at a time"
        if sig.input(0).shape[3] != sig.output.shape[3] or sig.output.shape[3] < 2:
            return "it takes one filter for each of two or more channels"
        if op.dilation != (1, 1) or op.stride not in ((1, 1), (2, 2)):
            return "it takes strides of 1 or 2 and no dilation"
        if site.data[1] is None or (site.has(2) and site.data[2] is None):
            return "weights and bias must be constant"
        return None if min(Geometry.of(site).kernel) > 0 else "no tap meets the image"

    def scratch(self, site: Site, target: Target) -> int:
        return Geometry.of(site).scratch

    def constants(self, site: Site, target: Target) -> Mapping[str, Array]:
        """One row of words per channel, as tinyc_depthwise_s8.h describes them."""
        taps, bias, r = used_weights(site), bias_data(site), _requantisers(site)
        rows, columns, channels = taps.shape
        geometry = Geometry.of(site)
        requantiser = (r.multiplier, r.rounding, r.shift)
        if geometry.is_small:
            w = np.zeros((3, 3, channels), np.int64)
            w[:rows, :columns] = taps * r.factor
            words = (bias * r.factor, *pairs(w[0], w[1]), *pairs(w[1], w[2]), *requantiser)
        else:
            w = np.zeros((2 * geometry.window[0], geometry.window[1] + 1, channels), np.int64)
            w[:rows, :columns] = taps
            words = (bias, *requantiser, *quads(w))
        return {"channels": np.stack(words, axis=1).astype(np.int32)}

    def trails(self, site: Site, input: int) -> int | None:
        """0 where the rows gathered so far always lie ahead of those written: for any output that is no larger."""
        g = Geometry.of(site)
        ahead = g.padding[0] < g.kernel[0] and all(o <= i for o, i in zip(g.output, g.input, strict=True))
        return 0 if input == 0 and ahead else None

    def work(self, site: Site, target: Target) -> Mapping[str, float]:
        g = Geometry.of(site)
        steps = -(-g.output[0] // (3 - g.stride))
        gathered = {"gathered row": g.channels * 2 * (steps + g.window[0] - 1)}
        gathered["gathered pixel"] = gathered["gathered row"] * g.input[1]
        ends = {"shifted output": shifted(site), "clamped output": clamped(site)}
        return {"call": 1, **gathered, **(_small(g) if g.is_small else _large(g)), **ends}

    def emit(self, site: Site, target: Target, c: CallWriter) -> None:
        op, g, x, y = site.op, Geometry.of(site), site.sig.input(0), site.sig.output
        assert isinstance(op, WindowOperator)
        params = c.struct(
            "tinyc_depthwise", "params", input=braces(*g.input), output=braces(*g.output), channels=g.channels,
            stride=g.stride, padding=braces(*g.padding), window=braces(*g.window), width=g.width, pairs=g.strip_pairs,
            input_zero_point=x.zero_point, output_zero_point=y.zero_point, clamp=braces(*op.clamp),
        )
        once = _requantisers(site).mostly < 0
        small = "tinyc_depthwise_3x3_once_s8" if once else "tinyc_depthwise_3x3_s8"
        function = small if g.is_small else "tinyc_depthwise_kxk_s8"
        c.void(function, params, c.constant("channels"), c.input(0), c.output(), c.scratch())


@once_per_site
def _requantisers(site: Site) -> Requantisers:
    return filter_requantisers(site, used_weights(site))


def _small(g: Geometry) -> Mapping[str, float]:
    """Up to 3x3 taps: two columns at a time, of two rows where the stride is 1; an odd column, a strip."""
    (rows, columns), kind = g.output, f" of 3x3, stride {g.stride}"
    both, alone = (g.channels * n for n in (divmod(rows, 2) if g.stride == 1 else (0, rows)))
    doubled = {"two rows": both, "columns of two rows": both * (columns // 2)}
    return {
        **(doubled if g.stride == 1 else {}),
        f"strip{kind}": g.channels * g.strips, f"row{kind}": alone, f"columns{kind}": alone * (columns // 2),
        f"odd column{kind}": g.channels * (columns % 2), f"odd output{kind}": g.channels * rows * (columns % 2),
    }


def _large(g: Geometry) -> Mapping[str, float]:
    """Likewise beyond: tiles of two columns, with the row below where the stride is 1; each strip unpacks the taps."""
    pairs, columns = g.window
    two_rows = g.stride == 1 and g.output[0] > 1
    kind = " beyond 3x3, two rows" if two_rows else " beyond 3x3"
    tiles = g.channels * -(-g.output[0] // (1 + two_rows)) * -(-g.output[1] // 2)
    strips = g.channels * g.strips
    return {
        f"strip{kind}": strips, f"unpacked tap{kind}": strips * pairs * (columns + 1), f"tile{kind}": tiles,
        f"pair{kind}": tiles * pairs, f"tap{kind}": tiles * pairs * columns,
    }


def used_weights(site: Site) -> Array:
    """The taps that meet the image, [rows, columns, channels], int64."""
    g = Geometry.of(site)
    (y, x), (rows, columns) = g.first, g.kernel
    return site.constant(1)[0, y : y + rows, x : x + columns].astype(np.int64)


def quads(w: Array) -> Array:
    """[rows, columns, channels] of int8, both even, as [words, channels]: 2x2 taps each, column by column in bytes."""
    rows, columns, channels = w.shape
    tiles = (w & 0xFF).reshape(rows // 2, 2, columns // 2, 2, channels)
    words = sum(tiles[:, i, :, j] << (16 * i + 8 * j) for i in (0, 1) for j in (0, 1))
    return np.asarray(words).reshape(-1, channels)
