"""Depthwise convolutions of 3x3 taps, 16 channels side by side: for streamed rows, strides of 2 and small maps."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from tinyc.codegen.writer import CallWriter
from tinyc.ir.types import Array
from tinyc.kernels.common.order import trailing_rows
from tinyc.kernels.common.plain import MATH
from tinyc.kernels.common.requantise import clamped, rounds_once
from tinyc.kernels.common.tables import multipliers_of
from tinyc.kernels.common.walk import braces
from tinyc.kernels.helium.packing import ANY_SHIFT, LANES, folded_bias, needs_constants, rounding, usually_halves_up
from tinyc.ops.conv import DepthwiseConv2D
from tinyc.ops.window import WindowOperator
from tinyc.program.kernel import Kernel, Site, kernel
from tinyc.targets import Target

TAPS = 3  # rows and columns
VECTORS = (0, 2, 1, 3)  # the first channels of the four vectors of sums; every fourth one follows


@kernel("tinyc/helium_lanes_s8", op=DepthwiseConv2D)
class HeliumLanesS8(Kernel):
    """Depthwise convolution of 3x3 taps and a multiple of 16 channels, straight from the input."""

    includes = ("tinyc_helium_lanes_s8.h",)
    headers = ("tinyc_helium.h", "tinyc_helium_lanes_s8.h", MATH)
    sources = ("tinyc_helium_lanes_s8.c",)
    weights = frozenset({"channels"})

    def refuses(self, site: Site, target: Target) -> str | None:
        op, x, w, y = site.op, site.sig.input(0).shape, site.sig.input(1).shape, site.sig.output.shape
        assert isinstance(op, WindowOperator)
        if y[0] != 1:
            return "it takes one image at a time"
        if x[3] != y[3] or x[3] % LANES:
            return f"it takes one filter for each channel, and a multiple of {LANES} channels"
        if w[1] != TAPS or w[2] > TAPS or op.dilation != (1, 1) or op.stride not in ((1, 1), (2, 2)):
            return "it takes 3x3 taps or fewer columns, strides of 1 or 2 and no dilation"
        if op.padding[0] > 1 or (y[1] - 1) * op.stride[0] - op.padding[0] + 1 >= x[1]:
            return "it takes windows whose middle row lies within the image"
        first, end = _inside(site)
        if first > 1 or y[2] - end > 1:
            return "it takes windows that reach beyond the image for one output on each side"
        if rounds_once(site):
            return "it rounds twice"
        return needs_constants(site)

    def scratch(self, site: Site, target: Target) -> int:
        return site.sig.output.shape[3]

    def constants(self, site: Site, target: Target) -> Mapping[str, Array]:
        """Words of every 16 channels, as tinyc_helium_lanes_s8.h describes them."""
        taps, m = _taps(site), multipliers_of(site)
        blocks = taps.shape[2] // LANES
        bias = folded_bias(site, taps.astype(np.int64).sum(axis=(0, 1)))
        tables = (bias, np.array(m.multiplier), np.array(m.shift))
        sums, multiplier, shift = (_in_vectors(np.broadcast_to(t, taps.shape[2]).astype("<i4")) for t in tables)
        words = taps.reshape(TAPS * TAPS, blocks, LANES).transpose(1, 0, 2).reshape(blocks, -1).view("<i4")
        scales = np.stack([multiplier, shift], axis=2).reshape(blocks, -1)
        return {"channels": np.concatenate([sums.reshape(blocks, -1), words, scales], axis=1)}

    def trails(self, site: Site, input: int) -> int | None:
        return trailing_rows(site) if input == 0 else None

    def work(self, site: Site, target: Target) -> Mapping[str, float]:
        (_, rows, columns, channels), (first, end) = site.sig.output.shape, _inside(site)
        blocks, runs = channels // LANES, rows * ((first > 0) + (end > first) + (end < columns))
        vectors = rows * columns * blocks
        return {
            "call": 1, "run": runs, "block of a run": runs * blocks,
            "vector": vectors, "dearer vector": 0 if usually_halves_up(site) else vectors,
            "clamped output": clamped(site),
        }

    def emit(self, site: Site, target: Target, c: CallWriter) -> None:
        op, x, y = site.op, site.sig.input(0), site.sig.output
        assert isinstance(op, WindowOperator)
        params = c.struct(
            "tinyc_helium_lanes", "params", input=braces(*x.shape[1:3]), output=braces(*y.shape[1:3]),
            channels=y.shape[3], stride=op.stride[0], padding=braces(*op.padding[:2]), inside=braces(*_inside(site)),
            input_zero_point=x.zero_point, output_zero_point=y.zero_point, clamp=braces(*op.clamp),
            rounding=_rounding(site),
        )
        c.void("tinyc_helium_lanes_s8", params, c.constant("channels"), c.input(0), c.output(), c.scratch())


def _inside(site: Site) -> tuple[int, int]:
    """The outputs of a row whose windows lie within the image's columns: from the first on, to an end."""
    op, columns, outputs = site.op, site.sig.input(0).shape[2], site.sig.output.shape[2]
    assert isinstance(op, WindowOperator)
    (_, stride), (_, left) = op.stride, op.padding[:2]
    first = min(outputs, -(-left // stride))
    return first, max(first, min(outputs, (columns + left - TAPS) // stride + 1))


def _rounding(site: Site) -> int:
    """ANY_SHIFT, which runs without vectors, where neighbouring taps of -128 have products beyond 16 bits, too.

    Such weights, and multipliers of 1 and more, are in no network that makes sense: they decide nothing but this.
    """
    op = site.op
    assert isinstance(op, WindowOperator)
    lowest = (_taps(site).reshape(TAPS * TAPS, -1) == -128).astype(int)
    beyond = (lowest[1:] + lowest[:-1]).max() > 1
    return ANY_SHIFT if beyond else rounding(multipliers_of(site), site.sig.output.zero_point, op.clamp)


def _taps(site: Site) -> Array:
    """int8 [3, 3, channels], zeros where there are fewer columns."""
    w = site.constant(1)[0]
    return np.pad(w, ((0, 0), (0, TAPS - w.shape[1]), (0, 0)))


def _in_vectors(table: Array) -> Array:
    """[channels] to [blocks, 4, 4]: the vectors of sums of every 16 channels."""
    return table.reshape(-1, LANES // 4, 4).transpose(0, 2, 1)[:, VECTORS]
