"""QUANTIZE and DEQUANTIZE. Float32 exists at the ends of the network only, which the importer has checked."""

from __future__ import annotations

from tinyc.frontend.tflite.converter import converter
from tinyc.frontend.tflite.refusal import Refusal
from tinyc.frontend.tflite.site import Site
from tinyc.ir.types import DType
from tinyc.ops import Dequantize, Quantize, Requantize


@converter("QUANTIZE", inputs=(1, 1))
def quantize(site: Site) -> None:
    x = site.value(0)
    site.emit(Quantize() if x.type.dtype is DType.float32 else Requantize(), [x])


@converter("DEQUANTIZE", inputs=(1, 1))
def dequantize(site: Site) -> None:
    if site.tensor(0).data:
        raise Refusal(
            "it unpacks weights to float32 (float16 or dynamic-range quantisation)",
            "convert with full-integer int8 quantisation, so that weights are used as integers",
        )
    site.emit(Dequantize(), [site.value(0)])
