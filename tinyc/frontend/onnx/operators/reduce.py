"""ReduceMean."""

from __future__ import annotations

from dataclasses import replace

from tinyc.frontend.onnx.converter import converter
from tinyc.frontend.onnx.layout import Layout
from tinyc.frontend.onnx.operators.window import globally_averaged
from tinyc.frontend.onnx.site import FULL, Site
from tinyc.frontend.onnx.tensors import Clamp, Pending
from tinyc.ir.graph import Value
from tinyc.ir.types import Quant
from tinyc.ops import Mean


@converter("ReduceMean", inputs=(1, 2))
def reduce_mean(site: Site) -> None:
    """Axes are an operand from opset 18 on, an attribute before; none means all."""
    x = site.real(0)
    rank = len(x.shape)
    axes = site.axes(rank, 1, ())
    if not axes and site.whole("noop_with_empty_axes", 0):
        site.result(x)
        return
    axes = axes or tuple(range(rank))
    if rank == 4 and set(axes) == {2, 3}:
        found = globally_averaged(site, x)
        flat = found.layout.reshaped(x.shape[:2])
        assert flat is not None
        site.result(found if site.whole("keepdims", 1) else replace(found, layout=flat))
        return
    image, order = site.by_axes(x)
    op = Mean(tuple(sorted(order.index(a) for a in axes)), keep_dims=True, rounds_once=True)
    kept = tuple(1 if a in axes else n for a, n in enumerate(x.shape))
    layout = Layout.ordered(kept, order)
    if not site.whole("keepdims", 1):
        dropped = layout.reshaped(tuple(n for a, n in enumerate(x.shape) if a not in axes))
        assert dropped is not None
        layout = dropped

    def finish(quant: Quant, clamp: Clamp) -> Value:
        return site.clamped(site.emit(op, [image], quant, "" if clamp == FULL else "mean"), clamp)

    site.result(Pending("ReduceMean", layout, finish))
