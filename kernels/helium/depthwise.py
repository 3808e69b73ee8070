"""Depthwise convolutions of up to 3x3 taps: a dot product for each output."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from tinyc.codegen.writer import CallWriter
from tinyc.ir.types import Array
from tinyc.kernels.common.plain import MATH
from tinyc.kernels.common.walk import braces
from tinyc.kernels.helium.packing import HALVES_UP, folded_bias, needs_constants, rounding, slowdown
from tinyc.ops.conv import DepthwiseConv2D, channel_multipliers
from tinyc.ops.window import WindowOperator
from tinyc.program.kernel import Kernel, Site, kernel
from tinyc.targets import Target

LANES = 16  # channels gathered at a time
ROWS = 4  # of codes in a word
STRIP_BYTES = 2048  # of scratch, if that many strips are of use


@dataclass(frozen=True)
class Geometry:
    """A depthwise convolution of one image; (rows, columns) pairs."""

    input: tuple[int, int]
    output: tuple[int, int]
    channels: int
    stride: int
    padding: tuple[int, int]  # above, left

    @classmethod
    def of(cls, site: Site) -> Geometry:
        op, x, y = site.op, site.sig.input(0).shape, site.sig.output.shape
        assert isinstance(op, WindowOperator)
        return cls((x[1], x[2]), (y[1], y[2]), x[3], op.stride[0], op.padding[:2])

    @property
    def pitch(self) -> int:
        """Words from column to column of a strip."""
        return 8 if self.channels == 8 else LANES

    @property
    def tile(self) -> int:
        """Columns of outputs that are computed at a time."""
        return 2 if self.stride == 1 else 4

    @property
    def columns(self) -> int:
        """Of a strip: the padded image, and what the last tile of a row reads."""
        outputs = -(-self.output[1] // self.tile) * self.tile
        return max(self.padding[1] + self.input[1], outputs * self.stride + 2)

    @property
    def all_steps(self) -> int:
        """Steps of the whole image: two rows of outputs for stride 1, one for stride 2."""
        return -(-self.output[0] // (3 - self.stride))

    @property
    def steps(self) -> int:
        """Steps that the scratch holds strips for; two at least, so that rows saved were read before."""
        return min(self.all_steps, max(2, STRIP_BYTES // (ROWS * self.pitch * self.columns)))

    @property
    def scratch(self) -> int:
        """Bytes, as tinyc_helium_depthwise_s8.h adds them up."""
        saved = self.padding[0] * self.input[1] * self.pitch
        return 16 + saved + self.steps * self.columns * ROWS * self.pitch + ROWS * LANES


@kernel("tinyc/helium_depthwise_s8", op=DepthwiseConv2D)
class HeliumDepthwiseS8(Kernel):
    """Depthwise convolution of stride 1 or 2, in place where the output is no larger than the input."""

    includes = ("tinyc_helium_depthwise_s8.h",)
    headers = ("tinyc_helium.h", "tinyc_helium_depthwise_s8.h", MATH)
    sources = ("tinyc_helium_depthwise_s8.c",)
    weights = frozenset({"channels"})

    def refuses(self, site: Site, target: Target) -> str | None:
        op, sig = site.op, site.sig
        assert isinstance(op, WindowOperator)
        if sig.output.shape[0] != 1:
            return "it takes one image at a time"
        if sig.input(0).shape[3] != sig.output.shape[3]:
            return "it takes one filter for each channel"
        if max(sig.input(1).shape[1:3]) > 3 or max(op.padding[:2]) > 2:
            return "it takes up to 3x3 taps"
        if op.dilation != (1, 1) or op.stride not in ((1, 1), (2, 2)):
            return "it takes strides of 1 or 2 and no dilation"
        return needs_constants(site)

    def scratch(self, site: Site, target: Target) -> int:
        return Geometry.of(site).scratch

    def constants(self, site: Site, target: Target) -> Mapping[str, Array]:
        """One row of words per channel, as tinyc_helium_depthwise_s8.h describes them."""
        w = site.constant(1)[0]
        rows, columns, channels = w.shape
        taps = np.zeros((channels, 3, ROWS), np.int8)  # by column, then row
        taps[:, :columns, :rows] = w.transpose(2, 1, 0)
        m = channel_multipliers(site.sig, channels)
        bias = folded_bias(site, w.astype(np.int64).sum(axis=(0, 1)))
        tables = np.stack([np.broadcast_to(bias, channels), m.multiplier, m.shift], axis=1).astype(np.int32)
        return {"channels": np.concatenate([taps.reshape(channels, -1).view("<i4"), tables], axis=1)}

    def trails(self, site: Site, input: int) -> int | None:
        geometry = Geometry.of(site)
        shrinks = all(o <= i for o, i in zip(geometry.output, geometry.input, strict=True))
        return 0 if input == 0 and shrinks else None

    def rounding(self, site: Site) -> int:
        op, y = site.op, site.sig.output
        assert isinstance(op, WindowOperator)
        return rounding(channel_multipliers(site.sig, y.shape[3]), y.zero_point, op.clamp)

    def cost(self, site: Site, target: Target) -> float:
        op, g = site.op, Geometry.of(site)
        assert isinstance(op, WindowOperator)
        vectors = -(-g.columns * min(g.pitch, g.channels) // LANES) if g.pitch == 8 else g.columns
        blocks = -(-g.channels // LANES)
        gathered = blocks * g.all_steps * (90 + 15 * vectors)
        per_tile = (20.0 if g.stride == 1 else 27.0) + (0 if self.rounding(site) == HALVES_UP else 5)
        half_step = 35 if g.stride == 1 and g.output[0] % 2 else 0
        filtered = g.channels * (half_step + g.all_steps * (30 + per_tile * -(-g.output[1] // g.tile)))
        limited = 0.0 if op.clamp == (-128, 127) else 0.4 * site.sig.output.bytes
        return slowdown(target) * (100 + gathered + filtered + limited)

    def emit(self, site: Site, target: Target, c: CallWriter) -> None:
        op, g, x, y = site.op, Geometry.of(site), site.sig.input(0), site.sig.output
        assert isinstance(op, WindowOperator)
        params = c.struct(
            "tinyc_helium_depthwise", "params", input=braces(*g.input), output=braces(*g.output),
            channels=g.channels, stride=g.stride, padding=braces(*g.padding), columns=g.columns, steps=g.steps,
            input_zero_point=x.zero_point, output_zero_point=y.zero_point, clamp=braces(*op.clamp),
            rounding=self.rounding(site),
        )
        c.void("tinyc_helium_depthwise_s8", params, c.constant("channels"), c.input(0), c.output(), c.scratch())
