"""What the library's convolutions and dense layers of v7.0.0 do, part by part."""

from __future__ import annotations

from collections.abc import Mapping

from tinyc.ops.window import WindowOperator
from tinyc.program.kernel import Site

LANES = 16  # codes in a Helium vector


def convolution(site: Site, simd: str) -> Mapping[str, float]:
    """arm_convolve_wrapper_s8: two or four pixels at a time, gathered unless the taps are 1x1."""
    _, rows, columns, depth = site.sig.input(1).shape
    (_, high, wide, channels), codes = site.sig.output.shape, rows * columns * depth
    pixels, kind = high * wide, "" if rows * columns == 1 else " of a window"
    counted = -(-codes // LANES) * LANES if simd == "mve" else codes
    left = pixels % (4 if simd == "mve" else 2)  # computed one by one
    sums = {"output": pixels * channels, "product": pixels * channels * counted}
    alone = {"output alone": left * channels, "product alone": left * channels * counted}
    work = {"call": 1, "pixel": pixels, "channel": channels, "weight": channels * codes}
    gathered = {"gathered tap": pixels * rows * columns, "gathered code": pixels * codes} if kind else {}
    return {**{f"{part}{kind}": count for part, count in (work | sums | alone).items()}, **gathered}


def depthwise(site: Site, simd: str) -> Mapping[str, float]:
    """arm_depthwise_conv_wrapper_s8; on Helium 16 channels at a time, elsewhere 3x3 taps apart from other windows."""
    op, y, (_, rows, columns, _) = site.op, site.sig.output, site.sig.input(1).shape
    assert isinstance(op, WindowOperator)
    pixels, taps, several = y.shape[1] * y.shape[2], rows * columns, y.shape[3] // site.sig.input(0).shape[3]
    if several > 1:
        kind = " of four filters" if several % 4 == 0 else " of some filters"
    elif simd == "mve":
        blocks = pixels * -(-y.shape[3] // LANES)
        return {"call": 1, "pixel": pixels, "tap": pixels * taps, "block": blocks, "tap of a block": blocks * taps}
    else:
        kind = " of 3x3" if (rows, columns) == (3, 3) else ""
    return {"call": 1, "pixel": pixels, f"output{kind}": y.elements, f"product{kind}": op.macs(site.sig)}


def dense(site: Site, simd: str) -> Mapping[str, float]:
    """arm_fully_connected_s8 and its form per channel."""
    products, outputs = site.op.macs(site.sig), site.sig.output.elements
    rows = outputs // site.sig.output.shape[-1]
    return {"call": 1, "row": rows, "output": outputs, "product": products}
