"""Operators that hold their own scales (QLinearConv, QGemm, …): dequantise, the float operator, quantise."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from tinyc.frontend.onnx.converter import MANY, MICROSOFT, converter
from tinyc.frontend.onnx.operators.dense import scaled_dense
from tinyc.frontend.onnx.operators.elementwise import combine
from tinyc.frontend.onnx.operators.matmul import product
from tinyc.frontend.onnx.operators.quantize import dequantised, seen_as_real
from tinyc.frontend.onnx.operators.shape import joined
from tinyc.frontend.onnx.operators.softmax import normalised
from tinyc.frontend.onnx.operators.unary import F32, as_island, evaluated
from tinyc.frontend.onnx.operators.window import averaged, convolution, globally_averaged
from tinyc.frontend.onnx.site import Site
from tinyc.frontend.onnx.tensors import Constant, Island, Known, Quantised, Tensor
from tinyc.frontend.tflite.refusal import Refusal
from tinyc.ir.types import Array


def _real(site: Site, index: int, axis: int | None = None) -> Tensor | Quantised:
    """Operand `index` with the scale and zero point that follow it."""
    x = site.operand(index)
    scale, zero = index + 1, index + 2
    if isinstance(x, Constant):
        return dequantised(site, x, scale, zero, axis)
    return seen_as_real(site, index, scale, zero)


def _tensor(site: Site, index: int) -> Tensor:
    return site.settled(_real(site, index))


def _weights(site: Site, index: int, axis: int) -> Quantised:
    """Constant weights, and from here on the operand itself."""
    w = _real(site, index, axis)
    if not isinstance(w, Quantised):
        raise Refusal("its weights are computed at run time", "tinyc needs them constant here")
    site.replace(index, w)
    return w


def _quantise(site: Site, found: Known, scale: int) -> None:
    """The result, by the scale and zero point at `scale` and after."""
    quant, unsigned = site.activation_quant(scale, scale + 1)
    site.quantise(found, quant, unsigned)


def _accumulated(site: Site, index: int, x: Tensor, w: Quantised) -> Array | None:
    """The real numbers of an int32 bias on the scale of the accumulators."""
    if not site.has(index):
        return None
    codes = site.array(index, "the bias")
    if codes.dtype != np.int32:
        raise Refusal(f"its bias is {codes.dtype}, expected int32", "the file is damaged")
    try:
        return np.asarray(codes.astype(np.float64) * (x.quant.scale[0] * w.scale.astype(np.float64)))
    except ValueError:
        raise Refusal("its bias does not fit its scales", "the file is damaged") from None


@converter("QLinearConv", inputs=(8, 9))
def qlinear_conv(site: Site) -> None:
    x, w = _tensor(site, 0), _weights(site, 3, 0)
    _quantise(site, convolution(site, x, w, _accumulated(site, 8, x, w)), 6)


@converter("QLinearMatMul", inputs=(8, 8))
@converter("QLinearMatMul", inputs=(8, 8), domain=MICROSOFT)
def qlinear_matmul(site: Site) -> None:
    """With constant weights, or of two tensors."""
    site.replace(3, _real(site, 3, 1))
    _quantise(site, product(site, _real(site, 0), 3), 6)


@converter("QGemm", inputs=(6, 9), domain=MICROSOFT)
def qgemm(site: Site) -> None:
    """The bias is on the scale alpha · s_a · s_b. Without an output scale the result is float."""
    x = _tensor(site, 0)
    transposed = site.whole("transB", 0)
    w = _weights(site, 3, 0 if transposed else 1)
    bias = _accumulated(site, 6, x, w)
    if bias is not None:
        bias = bias * site.number("alpha", 1.0)
    found = scaled_dense(site, x, bias, 3)
    if site.has(7):
        _quantise(site, found, 7)
    else:
        site.result(found)


@converter("QLinearAdd", "QLinearMul", inputs=(7, 8), domain=MICROSOFT)
def qlinear_binary(site: Site) -> None:
    a, b = _real(site, 0), _real(site, 3)
    _quantise(site, combine(site, site.node.op.removeprefix("QLinear"), a, b), 6)


def _unary(function: Callable[[Site, Array], Array]) -> Callable[[Site], None]:
    def convert(site: Site) -> None:
        x = as_island(site, _tensor(site, 0))
        _quantise(site, Island(x.source, evaluated(lambda v: function(site, v), x.table)), 3)

    return convert


@converter("QLinearSigmoid", inputs=(4, 5), domain=MICROSOFT)
def qlinear_sigmoid(site: Site) -> None:
    _unary(lambda _, x: 1 / (1 + np.exp(-x.astype(np.float64))))(site)


@converter("QLinearLeakyRelu", inputs=(4, 5), domain=MICROSOFT)
def qlinear_leaky_relu(site: Site) -> None:
    _unary(lambda s, x: np.where(x >= 0, x, F32(s.number("alpha", 0.01)) * x))(site)


def _nchw(site: Site) -> None:
    if site.whole("channels_last", 0):
        raise Refusal("channels_last is not supported", "export with channels first")


@converter("QLinearAveragePool", inputs=(4, 5), domain=MICROSOFT)
def qlinear_average_pool(site: Site) -> None:
    _nchw(site)
    _quantise(site, averaged(site, _tensor(site, 0), of_codes=True), 3)


@converter("QLinearGlobalAveragePool", inputs=(4, 5), domain=MICROSOFT)
def qlinear_global_average_pool(site: Site) -> None:
    _nchw(site)
    _quantise(site, globally_averaged(site, _tensor(site, 0), of_codes=True), 3)


@converter("QLinearSoftmax", inputs=(4, 5), domain=MICROSOFT)
def qlinear_softmax(site: Site) -> None:
    if site.whole("opset", 13) < 13:
        raise Refusal("it follows the softmax of opset 12 and before", "export with opset 13 or newer")
    _quantise(site, normalised(site, _tensor(site, 0)), 3)


@converter("QLinearConcat", inputs=(5, MANY), domain=MICROSOFT)
def qlinear_concat(site: Site) -> None:
    if (site.count - 2) % 3:
        raise Refusal(f"it has {site.count} inputs, expected 2 and 3 for each part", "the file is damaged")
    _quantise(site, joined(site, [_real(site, i) for i in range(2, site.count, 3)]), 0)
