"""A factor and an offset per channel, in float: BatchNormalization, and arithmetic with float constants."""

from __future__ import annotations

import math

import numpy as np

from tinyc.frontend.onnx.converter import converter
from tinyc.frontend.onnx.layout import Layout
from tinyc.frontend.onnx.operators.window import exact_constant
from tinyc.frontend.onnx.site import Site
from tinyc.frontend.onnx.tensors import Clamp, Known, Pending, Quantised, Tensor
from tinyc.frontend.tflite.refusal import Refusal
from tinyc.ir.graph import Value
from tinyc.ir.types import Array, DType, Quant
from tinyc.ops import DepthwiseConv2D

FULL_WEIGHT = 127
MAX_BIAS = 1 << 30  # leaves room for the product beside it


@converter("BatchNormalization", inputs=(5, 5), outputs=(1, 5))
def batch_normalization(site: Site) -> None:
    """Into the convolution or dense layer before it where nothing is quantised in between; else per channel."""
    if any(site.node.outputs[1:]) or site.whole("training_mode", 0):
        raise Refusal("it is in training mode", "export the model in inference mode")
    x = site.operand(0)
    roles = ("the scale", "the offset", "the mean", "the variance")
    scale, offset, mean, variance = (exact_constant(site, i, role) for i, role in enumerate(roles, 1))
    channels = x.shape[1:2]
    if any(v.shape != channels for v in (scale, offset, mean, variance)):
        found = f"its constants do not have one number for each of {list(channels)} channels"
        raise Refusal(found, "the file is damaged")
    divisor = variance + site.number("epsilon", 1e-5)
    if not (divisor > 0).all():
        raise Refusal("its variance plus epsilon is not above 0", "the file is damaged")
    factor = scale / np.sqrt(divisor)
    site.result(per_channel(site, x, 1, factor, offset - mean * factor))


def per_channel(site: Site, x: Known, axis: int, factor: Array, offset: Array) -> Pending:
    """factor · x + offset, with a number for each index of `axis`."""
    if isinstance(x, Pending):
        along = (-1, *(1,) * (len(x.shape) - 1 - axis))
        found = x.affine(factor.reshape(along), offset.reshape(along)) if x.affine else None
        if found is None:
            raise Refusal(f"it cannot become part of {x.what} before it", "put QuantizeLinear between them")
        return found
    x = site.settled(x)
    if not x.real:
        raise Refusal("it computes on codes that nothing dequantises", "put a DequantizeLinear before it")
    value, order = site.by_axes(x)
    if order[-1] != axis:
        order = (*(a for a in order if a != axis), axis)
        value = site.ordered(x, order)
    return _depthwise(site, value, x, factor, offset, Layout.ordered(x.shape, order))


def _depthwise(site: Site, value: Value, x: Tensor, factor: Array, offset: Array, layout: Layout) -> Pending:
    """One multiplication and one sum per element: a depthwise convolution of 1 by 1, channels last."""
    shape = value.type.shape
    scale, _ = x.quant.scalar
    image = shape if len(shape) == 4 else (1, math.prod(shape[:-1]), 1, shape[-1])
    w = _weights(factor, offset / scale)
    sums = offset / (scale * w.scale.astype(np.float64))
    if not (np.isfinite(sums).all() and np.abs(sums).max(initial=0) <= MAX_BIAS):
        raise Refusal("its offset is too large against its factor for 32 bits", "fold it into the weights before it")
    codes = w.codes.reshape(1, 1, 1, -1)
    weights = site.constant("weights", codes, DType.int8, Quant(tuple(w.scale.tolist()), (0,) * len(factor), 3))
    bias = site.constant("bias", np.rint(sums).astype(np.int32), DType.int32)

    def finish(quant: Quant, clamp: Clamp) -> Value:
        op, operands = DepthwiseConv2D(clamp=clamp, rounds_once=True), [site.viewed(value, image), weights, bias]
        found = site.emit(op, operands, quant, "" if image == shape else "affine")
        return site.viewed(found, shape)

    return Pending(site.node.op, layout, finish)


def _weights(factor: Array, offset: Array) -> Quantised:
    """The factors as codes of full size with a scale each. Where one is 0, the scale is the offset's."""
    used = factor != 0
    scale = np.where(used, np.abs(factor) / FULL_WEIGHT, np.abs(offset) / (1 << 20))
    scale = np.maximum(scale, np.finfo(np.float32).tiny).astype(np.float32)
    if not np.isfinite(scale).all():
        raise Refusal("its factors are not finite", "the file is damaged")
    codes = np.where(used, np.sign(factor) * FULL_WEIGHT, 0).astype(np.int64)
    return Quantised(codes, scale, np.zeros(len(scale), np.int64), 0)


# ---------------------------------------------------------------------- constants of any shape
def quantised_constant(real: Array, limit: float) -> Quantised:
    """Float numbers as int8 codes over just their range. Raises Refusal where codes are further apart than `limit`."""
    low, high = min(float(real.min()), 0.0), max(float(real.max()), 0.0)
    scale = np.float32((high - low) / 255) if high > low else np.float32(limit)
    if not scale <= limit:
        raise Refusal(
            f"its float constant of shape {list(real.shape)} spans too much for 8 bits on the result's scale",
            "quantise it with the activations",
        )
    scale = max(scale, np.finfo(np.float32).tiny)
    zero = int(np.clip(np.rint(-128 - low / scale), -128, 127))
    codes = np.clip(np.rint(real / scale) + zero, -128, 127).astype(np.int64)
    return Quantised(codes, np.array([scale], np.float32), np.array([zero]))


def as_factor_and_offset(op: str, x_first: bool, constant: Array) -> tuple[Array, Array] | None:
    """(factor, offset) of Add, Sub, Mul, Div of x and a constant; None for a constant divided by x, and by 0."""
    one, none = np.ones_like(constant), np.zeros_like(constant)
    if op == "Add":
        return one, constant
    if op == "Sub":
        return (one, -constant) if x_first else (-one, constant)
    if op == "Mul":
        return constant, none
    return (1 / constant, none) if op == "Div" and x_first and constant.all() else None


def single_axis(shape: tuple[int, ...], rank: int) -> int | None:
    """The axis, of `rank`, along which alone a constant varies."""
    long = [axis + rank - len(shape) for axis, n in enumerate(shape) if n > 1]
    return long[0] if len(long) == 1 else None


