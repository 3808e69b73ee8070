"""Softmax: TFLite's operator where the output has its scale, 1/256; else the one for any scale."""

from __future__ import annotations

from tinyc.frontend.onnx.converter import converter
from tinyc.frontend.onnx.layout import Layout
from tinyc.frontend.onnx.site import Site
from tinyc.frontend.onnx.tensors import Clamp, Pending, Tensor
from tinyc.ir.graph import Value
from tinyc.ir.types import Quant
from tinyc.ops import Softmax, SoftmaxScaled

NATIVE = Quant.per_tensor(1 / 256, -128)


@converter("Softmax", inputs=(1, 1))
def softmax(site: Site) -> None:
    site.result(normalised(site, site.real(0)))


def normalised(site: Site, x: Tensor) -> Pending:
    """Softmax along one axis, which is brought last in memory where it is not."""
    rank = len(x.shape)
    axis = site.axis(site.whole("axis", -1), max(rank, 1))
    value, order = site.by_axes(x)
    if order[-1] != axis:
        order = (*(a for a in order if a != axis), axis)
        value = site.ordered(x, order)

    def finish(quant: Quant, clamp: Clamp) -> Value:
        op = Softmax() if quant == NATIVE else SoftmaxScaled()
        return site.clamped(site.emit(op, [value], quant), clamp)

    return Pending("Softmax", Layout.ordered(x.shape, order), finish)
