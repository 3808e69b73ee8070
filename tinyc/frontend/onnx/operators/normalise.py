"""LayerNormalization: rows of codes brought to mean 0 and variance 1, then a factor and an offset per element."""

from __future__ import annotations

import math

import numpy as np

from tinyc.frontend.onnx.converter import converter
from tinyc.frontend.onnx.layout import Layout
from tinyc.frontend.onnx.operators.window import exact_constant
from tinyc.frontend.onnx.site import Site
from tinyc.frontend.onnx.tensors import Clamp, Pending, Quantised, Tensor
from tinyc.frontend.tflite.refusal import Refusal
from tinyc.ir.graph import Value
from tinyc.ir.types import Array, DType, Quant, Shape
from tinyc.ops import LayerNorm

BETA_BITS = 30


@converter("LayerNormalization", inputs=(2, 3), outputs=(1, 3))
def layer_normalization(site: Site) -> None:
    if any(site.node.outputs[1:]):
        raise Refusal("its mean or inverse deviation is used", "export the model in inference mode")
    x = site.real(0)
    first = site.axis(site.whole("axis", -1), max(len(x.shape), 1))
    site.result(normalised(site, x, first, site.number("epsilon", 1e-5)))


def normalised(site: Site, x: Tensor, first: int, epsilon: float) -> Pending:
    """Over the axes from `first` on, as one row; gamma is operand 1, beta operand 2."""
    value, layout = _rows(site, x, first)
    gamma = _gamma(site, x.shape[first:])
    beta = _beta(site, x.shape[first:]) if site.has(2) else None
    if not 0 <= epsilon < math.inf:
        raise Refusal(f"its epsilon is {epsilon}", "the file is damaged")
    op = LayerNorm(float(np.float32(epsilon)))

    def finish(quant: Quant, clamp: Clamp) -> Value:
        return site.clamped(site.emit(op, [value, gamma, beta], quant), clamp)

    op.infer(*(None if v is None else v.type for v in (value, gamma, beta)))
    return Pending("LayerNormalization", layout, finish)


def _rows(site: Site, x: Tensor, first: int) -> tuple[Value, Layout]:
    """The tensor with what is normalised together as its last axis."""
    if first == len(x.shape) - 1:
        value, order = site.by_axes(x)
        if order[-1] != first:
            order = (*(a for a in order if a != first), first)
            value = site.ordered(x, order)
        return value, Layout.ordered(x.shape, order)
    natural = tuple(range(len(x.shape)))
    lead, row = x.shape[:first], math.prod(x.shape[first:])
    return site.viewed(site.ordered(x, natural), (*lead, row)), Layout.row_major(x.shape)


def _gamma(site: Site, shape: Shape) -> Value:
    """Codes as they are where int8 holds them; float numbers over just their range."""
    found = site.operand(1)
    if isinstance(found, Quantised) and found.is_int8:
        codes = np.broadcast_to(_fitting(found.codes, shape), shape).reshape(-1)
        return site.constant("gamma", codes, DType.int8, found.quant)
    real = np.broadcast_to(_fitting(exact_constant(site, 1, "the factor"), shape), shape).reshape(-1)
    low, high = float(real.min()), float(real.max())
    if low == high:  # as in networks that were never trained; a zero point far away would cost precision
        scale, zero = np.float32(max(abs(low), 1e-30) / 127), 0
    else:
        scale = np.float32(max((high - low) / 255, max(abs(low), abs(high)) / (1 << 14)))
        zero = int(np.rint(-128 - low / scale))
    codes = np.clip(np.rint(real / scale) + zero, -128, 127).astype(np.int8)
    return site.constant("gamma", codes, DType.int8, Quant.per_tensor(float(scale), zero))


def _beta(site: Site, shape: Shape) -> Value:
    """int32 codes, on the file's own scale where it has one."""
    found = site.operand(2)
    if isinstance(found, Quantised) and found.axis is None and not found.zero_point.any():
        codes = np.broadcast_to(_fitting(found.codes, shape), shape).reshape(-1)
        return site.constant("beta", codes.astype(np.int32), DType.int32, Quant.per_tensor(float(found.scale[0]), 0))
    real = np.broadcast_to(_fitting(exact_constant(site, 2, "the offset"), shape), shape).reshape(-1)
    if not np.isfinite(real).all():
        raise Refusal("its offset is not finite", "the file is damaged")
    scale = np.float32(max(float(np.abs(real).max()), 1e-30) / (1 << BETA_BITS))
    return site.constant("beta", np.rint(real / scale).astype(np.int32), DType.int32, Quant.per_tensor(float(scale), 0))


def _fitting(numbers: Array, shape: Shape) -> Array:
    """Numbers that broadcast to one row."""
    try:
        fits = np.broadcast_shapes(numbers.shape, shape) == shape
    except ValueError:
        fits = False
    if not fits:
        found = f"its factor or offset has the shape {list(numbers.shape)}, its rows {list(shape)}"
        raise Refusal(found, "the file is damaged")
    return numbers

