"""The operators: one module per family, each declaring attributes, type rule, access map and reference.

Importing this package registers them all. To add one: a frozen dataclass with `@operator("name")` in the
module of its family, and its import below. Nothing else in the compiler holds a list of operators. Only
convolutions, dense layers and matrix products count multiply-accumulates; `macs` of every other operator is 0.
"""

from tinyc.ops.concat import Concatenation
from tinyc.ops.conv import Conv2D, DepthwiseConv2D
from tinyc.ops.conv_sums import Conv2DSums, RequantizeSums
from tinyc.ops.elementwise import Add, Maximum, Minimum, Mul, SquaredDifference, Sub
from tinyc.ops.fully_connected import FullyConnected
from tinyc.ops.layer_norm import LayerNorm
from tinyc.ops.matmul import BatchMatMul
from tinyc.ops.pad import Pad
from tinyc.ops.pool import AveragePool2D, AveragePoolEven2D, MaxPool2D
from tinyc.ops.quantize import Dequantize, Quantize, Requantize
from tinyc.ops.reduce import Mean
from tinyc.ops.resize import ResizeNearest
from tinyc.ops.shape import Reshape, Transpose
from tinyc.ops.slice import StridedSlice
from tinyc.ops.softmax import Softmax, SoftmaxScaled
from tinyc.ops.sums import AddRows, AverageEvenSums, AverageSums, MeanSums, SumRows
from tinyc.ops.unary import Gelu, HardSwish, LeakyRelu, Logistic, Lut, Relu, Relu6, Rsqrt, Tanh, Unary

__all__ = [
    "AddRows",
    "AverageEvenSums",
    "AverageSums",
    "MeanSums",
    "SumRows",
    "Add",
    "AveragePool2D",
    "AveragePoolEven2D",
    "BatchMatMul",
    "Concatenation",
    "Conv2D",
    "Conv2DSums",
    "DepthwiseConv2D",
    "Dequantize",
    "FullyConnected",
    "Gelu",
    "HardSwish",
    "LayerNorm",
    "LeakyRelu",
    "Logistic",
    "Lut",
    "MaxPool2D",
    "Maximum",
    "Mean",
    "Minimum",
    "Mul",
    "Pad",
    "Quantize",
    "Relu",
    "Relu6",
    "Requantize",
    "RequantizeSums",
    "Reshape",
    "ResizeNearest",
    "Rsqrt",
    "Softmax",
    "SoftmaxScaled",
    "SquaredDifference",
    "StridedSlice",
    "Sub",
    "Tanh",
    "Transpose",
    "Unary",
]
