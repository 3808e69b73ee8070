"""Post-training quantisation of float ONNX models to int8, by onnxruntime's quantiser (`tinyc quantize`)."""

from __future__ import annotations

from tinyc.quantization.accuracy import OutputError
from tinyc.quantization.data import read_samples
from tinyc.quantization.engine import QuantizedModel, check_output, quantize
from tinyc.quantization.options import QuantizeOptions

__all__ = ["OutputError", "QuantizeOptions", "QuantizedModel", "check_output", "quantize", "read_samples"]
