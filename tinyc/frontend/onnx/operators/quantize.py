"""QuantizeLinear and DequantizeLinear: where real numbers become codes and codes are seen as real numbers."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from tinyc.frontend.onnx.converter import converter
from tinyc.frontend.onnx.site import Site
from tinyc.frontend.onnx.tensors import Constant, Quantised, Tensor
from tinyc.frontend.tflite.refusal import Refusal
from tinyc.ir.types import Array, Quant


@converter("QuantizeLinear", inputs=(2, 3))
def quantize_linear(site: Site) -> None:
    _refuse_blocks(site)
    x = site.operand(0)
    if isinstance(x, Constant):
        scales, zeros = site.quantisation(1, 2)
        site.result(Constant(_quantised_constant(site, x.array, scales, zeros)))
        return
    quant, unsigned = site.activation_quant(1, 2)
    site.quantise(x, quant, unsigned)


def _quantised_constant(site: Site, x: Array, scales: Array, zeros: Array) -> Array:
    """Weights that the file keeps in float before their QuantizeLinear."""
    info = np.iinfo(zeros.dtype)
    if scales.size > 1:
        axis = site.axis(site.whole("axis", 1), x.ndim)
        along = [-1 if a == axis else 1 for a in range(x.ndim)]
        if scales.size != x.shape[axis]:
            raise Refusal(f"it has {scales.size} scales for {x.shape[axis]} channels", "the file is damaged")
        scales, zeros = scales.reshape(along), zeros.reshape(along)
    else:
        scales, zeros = scales[0], zeros[0]
    with np.errstate(all="ignore"):
        rounded = np.rint(np.nan_to_num(np.asarray(x, np.float32) / scales)) + np.asarray(zeros, np.float64)
    return np.clip(rounded, info.min, info.max).astype(info.dtype)


@converter("DequantizeLinear", inputs=(2, 3))
def dequantize_linear(site: Site) -> None:
    _refuse_blocks(site)
    x = site.operand(0)
    site.result(dequantised(site, x, 1, 2) if isinstance(x, Constant) else seen_as_real(site, 0, 1, 2))


def _refuse_blocks(site: Site) -> None:
    if site.whole("block_size", 0):
        raise Refusal("blockwise quantisation is not supported", "quantise per tensor or per channel")


def dequantised(site: Site, x: Constant, scale: int, zero: int, axis: int | None = None) -> Quantised:
    """A constant of codes with its scales; uint8 codes are brought to int8, 128 lower, zero points likewise.

    `axis` is that of the scales where there are several; the node's attribute where it is not given.
    """
    codes = x.array
    if codes.dtype.kind not in "iu":
        raise Refusal(f"it dequantises {codes.dtype}, expected integer codes", "the file is damaged")
    scales, zeros = site.quantisation(scale, zero)
    if not site.has(zero):
        zeros = np.zeros(scales.size, codes.dtype)
    if zeros.dtype != codes.dtype:
        raise Refusal(f"its codes are {codes.dtype}, its zero point {zeros.dtype}", "the file is damaged")
    shift = 128 if codes.dtype == np.uint8 else 0
    channel = None
    if scales.size > 1:
        channel = site.axis(site.whole("axis", 1) if axis is None else axis, codes.ndim)
        if codes.shape[channel] != scales.size:
            raise Refusal(f"it has {scales.size} scales for {codes.shape[channel]} channels", "the file is damaged")
    return Quantised(codes.astype(np.int64) - shift, scales, zeros.astype(np.int64) - shift, channel)


def seen_as_real(site: Site, index: int, scale: int, zero: int) -> Tensor:
    """A tensor of codes with the scale and zero point of two other operands."""
    x = site.tensor(index)
    if x.real:
        raise Refusal("its input is no tensor of codes", "the file is damaged")
    quant, unsigned = site.activation_quant(scale, zero)
    if not site.has(zero):
        quant, unsigned = Quant.per_tensor(quant.scale[0], -128 * x.unsigned), x.unsigned
    if unsigned != x.unsigned:
        raise Refusal("its codes and its zero point are not both int8 or both uint8", "the file is damaged")
    if x.value.type.quant is None:  # an input of the network: its first reader says what its codes mean
        site.importer.graph.retype(x.value, replace(x.value.type, quant=quant))
    elif x.quant != quant:
        raise Refusal(
            f"it reads codes of {x.quant} as if they were of {quant}", "give both ends of the tensor one scale"
        )
    return replace(x, real=True)
