"""From a file's tensor to a tinyc tensor type, or the reason why there is none."""

from __future__ import annotations

import math

import numpy as np

from tinyc.frontend.tflite.model_file import FileTensor
from tinyc.frontend.tflite.refusal import Refusal
from tinyc.ir.types import Array, DType, Quant, TensorType

MAX_RANK = 8
MAX_DIMENSION = 1 << 22
MAX_ELEMENTS = 1 << 28  # the external memory that a Cortex-M can address is no larger

_DTYPES = {"INT8": DType.int8, "INT32": DType.int32, "INT64": DType.int64, "FLOAT32": DType.float32}

_INTEGER = "convert the model with full-integer int8 quantisation (supported_ops = [TFLITE_BUILTINS_INT8])"
_TYPE_REMEDIES = {
    "UINT8": f"the uint8 scheme of older converters is not supported: {_INTEGER}",
    "INT16": f"16-bit activations are not supported: {_INTEGER}",
    "INT4": "4-bit weights are not supported: convert with int8 weights",
    "FLOAT16": f"float16 weights are computed in float: {_INTEGER}",
}


def tensor_type(tensor: FileTensor) -> TensorType:
    """Shape, element type and quantisation. Raises Refusal naming the tensor and the reason."""
    _check_storage(tensor)
    if tensor.type not in _DTYPES:
        raise _refuse(tensor, f"has element type {tensor.type}", _TYPE_REMEDIES.get(tensor.type, _INTEGER))
    dtype = _DTYPES[tensor.type]
    _check_shape(tensor)
    type_ = TensorType(tensor.shape, dtype, _quant(tensor) if dtype is DType.int8 else None)
    if len(tensor.data) not in (0, type_.bytes):
        raise _refuse(
            tensor,
            f"holds {len(tensor.data)} bytes of data, expected {type_.bytes} for {type_.dtype.value}"
            f"{list(type_.shape)}",
            "the file is damaged: convert the model again",
        )
    return type_


def contents(tensor: FileTensor, type_: TensorType) -> Array:
    """The data of a constant whose type was checked, not copied where it is aligned."""
    array = np.frombuffer(tensor.data, type_.dtype.numpy.newbyteorder("<")).reshape(type_.shape)
    return np.require(array, requirements="A")


def _refuse(tensor: FileTensor, reason: str, remedy: str) -> Refusal:
    return Refusal(f"tensor {tensor.index} {tensor.name!r} {reason}", remedy)


def _check_storage(tensor: FileTensor) -> None:
    if tensor.variable:
        remedy = "tinyc compiles networks without state: make it an input and an output"
        raise _refuse(tensor, "is a variable", remedy)
    if tensor.sparse:
        raise _refuse(tensor, "is stored sparse", "convert without sparsity encoding")
    if tensor.external:
        remedy = "models beyond 2 GB cannot run on the targets"
        raise _refuse(tensor, "keeps its data outside the flatbuffer", remedy)
    if tensor.custom_quantisation:
        raise _refuse(tensor, "has a custom quantisation", _INTEGER)


def _check_shape(tensor: FileTensor) -> None:
    shape, signature = tensor.shape, tensor.signature
    if len(shape) > MAX_RANK:
        raise _refuse(tensor, f"has {len(shape)} axes", f"tinyc takes up to {MAX_RANK}")
    if min(shape, default=1) < 1:
        raise _refuse(tensor, f"has the shape {list(shape)}", "every dimension must be 1 or more and known")
    if max(shape, default=1) > MAX_DIMENSION:
        raise _refuse(tensor, f"has the shape {list(shape)}", f"tinyc takes dimensions up to {MAX_DIMENSION}")
    if math.prod(shape) > MAX_ELEMENTS:
        raise _refuse(tensor, f"has {math.prod(shape)} elements", f"tinyc takes up to {MAX_ELEMENTS}")
    # A free batch size is common and harmless: the file's own shape says 1, and that is what is compiled.
    free = [axis for axis, n in enumerate(signature) if n < 0 and (axis, shape[axis : axis + 1]) != (0, (1,))]
    if free:
        raise _refuse(
            tensor,
            f"has a shape known only at run time ({list(signature)}, axis {free[0]} is free)",
            "fix the input shape when converting; memory is planned ahead of time",
        )


def _quant(tensor: FileTensor) -> Quant | None:
    """The affine quantisation, or None where the file lacks scales or zero points (TFLM needs both)."""
    scales, zeros = tensor.scales, tensor.zero_points
    if not len(scales) or not len(zeros):
        return None
    if not (np.isfinite(scales).all() and (scales >= np.finfo(np.float32).tiny).all()):
        raise _refuse(tensor, f"has the scale {float(_worst(scales))!r}", "scales must be finite and above 0")
    if len(zeros) not in (1, len(scales)):
        raise _refuse(tensor, f"has {len(zeros)} zero points for {len(scales)} scales", "the file is damaged")
    lowest, highest = DType.int8.limits
    if not (lowest <= zeros.min() and zeros.max() <= highest):
        raise _refuse(tensor, f"has a zero point outside {lowest} to {highest}", "the file is damaged")
    points = np.broadcast_to(zeros, scales.shape)
    if len(scales) == 1:
        return Quant((float(scales[0]),), (int(points[0]),))
    _check_channels(tensor)
    return Quant(tuple(scales.tolist()), tuple(points.tolist()), tensor.axis)


def _worst(scales: Array) -> float:
    bad = ~(np.isfinite(scales) & (scales >= np.finfo(np.float32).tiny))
    return float(scales[bad][0])


def _check_channels(tensor: FileTensor) -> None:
    axis, shape, count = tensor.axis, tensor.shape, len(tensor.scales)
    if not 0 <= axis < len(shape):
        raise _refuse(tensor, f"is quantised along axis {axis} of {len(shape)}", "the file is damaged")
    if shape[axis] != count:
        found = f"has {count} scales for {shape[axis]} channels on axis {axis}"
        raise _refuse(tensor, found, "the file is damaged")
