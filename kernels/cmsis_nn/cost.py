"""Executed instructions of the library's convolutions and dense layers, fitted to v7.0.0 on the emulated cores."""

from __future__ import annotations

from dataclasses import dataclass

from tinyc.ops.window import WindowOperator
from tinyc.program.kernel import Site

LANES = 16  # codes in a Helium vector


@dataclass(frozen=True)
class Rates:
    """Instructions per kind of SIMD. Of a convolution: per product, output, tap gathered, and code of a tap gathered.

    Pixels are computed `pixels` at a time; one that is left over takes `alone` more per product.
    """

    product: float
    output: float
    tap: float
    code: float
    pixels: int
    alone: float


CONVOLUTION = {
    "none": Rates(2.6, 38, 60, 4, 2, 4.3),  # Cortex-M3; the M0+ takes twice as many for all
    "dsp": Rates(1.55, 43, 60, 4, 2, 3.9),
    "mve": Rates(0.19, 14, 28, 0, 4, 0.35),
}
DEPTHWISE = {"none": (8.3, 8.0), "dsp": (8.0, 8.0)}  # per product, per output
DENSE = {"none": (3.4, 40.0, 200.0), "dsp": (1.9, 45.0, 220.0), "mve": (0.44, 19.0, 140.0)}  # and per call
GENERIC = 14.0  # per product of the portable depthwise convolution beyond 3x3


def convolution(site: Site, simd: str) -> float:
    """arm_convolve_wrapper_s8: two or four pixels at a time, gathered unless the taps are 1x1."""
    r, (_, rows, columns, depth) = CONVOLUTION[simd], site.sig.input(1).shape
    (_, high, wide, channels), codes = site.sig.output.shape, rows * columns * depth
    counted = -(-codes // LANES) * LANES if simd == "mve" else codes
    pixels = high * wide
    gathered = 0.0 if rows * columns == 1 else rows * columns * (r.tap + r.code * depth)
    left = pixels % r.pixels
    return 400 + pixels * (gathered + channels * (r.product * counted + r.output)) + left * channels * r.alone * counted


def depthwise(site: Site, simd: str) -> float:
    """arm_depthwise_conv_wrapper_s8; on Helium 16 channels at a time."""
    op, y, (_, rows, columns, _) = site.op, site.sig.output, site.sig.input(1).shape
    assert isinstance(op, WindowOperator)
    if simd == "mve":
        blocks = -(-y.shape[3] // LANES)
        return 250 + y.shape[1] * y.shape[2] * (45 + 7 * rows * columns + blocks * (21 * rows * columns + 115))
    product, output = DEPTHWISE[simd]
    if simd == "none" and (rows, columns) != (3, 3):
        product = GENERIC
    return 250 + product * op.macs(site.sig) + output * y.elements


def dense(site: Site, simd: str) -> float:
    """arm_fully_connected_s8 and its form per channel."""
    product, output, call = DENSE[simd]
    return call + product * site.op.macs(site.sig) + output * site.sig.output.elements
