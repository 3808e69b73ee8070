"""Conv, the pools and Resize: images [N,C,H,W], which the graph holds as [N,H,W,C]."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from tinyc.frontend.onnx.converter import converter
from tinyc.frontend.onnx.layout import IMAGE, Layout
from tinyc.frontend.onnx.site import Site
from tinyc.frontend.onnx.tensors import Clamp, Constant, Pending, Quantised, Tensor
from tinyc.frontend.tflite.refusal import Refusal
from tinyc.ir.graph import Value
from tinyc.ir.types import Array, DType, Quant, Shape
from tinyc.ops import AveragePoolEven2D, Conv2D, DepthwiseConv2D, MaxPool2D, ResizeNearest
from tinyc.ops.conv import Convolution
from tinyc.ops.window import Padding, Pair, same_padding

INT32 = np.iinfo(np.int32)


@dataclass(frozen=True)
class Geometry:
    """A window over rows and columns, padding resolved."""

    extent: Pair
    stride: Pair
    dilation: Pair
    padding: Padding

    def attributes(self) -> dict[str, Any]:
        return {"stride": self.stride, "dilation": self.dilation, "padding": self.padding}


def _pair(site: Site, name: str, axes: int) -> Pair:
    """An attribute with a number per axis; 1 where it is left out, and for the rows of one-dimensional input."""
    given = site.wholes(name, (1,) * axes)
    if len(given) != axes or min(given, default=1) < 1:
        raise Refusal(f"its attribute {name} is {list(given)}, expected {axes} numbers above 0", "the file is damaged")
    return given[0] if axes == 2 else 1, given[-1]


def geometry(site: Site, shape: Shape, extent: Pair, axes: int) -> Geometry:
    """Of an operator on [N,C,H,W]; `axes` is 1 where H was added for one-dimensional input."""
    stride, dilation = _pair(site, "strides", axes), _pair(site, "dilations", axes)
    scheme = site.text("auto_pad", "NOTSET")
    if scheme in ("SAME_UPPER", "SAME_LOWER"):
        rows, cols = (same_padding(shape[2 + i], extent[i], stride[i], dilation[i]) for i in (0, 1))
        if scheme == "SAME_LOWER":
            rows, cols = rows[::-1], cols[::-1]
        return Geometry(extent, stride, dilation, (rows[0], cols[0], rows[1], cols[1]))
    if scheme not in ("NOTSET", "VALID"):
        raise Refusal(f"its padding scheme {scheme!r} is unknown", "the file is damaged")
    pads = site.wholes("pads", (0,) * 2 * axes) if scheme == "NOTSET" else (0,) * 2 * axes
    if len(pads) != 2 * axes or min(pads) < 0:
        raise Refusal(f"its pads are {list(pads)}, expected {2 * axes} numbers of 0 or more", "put a Pad before it")
    top, left, bottom, right = pads if axes == 2 else (0, pads[0], 0, pads[1])
    return Geometry(extent, stride, dilation, (top, left, bottom, right))


def image_of(x: Tensor) -> tuple[Tensor, int]:
    """(the tensor as [N,C,H,W], its number of spatial axes): [N,C,L] becomes [N,C,1,L]."""
    if len(x.shape) == 4:
        return x, 2
    if len(x.shape) != 3:
        raise Refusal(f"its input has the shape {list(x.shape)}, expected [N,C,H,W] or [N,C,L]")
    n, c, length = x.shape
    layout = x.layout.reshaped((n, c, 1, length))
    assert layout is not None
    return x.relaid(layout), 1


def placed(value: Value, axes: int) -> Layout:
    """The ONNX layout of a result int8[N,H,W,C], without H where the input had none."""
    return placed_shape(value.type.shape, axes)


def placed_shape(shape: Shape, axes: int) -> Layout:
    n, rows, cols, channels = shape
    layout = Layout.ordered((n, channels, rows, cols), IMAGE)
    found = layout if axes == 2 else layout.reshaped((n, channels, cols))
    assert found is not None
    return found


# ---------------------------------------------------------------------- convolution
def weights_of(site: Site, index: int) -> Quantised:
    """Constant int8 weights."""
    w = site.operand(index)
    if isinstance(w, Constant):
        raise Refusal("its weights are float32", "quantise the model with onnxruntime's quantize_static")
    if not isinstance(w, Quantised):
        raise Refusal("its weights are computed at run time", "tinyc needs them constant here")
    if w.codes.size == 0 or w.codes.min() < -128 or w.codes.max() > 127:
        raise Refusal("its weights are no 8-bit codes", "quantise weights to int8")
    return w


def weight_quant(w: Quantised, axis: int, stored_axis: int) -> Quant:
    """The quantisation of weights whose channel axis `axis` becomes `stored_axis`."""
    if w.axis is None:
        return w.quant
    if w.axis != axis:
        raise Refusal(f"its weights have scales along axis {w.axis}, expected axis {axis}, the output channels")
    return Quant(tuple(w.scale.tolist()), tuple(w.zero_point.tolist()), stored_axis)


def bias_codes(site: Site, real: Array, x_scale: float, w: Quantised) -> Value:
    """The bias in int32, on the scale of the accumulators, s_x · s_w: exact for a bias quantised on it."""
    scales = x_scale * w.scale.astype(np.float64)
    codes = np.rint(np.asarray(real, np.float64).reshape(-1) / scales)
    if not (np.isfinite(codes).all() and np.abs(codes).max(initial=0) <= INT32.max):
        raise Refusal("its bias does not fit in 32 bits on the scale of input times weights", "re-quantise the model")
    return site.constant("bias", codes.astype(np.int32), DType.int32)


def exact_constant(site: Site, index: int, role: str) -> Array:
    """The real numbers of a constant in double precision."""
    found = site.operand(index)
    return found.exact if isinstance(found, Quantised) else site.array(index, role).astype(np.float64)


@converter("Conv", inputs=(2, 3))
def conv(site: Site) -> None:
    bias = exact_constant(site, 2, "the bias") if site.has(2) else None
    site.result(convolution(site, site.real(0), weights_of(site, 1), bias))


def convolution(site: Site, x: Tensor, w: Quantised, bias: Array | None) -> Pending:
    """w is [O,C/groups,KH,KW] or [O,C/groups,K], the bias real numbers."""
    given = x
    x, axes = image_of(x)
    if w.codes.ndim != axes + 2:
        raise Refusal(f"its weights have the shape {list(w.shape)} for input {list(x.shape)}", "the file is damaged")
    codes = w.codes if axes == 2 else w.codes[:, :, None, :]
    groups, channels = site.whole("group", 1), x.shape[1]
    if groups < 1 or codes.shape[1] * groups != channels or codes.shape[0] % groups:
        found = f"weights {list(w.shape)} in {groups} groups do not fit {channels} channels"
        raise Refusal(found, "the file is damaged")
    if w.zero_point.any():
        raise Refusal("its weights have a zero point other than 0", "quantise weights symmetrically (int8)")
    if bias is not None and bias.size != codes.shape[0]:
        raise Refusal(f"its bias has {bias.size} elements for {codes.shape[0]} channels", "the file is damaged")
    window = geometry(site, x.shape, (codes.shape[2], codes.shape[3]), axes)
    depthwise = groups == channels > 1
    order, stored_axis = ((1, 2, 3, 0), 3) if depthwise else ((0, 2, 3, 1), 0)
    kind: type[Convolution] = DepthwiseConv2D if depthwise else Conv2D
    weights = site.constant("weights", codes.transpose(order), DType.int8, weight_quant(w, 0, stored_axis))
    operands = [site.image(x), weights, None if bias is None else bias_codes(site, bias, x.quant.scale[0], w)]
    op = kind(**window.attributes(), rounds_once=True)
    ((shape, _),) = op.infer(*(None if v is None else v.type for v in operands))

    def finish(quant: Quant, clamp: Clamp) -> Value:
        return site.emit(replace(op, clamp=clamp), operands, quant)

    return Pending(site.node.op, placed_shape(shape, axes), finish, affine=_channel_affine(site, given, w, bias))


def _channel_affine(site: Site, x: Tensor, w: Quantised, bias: Array | None) -> Any:
    """Constants [O, 1, 1] go into the weights' scales and the bias."""
    channels, shape = w.shape[0], (w.shape[0], *(1,) * (w.codes.ndim - 2))

    def apply(factor: Array, offset: Array) -> Pending | None:
        if not all(v.shape in ((), (1,), shape, (1, *shape)) for v in (factor, offset)):
            return None
        scale, added = (np.broadcast_to(v.reshape(-1), (channels,)) for v in (factor, offset))
        scaled = w.rescaled(scale, 0)
        old = 0 if bias is None else bias.reshape(-1)
        return None if scaled is None else convolution(site, x, scaled, scale * old + added)

    return apply


# ---------------------------------------------------------------------- pools
def _ceiled(window: Geometry, shape: Shape) -> Geometry:
    """ceil_mode: further rows and columns of padding, but no window that starts in them (ONNX, opset 19 on)."""
    padding = list(window.padding)
    for i in (0, 1):
        size, extent, stride = shape[2 + i] + padding[i], window.extent[i], window.stride[i]
        steps = -(-(size + padding[i + 2] - extent) // stride)
        if steps * stride >= size:
            steps -= 1
        padding[i + 2] = max(padding[i + 2], steps * stride + extent - size)
    return replace(window, padding=(padding[0], padding[1], padding[2], padding[3]))


def _pool_window(site: Site, x: Tensor, axes: int) -> Geometry:
    if "kernel_shape" not in site.node.attributes:
        raise Refusal("its attribute kernel_shape is missing", "the file is damaged")
    window = geometry(site, x.shape, _pair(site, "kernel_shape", axes), axes)
    if window.dilation != (1, 1):
        raise Refusal("pooling windows with dilation are not supported", "replace the operator")
    return _ceiled(window, x.shape) if site.whole("ceil_mode", 0) else window


@converter("MaxPool", inputs=(1, 1))
def max_pool(site: Site) -> None:
    x, axes = image_of(site.tensor(0))
    _emit_max_pool(site, x, axes, _pool_window(site, x, axes))


@converter("GlobalMaxPool", inputs=(1, 1))
def global_max_pool(site: Site) -> None:
    x, axes = image_of(site.tensor(0))
    extent = (x.shape[2], x.shape[3])
    _emit_max_pool(site, x, axes, Geometry(extent, (1, 1), (1, 1), (0, 0, 0, 0)))


def _emit_max_pool(site: Site, x: Tensor, axes: int, window: Geometry) -> None:
    op = MaxPool2D(extent=window.extent, stride=window.stride, padding=window.padding)
    value = site.emit(op, [site.image(x)], x.value.type.quant)
    site.result(replace(x, value=value, layout=placed(value, axes)))


@converter("AveragePool", inputs=(1, 1))
def average_pool(site: Site) -> None:
    site.result(averaged(site, site.real(0)))


def averaged(site: Site, x: Tensor, *, of_codes: bool = False) -> Pending:
    """AveragePool of a real tensor; `of_codes` says how halves are rounded (see the operator)."""
    x, axes = image_of(x)
    window = _pool_window(site, x, axes)
    counted = bool(site.whole("count_include_pad", 0)) and any(window.padding)
    if counted and site.whole("ceil_mode", 0):
        raise Refusal("ceil_mode together with count_include_pad is not supported", "use one of them")
    return _average(site, x, axes, window, of_codes=of_codes, counted=counted)


def _average(
    site: Site, x: Tensor, axes: int, window: Geometry, *, of_codes: bool = False, counted: bool = False
) -> Pending:
    op = AveragePoolEven2D(
        extent=window.extent, stride=window.stride, padding=window.padding, of_codes=of_codes, count_padding=counted
    )
    image = site.image(x)
    ((shape, _),) = op.infer(image.type)

    def finish(quant: Quant, clamp: Clamp) -> Value:
        return site.emit(replace(op, clamp=clamp), [image], quant)

    return Pending(site.node.op, placed_shape(shape, axes), finish)


@converter("GlobalAveragePool", inputs=(1, 1))
def global_average_pool(site: Site) -> None:
    site.result(globally_averaged(site, site.real(0)))


def globally_averaged(site: Site, x: Tensor, *, of_codes: bool = False) -> Pending:
    """The mean over rows and columns of [N,C,H,W], which stay with length 1."""
    x, axes = image_of(x)
    return _average(site, x, axes, Geometry((x.shape[2], x.shape[3]), (1, 1), (1, 1), (0, 0, 0, 0)), of_codes=of_codes)


# ---------------------------------------------------------------------- resize
@converter("Resize", inputs=(1, 4))
def resize(site: Site) -> None:
    """Nearest neighbour, wherever ONNX's choice of pixels is one that the integer kernel makes."""
    x = site.tensor(0)
    if site.text("mode", "nearest") != "nearest":
        raise Refusal("only nearest-neighbour resizing is supported", "export with mode='nearest'")
    image = site.image(x)
    size, scales = _resized(site, x.shape)
    wanted = [_sources(site, x.shape[2 + i], size[i], scales[i]) for i in (0, 1)]
    for corners, centers in ((False, False), (False, True), (True, False), (True, True)):
        op = ResizeNearest(size, align_corners=corners, half_pixel_centers=centers)
        if [op.source(i, x.shape[2 + i]) for i in (0, 1)] == wanted:
            value = site.emit(op, [image], x.value.type.quant)
            site.result(replace(x, value=value, layout=placed(value, 2)))
            return
    raise Refusal(
        "its choice of pixels is none that the integer kernel makes",
        "export with coordinate_transformation_mode='asymmetric' and nearest_mode='floor'",
    )


def _resized(site: Site, shape: Shape) -> tuple[Pair, tuple[float, float]]:
    """(rows and columns of the result, their scales)."""
    every = (0, 1, 2, 3)
    if site.wholes("axes", every) != every or site.text("keep_aspect_ratio_policy", "stretch") != "stretch":
        raise Refusal("axes and keep_aspect_ratio_policy are not supported", "give the sizes of all axes")
    if site.has(3):
        sizes = site.integers(3, "the sizes")
        scales = [n / m for n, m in zip(sizes, shape, strict=False)]
    else:
        scales = [float(s) for s in site.array(2, "the scales").reshape(-1)] if site.has(2) else []
        if not all(0 < s < 1e6 for s in scales):
            raise Refusal(f"its scales {scales} are not above 0", "the file is damaged")
        sizes = tuple(int(np.floor(n * s)) for n, s in zip(shape, scales, strict=False))
    if len(sizes) != 4 or len(scales) != 4 or sizes[:2] != shape[:2] or min(sizes) < 1:
        raise Refusal(f"it resizes {list(shape)} to {list(sizes)}", "only rows and columns can be resized")
    return (sizes[2], sizes[3]), (scales[2], scales[3])


def _sources(site: Site, size: int, count: int, scale: float) -> tuple[int, ...]:
    """The input index that ONNX copies for each output index."""
    y = np.arange(count, dtype=np.float64)
    half = (y + 0.5) / scale - 0.5
    positions = {
        "half_pixel": half,
        "pytorch_half_pixel": half if count > 1 else np.zeros(1),
        "asymmetric": y / scale,
        "align_corners": y * (size - 1) / max(count - 1, 1),
    }
    mode = site.text("coordinate_transformation_mode", "half_pixel")
    rounding: dict[str, Callable[[Array], Array]] = {
        "round_prefer_floor": lambda v: np.ceil(v - 0.5),
        "round_prefer_ceil": lambda v: np.floor(v + 0.5),
        "floor": np.floor,
        "ceil": np.ceil,
    }
    nearest = site.text("nearest_mode", "round_prefer_floor")
    if mode not in positions or nearest not in rounding:
        raise Refusal(f"the modes {mode!r} and {nearest!r} are not supported", "export with 'asymmetric' and 'floor'")
    return tuple(np.clip(rounding[nearest](positions[mode]), 0, size - 1).astype(int).tolist())
