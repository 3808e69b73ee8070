"""How far an output may trail an input that is written over while it is read, derived from the access map."""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np

from tinyc.ir.access import Access, AxisAccess, Whole, input_interval
from tinyc.ir.types import Array, Shape, TensorType
from tinyc.ops.window import WindowOperator
from tinyc.program.kernel import Site
from tinyc.program.lifetimes import ARENA_ALIGN


def trailing_distance(access: Access, x: TensorType, y: TensorType) -> int | None:
    """Bytes by which `y` must lie below `x`, for a kernel that writes y's elements in ascending order.

    Such a kernel reads all that element j needs before it writes j. What was written must not reach what is
    still needed: y + j·bytes(y) ≤ x + first(k)·bytes(x) for all k ≥ j, where first(k) is the lowest element of x that
    k reads. For k = j that says the most. None where an overlap would gain nothing.
    """
    distance = _behind(access, x.shape, y.shape, x.dtype.bytes, y.dtype.bytes)
    return distance if _aligned(distance) < _aligned(y.bytes) else None


@lru_cache(maxsize=1 << 10)  # every kernel of an operator asks for the same
def _behind(access: Access, x: Shape, y: Shape, x_bytes: int, y_bytes: int) -> int:
    """The largest j·y_bytes − first(j)·x_bytes.

    Both are sums with one term for each axis of the output, so each axis can be looked at by itself.
    """
    if access.flat:
        return max(0, (math.prod(y) - 1) * (y_bytes - x_bytes))
    steps = [y_bytes * math.prod(y[axis + 1 :]) for axis in range(len(y))]
    terms = [np.arange(size) * step for size, step in zip(y, steps, strict=True)]
    for number, (axis, size) in enumerate(zip(access.axes, x, strict=True)):
        if not isinstance(axis, Whole):
            step = x_bytes * math.prod(x[number + 1 :])
            terms[axis.axis] = terms[axis.axis] - step * _lowest(axis, y[axis.axis], size)
    return max(0, sum(int(term.max()) for term in terms))


def trailing(ends: Array, first_read: Array, output_bytes: int) -> int | None:
    """Bytes by which the output must lie below the input, for a kernel that says itself how far it has come.

    When the output is written up to each of `ends`, the input is still to be read from the byte in `first_read` on.
    None where an overlap would gain nothing.
    """
    behind = ends - first_read
    distance = int(behind.max()) if behind.size else 0
    return max(0, distance) if distance < output_bytes else None


def trailing_rows(site: Site) -> int | None:
    """The same for a kernel with a window that writes a row of an image in any order, from rows that are all there."""
    op, x, y = site.op, site.sig.input(0).shape, site.sig.output.shape
    assert isinstance(op, WindowOperator)
    rows = np.arange(y[1])
    first = np.maximum(0, rows * op.stride[0] - op.padding[0]) * x[2] * x[3]
    return trailing((rows + 1) * y[2] * y[3], first, site.sig.output.bytes)


def _aligned(bytes: int) -> int:
    return -(-bytes // ARENA_ALIGN) * ARENA_ALIGN


@lru_cache(maxsize=1 << 12)  # most axes of an operator's blocks are the same
def _lowest(axis: AxisAccess, outputs: int, size: int) -> Array:
    """Of an input axis of `size` elements, the lowest that each of so many output indices reads."""
    return np.array([input_interval(axis, (index, index + 1), size)[0] for index in range(outputs)], np.int64)
