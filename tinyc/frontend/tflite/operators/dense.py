"""FULLY_CONNECTED, on inputs of any rank, and BATCH_MATMUL."""

from __future__ import annotations

import math

import numpy as np

from tinyc.frontend.tflite.converter import converter
from tinyc.frontend.tflite.refusal import Refusal
from tinyc.frontend.tflite.site import Site
from tinyc.ir.graph import Value
from tinyc.ops import BatchMatMul, FullyConnected, Reshape

BIAS_SCALE_TOLERANCE = 0.02  # of TFLM, in units of the output scale


@converter("FULLY_CONNECTED", inputs=(2, 3), options="FullyConnectedOptions")
def fully_connected(site: Site) -> None:
    """Rows of as many elements as the weights have columns; the output has the shape of the file."""
    if site.option("weights_format") != 0:
        raise Refusal("shuffled weights are not supported", "convert with the default weights format")
    x, w = site.value(0), site.constant(1, "weights")
    bias = site.constant(2, "bias") if site.has(2) else None
    if bias is not None:
        _check_bias_scale(site, x, w)
    rows = _rows(site, x, w)
    y, dense = site.output_type(), FullyConnected(clamp=site.clamp())
    if x.type.rank >= 2 and x.type.shape[-1] == rows[1] and y.shape == (*x.type.shape[:-1], w.type.shape[0]):
        site.emit(dense, [x, w, bias])
        return
    if x.type.shape != rows:
        x = site.step(Reshape(rows), [x], x.type.with_shape(rows), "rows")
    flat = (rows[0], w.type.shape[0])
    if y.shape == flat:
        site.emit(dense, [x, w, bias])
        return
    if math.prod(y.shape) != math.prod(flat) or y.shape[-1:] != flat[-1:]:
        raise Refusal(
            f"the output has the shape {list(y.shape)}, expected {list(flat)}", "the file is damaged"
        )
    result = site.step(dense, [x, w, bias], y.with_shape(flat), "dense")
    site.emit(Reshape(y.shape), [result])


def _rows(site: Site, x: Value, w: Value) -> tuple[int, int]:
    """[rows, columns] of the input as the dense layer reads it."""
    if w.type.rank != 2:
        raise Refusal(
            f"the weights have the shape {list(w.type.shape)}, expected two axes", "the file is damaged"
        )
    columns = w.type.shape[1]
    if x.type.elements % columns:
        raise Refusal(
            f"{x.type.elements} input elements are no rows of {columns} columns", "the file is damaged"
        )
    return x.type.elements // columns, columns


def _check_bias_scale(site: Site, x: Value, w: Value) -> None:
    """TFLM's rule for weights with one scale: the bias is on the scale of the products, or nearly."""
    y = site.output_type()
    if w.type.quant is None or w.type.quant.is_per_channel or None in (x.type.quant, y.quant):
        return
    bias = site.tensor(2)
    bias_scale = float(bias.scales[0]) if len(bias.scales) and len(bias.zero_points) else 0.0
    product = float(np.float32(x.type.scale) * np.float32(w.type.scale))
    if not abs(product - bias_scale) / y.scale <= BIAS_SCALE_TOLERANCE:
        raise Refusal(
            f"the bias has the scale {bias_scale!r}, expected input scale times weight scale = {product!r}",
            "TFLM refuses this too: convert the model again",
        )


@converter("BATCH_MATMUL", inputs=(2, 2), options="BatchMatMulOptions")
def batch_matmul(site: Site) -> None:
    op = BatchMatMul(transpose_a=site.option("adj_x"), transpose_b=site.option("adj_y"))
    site.emit(op, [site.value(0, "a"), site.value(1, "b")])
