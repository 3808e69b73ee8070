"""Between int8 codes and real numbers, by the rules of the operators QUANTIZE and DEQUANTIZE."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from tinyc.ir.graph import Value
from tinyc.ir.types import Array, DType, Signature, TensorType
from tinyc.ops import Dequantize, Quantize

if TYPE_CHECKING:
    from tinyc.program.program import Port


def convert(array: Array, kind: TensorType, wanted: TensorType) -> Array:
    """An array of type `kind` as one of type `wanted`, where at most one of them is float32."""
    if kind.dtype is wanted.dtype:
        return array
    return to_codes(array, wanted) if kind.dtype is DType.float32 else to_real(array, kind)


def to_codes(real: Array, kind: TensorType) -> Array:
    """Real numbers of any shape as codes of an int8 type: nearest, halves away from zero, saturated."""
    source = TensorType(real.shape, DType.float32)
    (codes,) = Quantize().reference(
        Signature((source,), (kind.with_shape(real.shape),)), real.astype(np.float32)
    )
    return codes


def to_real(codes: Array, kind: TensorType) -> Array:
    """Codes of an int8 type, of any shape, as float32."""
    result = TensorType(codes.shape, DType.float32)
    (real,) = Dequantize().reference(Signature((kind.with_shape(codes.shape),), (result,)), codes)
    return real


def converted(arrays: Sequence[Array], old: Sequence[Value | Port], new: Sequence[Value | Port]) -> list[Array]:
    """Arrays as the other end has them: float32 or codes, where only one of them has int8 ends; no digit is lost."""
    return [convert(array, a.type, b.type) for array, a, b in zip(arrays, old, new, strict=True)]
