"""Softmax: TFLite's operator where the output has its scale, 1/256; else the one for any scale."""

from __future__ import annotations

import numpy as np

from tinyc.frontend.onnx.converter import converter
from tinyc.frontend.onnx.layout import Layout
from tinyc.frontend.onnx.site import Site
from tinyc.frontend.onnx.tensors import Clamp, Pending, Tensor
from tinyc.ir.graph import Value
from tinyc.ir.types import Quant
from tinyc.ops import Lut, Softmax, SoftmaxScaled

NATIVE = Quant.per_tensor(1 / 256, -128)


@converter("Softmax", inputs=(1, 1))
def softmax(site: Site) -> None:
    site.result(normalised(site, site.real(0)))


def normalised(site: Site, x: Tensor) -> Pending:
    """Softmax along one axis, which is brought last in memory where it is not."""
    rank = len(x.shape)
    axis = site.axis(site.whole("axis", -1), max(rank, 1))
    value, order = site.by_axes(x)
    if x.layout.is_row_major:  # as it lies, whatever place an axis of length 1 would have in an image
        order = tuple(range(rank))
        value = site.ordered(x, order)
    if order[-1] != axis:
        order = (*(a for a in order if a != axis), axis)
        value = site.ordered(x, order)
    value, beta = _before_scaling(value)

    def finish(quant: Quant, clamp: Clamp) -> Value:
        op = Softmax(beta) if quant == NATIVE else SoftmaxScaled(beta)
        return site.clamped(site.emit(op, [value], quant), clamp)

    return Pending("Softmax", Layout.ordered(x.shape, order), finish)


def _before_scaling(x: Value) -> tuple[Value, float]:
    """(value, beta) with softmax of x = softmax of beta · value: a factor that leaves codes as they are goes.

    So attention's scores are scaled by no operator of their own: the quantiser follows the factor with its scale.
    """
    node = x.producer
    if node is None or not isinstance(node.op, Lut):
        return x, 1.0
    table, before = node.input(1).data, node.input(0)
    if table is None or not np.array_equal(table, np.arange(-128, 128)):
        return x, 1.0
    return before, float(np.float32(x.type.scale / before.type.scale))
