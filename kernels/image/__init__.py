"""Convolutions of images of few channels, where a network begins: every tap of one output lies in one run of words."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from tinyc.codegen.writer import CallWriter
from tinyc.ir.types import Array
from tinyc.kernels.common.plain import MATH, PlainKernel
from tinyc.kernels.common.requantise import DSP, Requantisers, bias_data, clamped, filter_requantisers, pairs, shifted
from tinyc.kernels.common.walk import braces
from tinyc.ops.conv import Conv2D, DepthwiseConv2D
from tinyc.ops.window import WindowOperator
from tinyc.program.kernel import Site, kernel
from tinyc.targets import Target

MOST_CHANNELS = 4


class ImageConvolution(PlainKernel):
    """One image at a time; the batch is the compiler's loop. Any stride, padding and number of outputs."""

    includes = ("tinyc_image_conv_s8.h",)
    headers = ("tinyc_image_conv_s8.h", DSP, MATH)
    sources = ("tinyc_image_conv_s8.c",)
    weights = frozenset({"channels"})

    def refuses(self, site: Site, target: Target) -> str | None:
        op, channels = site.op, site.sig.input(0).shape[3]
        assert isinstance(op, WindowOperator)
        if site.sig.output.shape[0] != 1:
            return "it takes one image at a time"
        if channels > MOST_CHANNELS or not self.is_dense(site):
            return f"it takes up to {MOST_CHANNELS} channels, all of which every output reads"
        if op.dilation != (1, 1):
            return "it takes no dilation"
        if site.data[1] is None or (site.has(2) and site.data[2] is None):
            return "weights and bias must be constant"
        return None

    def is_dense(self, site: Site) -> bool:
        """Whether every output channel reads every input channel."""
        return site.sig.input(1).shape[3] == site.sig.input(0).shape[3]

    def filters(self, site: Site) -> Array:
        """[outputs, rows, columns, channels], int64."""
        return site.constant(1).astype(np.int64)

    def scratch(self, site: Site, target: Target) -> int:
        return 4 * _width(site) * _column_words(site)

    def constants(self, site: Site, target: Target) -> Mapping[str, Array]:
        """Per four output channels one row of words, as tinyc_image_conv_s8.h describes it."""
        w, r, zero = self.filters(site), self.requantisers(site), site.sig.input(0).zero_point
        folded = (bias_data(site) - zero * w.reshape(len(w), -1).sum(axis=1)) * r.factor
        taps = _taps(w * r.factor[:, None, None, None], _column_words(site))
        rows = [_fours(folded), _fours(taps), _fours(r.table, whole=True), _trailers(site)]
        return {"channels": np.concatenate(rows, axis=1).astype(np.int32)}

    def requantisers(self, site: Site) -> Requantisers:
        return filter_requantisers(site, np.moveaxis(self.filters(site), 0, -1))

    def work(self, site: Site, target: Target) -> Mapping[str, float]:
        column, (_, rows, columns, channels) = _column_words(site), site.sig.output.shape
        pixels, gathered = rows * columns, rows * column * site.sig.input(0).shape[2]
        fours, plain = pixels * -(-channels // 4), " in C" if channels % 4 else ""
        word = "word of five" if column == 5 and not plain else f"word{plain}"
        return {
            "call": 1, "row": rows, "gathered word": gathered, "pixel": pixels, f"four outputs{plain}": fours,
            word: fours * column * site.sig.input(1).shape[2], "shifted output": shifted(site),
            "clamped output": clamped(site),
        }

    def emit(self, site: Site, target: Target, c: CallWriter) -> None:
        op, x, w, y = site.op, site.sig.input(0), site.sig.input(1), site.sig.output
        assert isinstance(op, WindowOperator)
        kind = self.requantisers(site).kind
        params = c.struct(
            "tinyc_image_conv", "params", input=braces(*x.shape[1:]), kernel=braces(*w.shape[1:3]),
            output=braces(*y.shape[1:]), stride=braces(*op.stride), padding=braces(*op.padding[:2]),
            words=_column_words(site), width=_width(site), alike=int(kind != 0),
            input_zero_point=x.zero_point, output_zero_point=y.zero_point, clamp=braces(*op.clamp),
        )
        function = "tinyc_image_conv_once_s8" if kind < 0 else "tinyc_image_conv_s8"
        c.void(function, params, c.constant("channels"), c.input(0), c.output(), c.scratch())


@kernel("tinyc/image_conv_s8", op=Conv2D)
class ImageConvS8(ImageConvolution):
    """The first convolution of a network."""


@kernel("tinyc/image_depthwise_conv_s8", op=DepthwiseConv2D)
class ImageDepthwiseConvS8(ImageConvolution):
    """The same of an image of one channel, written as a depthwise convolution with a multiplier."""

    def is_dense(self, site: Site) -> bool:
        return site.sig.input(0).shape[3] == 1

    def filters(self, site: Site) -> Array:
        return site.constant(1).transpose(3, 1, 2, 0).astype(np.int64)


def _column_words(site: Site) -> int:
    """Words of two elements: five, or an even number."""
    words = -(-site.sig.input(1).shape[1] * site.sig.input(0).shape[3] // 2)
    return words if words == 5 else words + words % 2


def _width(site: Site) -> int:
    """Columns that the outputs of a row read, and all of the image."""
    op, x, w, y = site.op, site.sig.input(0).shape, site.sig.input(1).shape, site.sig.output.shape
    assert isinstance(op, WindowOperator)
    return max((y[2] - 1) * op.stride[1] + w[2], op.padding[1] + x[2])


def _taps(w: Array, column_words: int) -> Array:
    """[outputs, rows, columns, channels] to [outputs, words of the window]: columns outermost, padded with zeros."""
    outputs, rows, columns, channels = w.shape
    lanes = np.zeros((outputs, columns, 2 * column_words), np.int64)
    lanes[:, :, : rows * channels] = w.transpose(0, 2, 1, 3).reshape(outputs, columns, -1)
    return pairs(lanes[:, :, ::2], lanes[:, :, 1::2]).reshape(outputs, -1)


def _trailers(site: Site) -> Array:
    """Bytes of the window, and the rounds of its words for the next four outputs, 0 for the last."""
    column_words, columns = _column_words(site), site.sig.input(1).shape[2]
    groups = -(-site.sig.output.shape[3] // 4)
    trailers = np.zeros((groups, 2), np.int64)
    trailers[:, 0] = 4 * column_words * columns
    trailers[:-1, 1] = columns if column_words == 5 else columns * column_words // 2
    return trailers


def _fours(x: Array, *, whole: bool = False) -> Array:
    """One row for every four outputs, zeros for missing ones: element by element, or each output's as a whole."""
    outputs = -(-len(x) // 4) * 4
    padded = np.zeros((outputs, *x.shape[1:]), np.int64)
    padded[: len(x)] = x
    groups = padded.reshape(outputs // 4, 4, -1)
    return (groups if whole else groups.transpose(0, 2, 1)).reshape(outputs // 4, -1)
