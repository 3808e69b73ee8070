"""Softmax: the integer kernel gives steps of 1/256; another output scale goes through a table."""

from __future__ import annotations

import numpy as np

from tinyc.frontend.onnx.converter import converter
from tinyc.frontend.onnx.layout import Layout
from tinyc.frontend.onnx.site import Site
from tinyc.frontend.onnx.tensors import Clamp, Pending, Tensor, codes_of
from tinyc.frontend.tflite.refusal import Refusal
from tinyc.ir.graph import Value
from tinyc.ir.types import Quant
from tinyc.ops import Softmax

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
        return site.clamped(_rescaled(site, value, quant), clamp)

    return Pending("Softmax", Layout.ordered(x.shape, order), finish)


def _rescaled(site: Site, x: Value, quant: Quant) -> Value:
    """In steps of 1/256, then by table to the scale asked for.

    Each probability is known to half a step, so the table is off by at most one code as long as its codes are
    no finer than the steps by more than a little: 1/255, which quantisers choose, is the finest that is taken.
    """
    if quant == NATIVE:
        return site.emit(Softmax(), [x], NATIVE)
    if quant.scale[0] < NATIVE.scale[0]:
        raise Refusal(
            f"its output scale {quant.scale[0]!r} is finer than 1/256, the step of the integer softmax",
            "calibrate the output to the range 0 to 1",
        )
    steps = site.emit(Softmax(), [x], NATIVE, "steps")
    real = np.arange(256, dtype=np.float32) / np.float32(256)
    real[255] = 1.0  # the last step holds everything from 254.5/256 to 1, and a certain answer is 1
    return site.lookup(steps, codes_of(real, *quant.scalar), quant)
