"""Operators that move elements: shapes, axes, padding, concatenation, resizing; and MEAN over axes."""

from __future__ import annotations

import math

from tinyc.frontend.tflite.converter import MANY, converter
from tinyc.frontend.tflite.refusal import Refusal
from tinyc.frontend.tflite.site import Site
from tinyc.ir.types import DType
from tinyc.ops import Concatenation, Mean, Pad, Reshape, ResizeNearest, Transpose


def _reshape_to(site: Site, asked: tuple[int, ...] | None) -> None:
    """Reshape to the output's shape in the file, which must be the one asked for."""
    shape = site.output_type().shape
    if asked is not None and asked != shape:
        raise Refusal(
            f"the output has the shape {list(shape)}, but the operator asks for {list(asked)}",
            "the file is damaged",
        )
    site.emit(Reshape(shape), [site.value(0)])


@converter("RESHAPE", inputs=(1, 2), options="ReshapeOptions")
def reshape(site: Site) -> None:
    """The shape is an operand or, in older files, an option; one -1 stands for what is left."""
    asked = site.numbers(1, "the new shape") if site.has(1) else site.option_numbers("new_shape")
    elements = site.value(0).type.elements
    if asked.count(-1) == 1:
        rest = math.prod(n for n in asked if n != -1)
        asked = tuple(elements // rest if n == -1 and rest else n for n in asked)
    _reshape_to(site, asked)


@converter("SQUEEZE", inputs=(1, 1), options="SqueezeOptions")
def squeeze(site: Site) -> None:
    shape = site.value(0).type.shape
    asked = {site.axis(axis, len(shape)) for axis in site.option_numbers("squeeze_dims")}
    dropped = asked or {axis for axis, n in enumerate(shape) if n == 1}
    if any(shape[axis] != 1 for axis in dropped):
        raise Refusal(
            f"axes {sorted(dropped)} of {list(shape)} are not all of length 1", "the file is damaged"
        )
    _reshape_to(site, tuple(n for axis, n in enumerate(shape) if axis not in dropped))


@converter("EXPAND_DIMS", inputs=(2, 2))
def expand_dims(site: Site) -> None:
    shape = site.value(0).type.shape
    (asked,) = site.count(1, "the axis", 1)
    axis = site.axis(asked, len(shape) + 1)
    _reshape_to(site, (*shape[:axis], 1, *shape[axis:]))


@converter("TRANSPOSE", inputs=(2, 2))
def transpose(site: Site) -> None:
    x = site.value(0)
    axes = site.count(1, "the permutation", x.type.rank)
    site.emit(Transpose(perm=tuple(site.axis(axis, x.type.rank) for axis in axes)), [x])


@converter("CONCATENATION", inputs=(1, MANY), options="ConcatenationOptions")
def concatenation(site: Site) -> None:
    values = [site.value(index) for index in range(len(site.operator.inputs))]
    axis = site.axis(site.option("axis"), values[0].type.rank)
    if site.clamp() != DType.int8.limits:
        raise Refusal("a fused activation on a concatenation is not supported", "put it before or after")
    site.emit(Concatenation(axis=axis), values)


@converter("PAD", "PADV2", inputs=(2, 3))
def pad(site: Site) -> None:
    """PAD fills with the output's zero point, PADV2 with its third operand, a code on the output's scale."""
    x, y = site.value(0), site.output_type()
    if y.quant is None or y.quant.is_per_channel:
        raise Refusal("the output needs one scale and zero point", "convert with full-integer quantisation")
    amounts = site.count(1, "the paddings", 2 * x.type.rank)
    value = _pad_code(site) if site.has(2) else y.zero_point
    site.emit(Pad(before=amounts[::2], after=amounts[1::2], value=value), [x])


def _pad_code(site: Site) -> int:
    type_, y = site.constant_type(2, "the value"), site.output_type()
    if type_.dtype is not DType.int8 or type_.elements != 1 or type_.quant != y.quant:
        raise Refusal(f"the value to pad with is {type_}, expected one code on the output's scale, {y}")
    return int(site.contents(2).reshape(-1)[0])


@converter("MEAN", inputs=(2, 2), options="ReducerOptions")
def mean(site: Site) -> None:
    x = site.value(0)
    axes = sorted({site.axis(axis, x.type.rank) for axis in site.numbers(1, "the axes")})
    site.emit(Mean(axes=tuple(axes), keep_dims=site.option("keep_dims")), [x])


@converter("RESIZE_NEAREST_NEIGHBOR", inputs=(2, 2), options="ResizeNearestNeighborOptions")
def resize_nearest(site: Site) -> None:
    rows, cols = site.count(1, "the size", 2)
    corners, centers = site.option("align_corners"), site.option("half_pixel_centers")
    site.emit(ResizeNearest((rows, cols), align_corners=corners, half_pixel_centers=centers), [site.value(0)])
