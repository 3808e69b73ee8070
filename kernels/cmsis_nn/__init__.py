"""Provider `cmsis-nn`: calls of Arm's CMSIS-NN, API of v7.0.0. The portable stand-in lies beside, in `standin/`."""

from tinyc.kernels.cmsis_nn import convolution, dense, elementwise, pooling

__all__ = ["convolution", "dense", "elementwise", "pooling"]
