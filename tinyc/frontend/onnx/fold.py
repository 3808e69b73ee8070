"""Arithmetic on constants (shapes, mostly), so that none of it remains at run time. numpy, with limits."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from tinyc.frontend.tflite.refusal import Refusal
from tinyc.ir.types import Array

MAX_RESULT = 1 << 24  # elements; results no larger than the operands are always allowed
Attributes = Mapping[str, Any]
Fold = Callable[[Sequence[Array], Attributes], Array]

_DTYPES = {
    1: np.float32, 2: np.uint8, 3: np.int8, 6: np.int32, 7: np.int64, 9: np.bool_, 10: np.float16, 11: np.float64,
}  # fmt: skip


def dtype_of(code: int) -> Any:
    """The numpy type of an ONNX element type."""
    if code not in _DTYPES:
        raise Refusal(f"element type number {code} is not supported")
    return _DTYPES[code]


def can_fold(op: str) -> bool:
    """Whether the operator can be computed here, were all its operands constant."""
    return op in _FOLDS


def fold(op: str, operands: Sequence[Array], attributes: Attributes) -> Array:
    """The result for constant operands. Raises Refusal where they do not fit together."""
    try:
        result = np.asarray(_FOLDS[op](operands, attributes))
    except (ValueError, IndexError, TypeError, OverflowError, ZeroDivisionError, KeyError, MemoryError) as error:
        raise Refusal(f"its constant operands do not fit together ({error})", "the file is damaged") from None
    return result


def _limited(shape: Sequence[int]) -> tuple[int, ...]:
    found = tuple(int(n) for n in shape)
    if min(found, default=1) < 0 or math.prod(found) > MAX_RESULT or len(found) > 8:
        raise ValueError(f"a constant of shape {list(found)} is negative or too large")
    return found


def _binary(function: Any) -> Fold:
    def apply(operands: Sequence[Array], attributes: Attributes) -> Array:
        a, b = operands
        _limited(np.broadcast_shapes(a.shape, b.shape))
        with np.errstate(all="ignore"):
            found: Array = function(a, b)
            return found

    return apply


def _divide(a: Array, b: Array) -> Array:
    if a.dtype.kind == "f":
        return a / b
    if not np.all(b):
        raise ValueError("division by 0")
    return (np.sign(a) * np.sign(b) * (np.abs(a) // np.abs(b))).astype(a.dtype)  # truncating, as in C


def _constant(operands: Sequence[Array], attributes: Attributes) -> Array:
    simple = {"value_int": np.int64, "value_ints": np.int64, "value_float": np.float32, "value_floats": np.float32}
    for name, dtype in simple.items():
        if name in attributes:
            return np.array(attributes[name], dtype)
    return np.asarray(attributes["value"])


def _shape(operands: Sequence[Array], attributes: Attributes) -> Array:
    (x,) = operands
    return np.array(x.shape[attributes.get("start", 0) : attributes.get("end")], np.int64)


def _reshape(operands: Sequence[Array], attributes: Attributes) -> Array:
    x, shape = operands
    return x.reshape(resolve_shape(x.shape, shape.tolist(), attributes.get("allowzero", 0)))


def resolve_shape(given: Sequence[int], asked: Sequence[int], allow_zero: int = 0) -> tuple[int, ...]:
    """The target of a Reshape: 0 keeps a dimension, one -1 stands for what is left. Raises ValueError."""
    shape = [given[i] if n == 0 and not allow_zero else n for i, n in enumerate(asked)]
    elements, rest = math.prod(given), math.prod(n for n in shape if n != -1)
    if shape.count(-1) == 1 and rest > 0:
        shape[shape.index(-1)] = elements // rest
    if min(shape, default=1) < 1 or math.prod(shape) != elements:
        raise ValueError(f"{list(given)} cannot take the shape {list(asked)}")
    return tuple(int(n) for n in shape)


def _axes(operands: Sequence[Array], attributes: Attributes) -> tuple[int, ...] | None:
    """Axes as second operand (opset 13 on) or attribute."""
    found = operands[1].reshape(-1).tolist() if len(operands) > 1 else attributes.get("axes")
    return None if found is None else tuple(int(a) for a in found)


def _unsqueeze(operands: Sequence[Array], attributes: Attributes) -> Array:
    return np.expand_dims(operands[0], _axes(operands, attributes) or ())


def _squeeze(operands: Sequence[Array], attributes: Attributes) -> Array:
    return np.squeeze(operands[0], _axes(operands, attributes))


def _slice(operands: Sequence[Array], attributes: Attributes) -> Array:
    x, starts, ends = operands[:3]
    axes = operands[3].tolist() if len(operands) > 3 else range(len(starts))
    steps = operands[4].tolist() if len(operands) > 4 else [1] * len(starts)
    index = [slice(None)] * x.ndim
    for axis, start, end, step in zip(axes, starts.tolist(), ends.tolist(), steps, strict=True):
        # An end below -n of a backward slice means "past the first element", which Python spells None.
        index[axis] = slice(start, None if step < 0 and end < -x.shape[axis] else end, step)
    return x[tuple(index)]


def _gather(operands: Sequence[Array], attributes: Attributes) -> Array:
    x, indices = operands
    axis = attributes.get("axis", 0)
    _limited((*indices.shape, *(n for i, n in enumerate(x.shape) if i != axis % max(1, x.ndim))))
    return np.take(x, indices, axis=axis)


def _concat(operands: Sequence[Array], attributes: Attributes) -> Array:
    return np.concatenate(list(operands), axis=attributes["axis"])


def _fill(operands: Sequence[Array], attributes: Attributes) -> Array:
    value = np.asarray(attributes.get("value", np.zeros(1, np.float32))).reshape(-1)[0]
    return np.full(_limited(operands[0].tolist()), value)


def _expand(operands: Sequence[Array], attributes: Attributes) -> Array:
    x, shape = operands
    return np.broadcast_to(x, _limited(np.broadcast_shapes(x.shape, _limited(shape.tolist())))).copy()


def _tile(operands: Sequence[Array], attributes: Attributes) -> Array:
    x, repeats = operands
    _limited([n * r for n, r in zip(x.shape, repeats.tolist(), strict=True)])
    return np.tile(x, repeats)


def _where(operands: Sequence[Array], attributes: Attributes) -> Array:
    _limited(np.broadcast_shapes(*(x.shape for x in operands)))
    return np.where(*operands)


def _range(operands: Sequence[Array], attributes: Attributes) -> Array:
    start, limit, step = (x.reshape(()).item() for x in operands)
    _limited([max(0, math.ceil((limit - start) / step))])
    return np.arange(start, limit, step, dtype=operands[0].dtype)


def _transpose(operands: Sequence[Array], attributes: Attributes) -> Array:
    return operands[0].transpose(attributes.get("perm"))


def _flatten(operands: Sequence[Array], attributes: Attributes) -> Array:
    x, axis = operands[0], attributes.get("axis", 1)
    if not -x.ndim <= axis <= x.ndim:
        raise IndexError(f"axis {axis} of {x.ndim}")
    lead = x.shape[: axis if axis >= 0 else axis + x.ndim]
    return x.reshape(math.prod(lead), -1)


def _reduce_prod(operands: Sequence[Array], attributes: Attributes) -> Array:
    keep = bool(attributes.get("keepdims", 1))
    return np.asarray(operands[0].prod(axis=_axes(operands, attributes), keepdims=keep, dtype=operands[0].dtype))


_FOLDS: dict[str, Fold] = {
    "Constant": _constant, "Shape": _shape, "Reshape": _reshape, "Unsqueeze": _unsqueeze, "Squeeze": _squeeze,
    "Slice": _slice, "Gather": _gather, "Concat": _concat, "ConstantOfShape": _fill, "Expand": _expand,
    "Tile": _tile, "Where": _where, "Range": _range, "Transpose": _transpose, "ReduceProd": _reduce_prod,
    "Flatten": _flatten,
    "Size": lambda x, _: np.array(x[0].size, np.int64),
    "Identity": lambda x, _: x[0],
    "Cast": lambda x, a: x[0].astype(dtype_of(a["to"])),
    "Neg": lambda x, _: -x[0],
    "Not": lambda x, _: ~x[0],
    "Floor": lambda x, _: np.floor(x[0]),
    "Ceil": lambda x, _: np.ceil(x[0]),
    "Sqrt": lambda x, _: np.sqrt(x[0]),
    "Add": _binary(np.add), "Sub": _binary(np.subtract), "Mul": _binary(np.multiply), "Div": _binary(_divide),
    "Equal": _binary(np.equal), "Less": _binary(np.less), "Greater": _binary(np.greater),
    "And": _binary(np.logical_and), "Or": _binary(np.logical_or),
    "Min": _binary(np.minimum), "Max": _binary(np.maximum),
}  # fmt: skip
