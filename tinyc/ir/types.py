"""Tensor types: shape, element type, quantisation. All immutable, all with a text form that round-trips."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import Enum
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
Shape = tuple[int, ...]


class DType(Enum):
    """Element type of a tensor; the value is the numpy name and the spelling in text."""

    int8 = "int8"
    uint8 = "uint8"
    int16 = "int16"
    int32 = "int32"
    int64 = "int64"
    float32 = "float32"
    bool = "bool"

    @cached_property
    def bytes(self) -> int:
        """Bytes per element."""
        return self.numpy.itemsize

    @property
    def numpy(self) -> np.dtype[Any]:
        return _NUMPY[self]

    @property
    def c(self) -> str:
        """The C type of one element."""
        return _C_TYPES[self]

    @property
    def limits(self) -> tuple[int, int]:
        """Smallest and largest code of an integer type."""
        info = np.iinfo(self.numpy)
        return int(info.min), int(info.max)


_NUMPY = {d: np.dtype(d.value) for d in DType}
_C_TYPES = {d: "float" if d is DType.float32 else "bool" if d is DType.bool else f"{d.value}_t" for d in DType}


def _number(x: float) -> str:
    return repr(int(x)) if x == int(x) and abs(x) < 1e9 else repr(x)


@dataclass(frozen=True, slots=True)
class Quant:
    """Affine quantisation, real = scale · (code − zero_point); one scale, or one per index of `axis`.

    Scales are float32 values (held as Python floats): references compute effective scales from exactly these.
    """

    scale: tuple[float, ...]
    zero_point: tuple[int, ...]
    axis: int | None = None

    @classmethod
    def per_tensor(cls, scale: float, zero_point: int) -> Quant:
        return cls((float(np.float32(scale)),), (int(zero_point),))

    def __hash__(self) -> int:
        """Of little, because types are looked up often and channels are many."""
        return hash((self.axis, len(self.scale), self.scale[:2], self.zero_point[:1]))

    @property
    def is_per_channel(self) -> bool:
        return self.axis is not None

    @property
    def is_symmetric(self) -> bool:
        """Whether every zero point is 0."""
        return not any(self.zero_point)

    def is_negative(self, code: int) -> bool:
        """Whether a code stands for a negative number, for some index of the axis."""
        return code < max(self.zero_point)

    @property
    def scalar(self) -> tuple[float, int]:
        """(scale, zero point) of a per-tensor quantisation."""
        if self.axis is not None:
            raise ValueError("expected one scale for the whole tensor, got one per channel")
        return self.scale[0], self.zero_point[0]

    def __str__(self) -> str:
        return _text(self)


@lru_cache(maxsize=1 << 12)  # channels are many, and stand-in scales come again from network to network
def _text(quant: Quant) -> str:
    scales, zeros = ",".join(map(_number, quant.scale)), ",".join(map(str, quant.zero_point))
    return f"q({scales};{zeros})" if quant.axis is None else f"q(axis={quant.axis};{scales};{zeros})"


@dataclass(frozen=True, slots=True)
class TensorType:
    """Shape, element type and quantisation of a tensor. Activations are NHWC."""

    shape: Shape
    dtype: DType = DType.int8
    quant: Quant | None = None

    @property
    def elements(self) -> int:
        return math.prod(self.shape)

    @property
    def bytes(self) -> int:
        """Size in memory, without alignment."""
        return self.elements * self.dtype.bytes

    @property
    def rank(self) -> int:
        return len(self.shape)

    @property
    def scale(self) -> float:
        return self._quant().scalar[0]

    @property
    def zero_point(self) -> int:
        return self._quant().scalar[1]

    def _quant(self) -> Quant:
        if self.quant is None:
            raise ValueError(f"expected a quantised tensor, got {self}")
        return self.quant

    def with_shape(self, shape: Shape) -> TensorType:
        return self if shape == self.shape else TensorType(shape, self.dtype, self.quant)

    def __str__(self) -> str:
        text = f"{self.dtype.value}[{','.join(map(str, self.shape))}]"
        return text if self.quant is None else f"{text} {self.quant}"


@dataclass(frozen=True, slots=True)
class Signature:
    """The types of one operator's operands; an optional input that is absent is None."""

    inputs: tuple[TensorType | None, ...]
    outputs: tuple[TensorType, ...]

    def input(self, index: int) -> TensorType:
        """The type of an input that must be there."""
        found = self.inputs[index] if index < len(self.inputs) else None
        if found is None:
            raise ValueError(f"input {index} is absent")
        return found

    @property
    def output(self) -> TensorType:
        return self.outputs[0]

    @property
    def unquantised(self) -> Signature:
        """Shapes and element types alone."""
        inputs = tuple([None if t is None else TensorType(t.shape, t.dtype) for t in self.inputs])
        return Signature(inputs, tuple([TensorType(t.shape, t.dtype) for t in self.outputs]))
