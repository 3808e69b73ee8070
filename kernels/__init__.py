"""The kernel library: declarations and their C, one folder per family (docs/kernels.md shows how to add one).

`cmsis_nn` calls Arm's library; every other folder is provider `tinyc`: what CMSIS-NN lacks, does not do
exactly or does more slowly. Importing this package registers them all.
"""

from tinyc.kernels import (
    average,
    cmsis_nn,
    concatenation,
    conv,
    conv_sums,
    copy,
    depthwise,
    elementwise,
    fully_connected,
    gather,
    helium,
    image,
    layer_norm,
    lut,
    matmul,
    mean,
    pad,
    pointwise,
    pool,
    quantize,
    resize,
    softmax,
    sums,
)

__all__ = [
    "average", "cmsis_nn", "concatenation", "conv", "conv_sums", "copy", "depthwise", "elementwise",
    "fully_connected", "gather", "helium", "image", "layer_norm", "lut", "matmul", "mean", "pad", "pointwise", "pool",
    "quantize", "resize", "softmax", "sums",
]
