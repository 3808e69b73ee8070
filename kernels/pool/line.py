"""Average pooling in one multiplication for each mean, where every window has equally many elements."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from itertools import product

import numpy as np

from tinyc.codegen.writer import CallWriter
from tinyc.ir.types import Signature
from tinyc.kernels.common.plain import DIVIDE, MATH, PlainKernel
from tinyc.kernels.common.requantise import DSP
from tinyc.kernels.pool.plain import even_pool, geometry
from tinyc.ops.pool import AveragePoolEven2D, mean_to_even
from tinyc.program.kernel import Site, kernel
from tinyc.targets import Target

LANES = 4  # channels at a time
MOST_ELEMENTS = 256  # of a window: their sum fits in 16 bits


@dataclass(frozen=True)
class Line:
    """The fields of a tinyc_pool_line."""

    left: int
    multiplier: int
    start: int
    fraction: int
    ties: int
    offset: int
    padding: int

    @classmethod
    def of(cls, op: AveragePoolEven2D, sig: Signature) -> Line | None:
        """One that is right for every sum of a window; None where none was found."""
        return next((line for line in _lines(op, sig) if line.is_right(op, sig)), None)

    def is_right(self, op: AveragePoolEven2D, sig: Signature) -> bool:
        """Whether C and reference agree on all sums."""
        x, count = sig.input(0), op.extent[0] * op.extent[1]
        sums = np.arange(-128 * count, 127 * count + 1, dtype=np.int64)
        point = (((sums << self.left) * self.multiplier + 2**31) >> 32) + self.start
        if np.abs(point).max() >= 2**31:
            return False
        mean = point >> self.fraction
        mean = np.where(point - (mean << self.fraction) <= self.ties, mean & ~1, mean)
        wanted = mean_to_even(sums - count * x.zero_point, count, op.ratio(sig), op.odd(sig))
        codes, right = (np.clip(m, -128, 127) for m in (mean + self.offset, wanted + sig.output.zero_point))
        return bool((codes == right).all())


def _lines(op: AveragePoolEven2D, sig: Signature) -> Iterator[Line]:
    """Lines with as many bits as fit: with room for ties, or a bit steeper or flatter where means nearly are ties."""
    count, ratio, zero = op.extent[0] * op.extent[1], op.ratio(sig), sig.input(0).zero_point
    left = 31 - (128 * count).bit_length()  # the product is that of two numbers of 31 bits
    largest = (256 * ratio.multiplier >> 31 - ratio.shift) + 2  # mean on the output's scale
    fraction = max(0, min(31 - largest.bit_length(), left + (count.bit_length() - 1) - ratio.shift - 1))
    # s · ratio / count · 2^fraction is s · 2^left · multiplier / 2^32
    power = fraction + 1 - left + ratio.shift
    multiplier = (2 * (ratio.multiplier << max(power, 0)) // (count << max(-power, 0)) + 1) // 2
    half = (2 * op.odd(sig) + 1 << fraction) // 2
    unit = 1 << 32 - left  # of the multiplier: by so much more a sum of 1 moves the last bit
    for beside, (ties, up) in product((0, unit // 8, -unit // 8, unit, -unit), ((3, 1), (-1, 0), (-1, 1), (3, 2))):
        slope = multiplier + beside
        start = half + up - ((count * zero << left) * slope + (1 << 31) >> 32)
        if fraction > 0 and 0 < slope < 2**31:
            yield Line(left, slope, start, fraction, ties, sig.output.zero_point - op.odd(sig), zero)


@kernel("tinyc/average_pool_line_s8", op=AveragePoolEven2D)
class AveragePoolLineS8(PlainKernel):
    """Mean of each window on the output's scale, halves to even, four channels at a time."""

    includes = ("tinyc_average_pool_line_s8.h",)
    headers = (
        "tinyc_average_pool_line_s8.h", "tinyc_pool_s8.h", "../helium/tinyc_helium.h", DIVIDE, DSP, MATH,
    )
    sources = ("tinyc_average_pool_line_s8.c", "tinyc_average_pool_even_s8.c")

    def refuses(self, site: Site, target: Target) -> str | None:
        op = site.op
        assert isinstance(op, AveragePoolEven2D)
        if site.sig.output.shape[0] != 1:
            return "it takes one image at a time"
        if any(op.padding) and not op.count_padding:
            return "it takes windows with equally many elements"
        if op.extent[0] * op.extent[1] > MOST_ELEMENTS:
            return f"it takes windows of up to {MOST_ELEMENTS} elements"
        return None

    def work(self, site: Site, target: Target) -> Mapping[str, float]:
        op, y = site.op, site.sig.output
        assert isinstance(op, AveragePoolEven2D)
        rows, columns = op.extent
        pixels, channels = y.elements // y.shape[3], y.shape[3]
        vector = target.simd == "mve"
        fours, ones = (-(-channels // LANES), 0) if vector else divmod(channels, LANES)
        found = {"call": 1, "pixel": pixels}
        for name, count in (("four", pixels * fours), *(() if vector else (("one", pixels * ones),))):
            found |= {name: count, f"row of {name}": count * rows, f"element of {name}": count * rows * columns}
        return {**found, "clamped output": 0 if op.clamp == (-128, 127) else y.elements}

    def emit(self, site: Site, target: Target, c: CallWriter) -> None:
        op = site.op
        assert isinstance(op, AveragePoolEven2D)
        line = Line.of(op, site.sig)
        if line is None:  # of no scales that were met, but of some there are
            even_pool(site, c)
            return
        window = c.struct("tinyc_pool_params", "window", **geometry(site))
        c.void(
            "tinyc_average_pool_line_s8", window, c.struct("tinyc_pool_line", "line", **asdict(line)), c.input(0),
            c.output(),
        )
