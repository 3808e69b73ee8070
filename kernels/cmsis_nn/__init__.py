"""Provider `cmsis-nn`: calls of Arm's CMSIS-NN, API of v7.0.0. `standin/` has a portable stand-in."""

from tinyc.kernels.cmsis_nn import convolution, dense, elementwise, movement, pooling, softmax

__all__ = ["convolution", "dense", "elementwise", "movement", "pooling", "softmax"]
