"""Dense layers: products with constant weights over the last axis, rows in whatever order they lie."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np

from tinyc.frontend.onnx.layout import Layout
from tinyc.frontend.onnx.operators.window import bias_codes, weight_quant, weights_of
from tinyc.frontend.onnx.site import Site
from tinyc.frontend.onnx.tensors import Clamp, Pending, Quantised, Tensor
from tinyc.frontend.tflite.refusal import Refusal
from tinyc.ir.graph import Value
from tinyc.ir.types import Array, DType, Quant
from tinyc.ops import FullyConnected


def scaled_dense(site: Site, x: Tensor, bias: Array | None, weights: int = 1) -> Pending:
    """alpha · x · w + beta · bias, with w (operand `weights`) transposed where transB says so."""
    if site.whole("transA", 0):
        raise Refusal("its first operand is transposed (transA)", "transpose it where it is made")
    alpha = site.number("alpha", 1.0)
    if not 0 < alpha < math.inf:
        raise Refusal(f"its alpha is {alpha}", "tinyc takes an alpha above 0")
    w = columns_last(site, weights) if not site.whole("transB", 0) else _rows_last(weights_of(site, weights))
    w = replace(w, scale=(w.scale * np.float32(alpha)).astype(np.float32))
    return dense(site, x, w, None if bias is None else bias * site.number("beta", 1.0))


def columns_last(site: Site, index: int) -> Quantised:
    """Weights [K,O] as they are."""
    w = weights_of(site, index)
    if w.codes.ndim != 2:
        found = f"its weights have the shape {list(w.shape)}, expected two axes"
        raise Refusal(found, "batches of products are not supported")
    return w


def _rows_last(w: Quantised) -> Quantised:
    """Weights [O,K] as [K,O]."""
    if w.codes.ndim != 2:
        raise Refusal(f"its weights have the shape {list(w.shape)}, expected two axes", "the file is damaged")
    return replace(w, codes=w.codes.T, axis=None if w.axis is None else 1 - w.axis)


def dense(site: Site, x: Tensor, w: Quantised, bias: Array | None) -> Pending:
    """x [.., K], w [K,O] with scales along axis 1, a real bias [O] or one number."""
    inner, outer = w.shape
    if not x.shape or x.shape[-1] != inner:
        raise Refusal(f"its input {list(x.shape)} does not fit weights {list(w.shape)}", "the file is damaged")
    if w.axis is not None and w.zero_point.any():
        raise Refusal("its weights have scales per channel and zero points other than 0", "quantise them symmetrically")
    if bias is not None:
        bias = _one_bias_per_column(bias, x.shape, outer)
    x = _rows_first(site, x)
    # The input's elements lie in memory in an order of their own: the weights follow it, once, here.
    last = x.layout.numbers(len(x.shape) - 1)
    within = Layout((x.layout.factors[-1],), tuple(i - last.start for i in x.layout.order if i in last))
    codes = np.ascontiguousarray(within.to_memory(np.arange(inner)).reshape(-1))
    weights = site.constant("weights", w.codes[codes].T, DType.int8, weight_quant(w, 1, 0))
    operands = [
        _as_rows(site, x.value, inner), weights,
        None if bias is None else bias_codes(site, bias, x.quant.scale[0], w),
    ]  # fmt: skip

    def finish(quant: Quant, clamp: Clamp) -> Value:
        return site.emit(FullyConnected(clamp, rounds_once=True), operands, quant)

    return Pending(site.node.op, _columns(x.layout, outer), finish, affine=_column_affine(site, x, w, bias))


def _as_rows(site: Site, x: Value, inner: int) -> Value:
    """Tokens [B,N,C] as they are, all else as a list of rows."""
    tokens = len(x.type.shape) == 3 and x.type.shape[-1] == inner
    return x if tokens else site.viewed(x, (x.type.elements // inner, inner))


def _one_bias_per_column(bias: Array, shape: tuple[int, ...], outer: int) -> Array:
    rank, leading = len(shape), bias.shape[:-1]
    if bias.ndim > rank or any(n != 1 for n in leading) or bias.shape[-1:] not in ((), (1,), (outer,)):
        raise Refusal(f"its bias has the shape {list(bias.shape)}, expected one number for each of {outer} columns")
    return np.broadcast_to(bias.reshape(-1), (outer,))


def _rows_first(site: Site, x: Tensor) -> Tensor:
    """Rearranged, where needed, so that every row's elements lie together."""
    inner = set(x.layout.numbers(len(x.shape) - 1))
    count = len(x.layout.order) - len(inner)
    together = set(x.layout.order[count:]) == inner
    return x if together else site.arranged(x, Layout.row_major(x.shape))


def _columns(layout: Layout, outer: int) -> Layout:
    """The rows' layout with `outer` results in place of each row."""
    inner = set(layout.numbers(len(layout.factors) - 1))
    rows = tuple(i for i in layout.order if i not in inner)
    new = ((outer,), (*rows, len(rows))) if outer > 1 else ((), rows)
    return Layout((*layout.factors[:-1], new[0]), new[1])


def _column_affine(site: Site, x: Tensor, w: Quantised, bias: Array | None) -> Any:
    """MatMul, then Add or Mul of a constant along the last axis, is one dense layer."""
    outer, rank = w.shape[1], len(x.shape)

    def apply(factor: Array, offset: Array) -> Pending | None:
        if not all(v.ndim <= rank and v.size == (v.shape or (1,))[-1] in (1, outer) for v in (factor, offset)):
            return None
        scale, added = (np.broadcast_to(v.reshape(-1), (outer,)) for v in (factor, offset))
        scaled = w.rescaled(scale, 1)
        old = 0 if bias is None else bias
        return None if scaled is None else dense(site, x, scaled, scale * old + added)

    return apply
