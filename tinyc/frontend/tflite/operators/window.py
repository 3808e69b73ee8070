"""CONV_2D, DEPTHWISE_CONV_2D and the pools: SAME and VALID become explicit padding."""

from __future__ import annotations

from typing import Any

from tinyc.frontend.tflite.converter import converter
from tinyc.frontend.tflite.refusal import Refusal
from tinyc.frontend.tflite.schema import PADDINGS
from tinyc.frontend.tflite.site import Site
from tinyc.ir.graph import Value
from tinyc.ops import AveragePool2D, Conv2D, DepthwiseConv2D, MaxPool2D
from tinyc.ops.window import Padding, Pair, same_padding


def _image(value: Value, what: str) -> tuple[int, ...]:
    shape = value.type.shape
    if len(shape) != 4:
        raise Refusal(f"{what} have the shape {list(shape)}, expected four axes", "the file is damaged")
    return shape


def _padding(site: Site, shape: tuple[int, ...], extent: Pair, stride: Pair, dilation: Pair) -> Padding:
    """(top, left, bottom, right). The file names a scheme; TFLM resolves it just so."""
    if min(*extent, *stride, *dilation) < 1:
        raise Refusal(f"window {extent}, stride {stride} and dilation {dilation} must be 1 or more")
    code = site.option("padding")
    if not 0 <= code < len(PADDINGS):
        raise Refusal(f"padding scheme {code} is unknown", "expected SAME (0) or VALID (1)")
    if PADDINGS[code] == "VALID":
        return 0, 0, 0, 0
    (top, bottom), (left, right) = (
        same_padding(shape[i + 1], extent[i], stride[i], dilation[i]) for i in (0, 1)
    )
    return top, left, bottom, right


def _window(site: Site, shape: tuple[int, ...], extent: Pair, dilation: Pair) -> dict[str, Any]:
    """The attributes that all windows share."""
    stride = (site.option("stride_h"), site.option("stride_w"))
    padding = _padding(site, shape, extent, stride, dilation)
    return {"stride": stride, "dilation": dilation, "padding": padding, "clamp": site.clamp()}


def _convolution(site: Site) -> tuple[dict[str, Any], list[Value | None]]:
    """Attributes and operands of either convolution."""
    x, w = site.value(0), site.constant(1, "weights")
    bias = site.constant(2, "bias") if site.has(2) else None
    shape, kernel = _image(x, "images"), _image(w, "weights")
    dilation = (site.option("dilation_h_factor"), site.option("dilation_w_factor"))
    return _window(site, shape, (kernel[1], kernel[2]), dilation), [x, w, bias]


@converter("CONV_2D", inputs=(2, 3), options="Conv2DOptions")
def conv2d(site: Site) -> None:
    attributes, operands = _convolution(site)
    site.emit(Conv2D(**attributes), operands)


@converter("DEPTHWISE_CONV_2D", inputs=(2, 3), options="DepthwiseConv2DOptions")
def depthwise_conv2d(site: Site) -> None:
    attributes, operands = _convolution(site)
    x, w, _ = operands
    assert x is not None and w is not None
    multiplier = site.option("depth_multiplier")
    if w.type.shape[3] != x.type.shape[3] * multiplier:
        raise Refusal(
            f"{w.type.shape[3]} filters are not {multiplier} for each of {x.type.shape[3]} channels",
            "the file is damaged",
        )
    site.emit(DepthwiseConv2D(**attributes), operands)


@converter("AVERAGE_POOL_2D", "MAX_POOL_2D", inputs=(1, 1), options="Pool2DOptions")
def pool(site: Site) -> None:
    x = site.value(0)
    extent = (site.option("filter_height"), site.option("filter_width"))
    attributes = _window(site, _image(x, "images"), extent, (1, 1))
    cls = AveragePool2D if site.operator.code == "AVERAGE_POOL_2D" else MaxPool2D
    site.emit(cls(extent=extent, **attributes), [x])
