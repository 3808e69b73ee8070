"""The converters, one module per operator family; importing this package registers them all."""

from tinyc.frontend.onnx.operators import (
    dense,
    elementwise,
    qoperators,
    quantize,
    reduce,
    shape,
    slice,
    softmax,
    unary,
    window,
)

__all__ = [
    "dense", "elementwise", "qoperators", "quantize", "reduce", "shape", "slice", "softmax", "unary", "window",
]  # fmt: skip
