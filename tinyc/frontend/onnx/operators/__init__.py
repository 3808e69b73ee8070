"""The converters, one module per operator family; importing this package registers them all."""

from tinyc.frontend.onnx.operators import (
    affine,
    dense,
    elementwise,
    matmul,
    normalise,
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
    "affine", "dense", "elementwise", "matmul", "normalise", "qoperators", "quantize", "reduce", "shape", "slice",
    "softmax", "unary", "window",
]  # fmt: skip
