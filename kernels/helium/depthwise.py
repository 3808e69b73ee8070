"""Depthwise convolutions of up to 8x8 taps: one dot product for each output, four beyond 3x3."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from tinyc.codegen.writer import CallWriter
from tinyc.ir.types import Array
from tinyc.kernels.common.plain import MATH
from tinyc.kernels.common.requantise import clamped
from tinyc.kernels.common.tables import multipliers_of
from tinyc.kernels.common.walk import braces
from tinyc.kernels.helium.packing import folded_bias, needs_constants, rounding, usually_halves_up
from tinyc.ops.conv import DepthwiseConv2D
from tinyc.ops.window import WindowOperator
from tinyc.program.kernel import Kernel, Site, kernel, once_per_site
from tinyc.targets import Target

LANES = 16  # channels gathered at a time
ROWS = 4  # of codes in a word
MOST_TAPS = 8  # rows and columns of a window
STRIP_BYTES = 2048  # of scratch, if that many strips are of use


@dataclass(frozen=True)
class Geometry:
    """A depthwise convolution of one image; (rows, columns) pairs."""

    input: tuple[int, int]
    output: tuple[int, int]
    channels: int
    stride: int
    kernel: tuple[int, int]
    padding: tuple[int, int]  # above, left

    @staticmethod
    @once_per_site
    def of(site: Site) -> Geometry:
        op, x, w, y = site.op, site.sig.input(0).shape, site.sig.input(1).shape, site.sig.output.shape
        assert isinstance(op, WindowOperator)
        return Geometry((x[1], x[2]), (y[1], y[2]), x[3], op.stride[0], (w[1], w[2]), op.padding[:2])

    @property
    def is_small(self) -> bool:
        """One word holds all rows of a column of taps, one vector all columns, with room to move them by one."""
        return max(self.kernel) <= 3

    @property
    def taps(self) -> tuple[int, int]:
        """Words of a column, and columns."""
        return (1, 3) if self.is_small else (2, self.kernel[1])

    @property
    def rows_of_step(self) -> int:
        """Rows of outputs that a strip yields."""
        return 2 if self.is_small and self.stride == 1 and self.output[0] > 1 else 1

    @property
    def pitch(self) -> int:
        """Words from column to column of a strip of four rows."""
        return 8 if self.channels == 8 and self.is_small else LANES

    @property
    def tile(self) -> int:
        """Columns of outputs that are computed at a time."""
        return 4 // self.rows_of_step

    @property
    def columns(self) -> int:
        """Of a strip: the padded image, and what the last tile of a row reads."""
        outputs = -(-self.output[1] // self.tile) * self.tile
        read = outputs * self.stride + 2 if self.is_small else (outputs - 1) * self.stride + MOST_TAPS
        return max(self.padding[1] + self.input[1], read)

    @property
    def all_steps(self) -> int:
        """Steps of the whole image."""
        return -(-self.output[0] // self.rows_of_step)

    @property
    def strip_bytes(self) -> int:
        """Of one step."""
        return ROWS * self.taps[0] * self.pitch * self.columns

    @property
    def steps(self) -> int:
        """Steps that the scratch holds strips for.

        Of stride 2 so many that the next rows to be read, 2 · steps − padding, lie below the rows written over them.
        """
        width, above = self.input[1], self.padding[0]
        ahead = 1 if self.stride == 1 else -(-above * width // max(1, 2 * width - self.output[1]))
        return min(self.all_steps, max(2 if self.is_small else 1, ahead, STRIP_BYTES // self.strip_bytes))

    @property
    def scratch(self) -> int:
        """Bytes, as tinyc_helium_depthwise_s8.h adds them up."""
        saved = self.padding[0] * self.input[1] * self.pitch
        return 16 + saved + self.steps * self.strip_bytes + ROWS * LANES


@kernel("tinyc/helium_depthwise_s8", op=DepthwiseConv2D)
class HeliumDepthwiseS8(Kernel):
    """Depthwise convolution of stride 1 or 2, in place where the output is no larger than the input."""

    includes = ("tinyc_helium_depthwise_s8.h",)
    headers = (
        "tinyc_helium.h", "tinyc_helium_depthwise_s8.h", "tinyc_helium_strips.h", "tinyc_helium_tiles.h", MATH,
    )
    sources = ("tinyc_helium_depthwise_s8.c", "tinyc_helium_strips.c", "tinyc_helium_tiles.c")
    weights = frozenset({"channels"})

    def refuses(self, site: Site, target: Target) -> str | None:
        op, sig = site.op, site.sig
        assert isinstance(op, WindowOperator)
        if sig.output.shape[0] != 1:
            return "it takes one image at a time"
        if sig.input(0).shape[3] != sig.output.shape[3]:
            return "it takes one filter for each channel"
        most = max(sig.input(1).shape[1:3])
        if most > MOST_TAPS or max(op.padding[:2]) > (2 if most <= 3 else 3):
            return "it takes up to 8x8 taps, of which three may lie above or left of the image"
        if op.dilation != (1, 1) or op.stride not in ((1, 1), (2, 2)):
            return "it takes strides of 1 or 2 and no dilation"
        return needs_constants(site)

    def scratch(self, site: Site, target: Target) -> int:
        return Geometry.of(site).scratch

    def constants(self, site: Site, target: Target) -> Mapping[str, Array]:
        """One row of words per channel, as tinyc_helium_depthwise_s8.h describes them."""
        w, (words, wide) = site.constant(1)[0], Geometry.of(site).taps
        _, columns, channels = w.shape
        taps = np.zeros((channels, words, wide, ROWS), np.int8)
        for word in range(words):
            some = w[word * ROWS : (word + 1) * ROWS]
            taps[:, word, :columns, : len(some)] = some.transpose(2, 1, 0)
        m = multipliers_of(site)
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
        return rounding(multipliers_of(site), y.zero_point, op.clamp)

    def work(self, site: Site, target: Target) -> Mapping[str, float]:
        g = Geometry.of(site)
        words, blocks, batches = g.taps[0], -(-g.channels // LANES), -(-g.all_steps // g.steps)
        vectors = -(-g.input[1] // 2) if g.pitch == 8 else g.input[1]
        saved = (batches - 1) * g.padding[0] * vectors if g.stride == 1 else 0
        gathered = blocks * g.all_steps * words
        return {
            "call": 1, "batch": blocks * batches, "saved pixel": blocks * saved, "strip": gathered,
            "pixel of a strip": gathered * vectors, "filled word": gathered * (g.columns - g.input[1]) * g.pitch,
            **self._filtered(site, g, batches), "clamped output": clamped(site),
        }

    def _filtered(self, site: Site, g: Geometry, batches: int) -> Mapping[str, float]:
        """To load what a channel needs, once for each run over strips (a last row alone is one more), and its steps."""
        alone = g.rows_of_step == 2 and g.output[0] % 2
        rows = "two rows" if g.rows_of_step == 2 else "one row"
        kind = f"3x3, stride {g.stride}, {rows}" if g.is_small else "8x8"
        steps = g.channels * g.all_steps
        tiles = steps * -(-g.output[1] // g.tile)
        return {
            f"channel of {kind}": g.channels * (batches + alone), "step": steps, f"tile of {kind}": tiles,
            "dearer tile": 0 if usually_halves_up(site) else tiles,
        }

    def emit(self, site: Site, target: Target, c: CallWriter) -> None:
        op, g, x, y = site.op, Geometry.of(site), site.sig.input(0), site.sig.output
        assert isinstance(op, WindowOperator)
        params = c.struct(
            "tinyc_helium_depthwise", "params", input=braces(*g.input), output=braces(*g.output),
            channels=g.channels, stride=g.stride, padding=braces(*g.padding), taps=braces(*g.taps),
            rows_of_step=g.rows_of_step, columns=g.columns, steps=g.steps,
            input_zero_point=x.zero_point, output_zero_point=y.zero_point, clamp=braces(*op.clamp),
            rounding=self.rounding(site),
        )
        c.void("tinyc_helium_depthwise_s8", params, c.constant("channels"), c.input(0), c.output(), c.scratch())
