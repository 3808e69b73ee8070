"""How far an output may trail an input that is written over while it is read, derived from the access map."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from tinyc.ir.access import Access, AxisAccess, Whole, input_interval
from tinyc.ir.types import Array, Shape, TensorType
from tinyc.ops.window import WindowOperator
from tinyc.program.kernel import Site
from tinyc.program.lifetimes import ARENA_ALIGN


@lru_cache(maxsize=512)
def trailing_distance(access: Access, x: TensorType, y: TensorType) -> int | None:
    """Bytes by which `y` must lie below `x`, for a kernel that writes y's elements in ascending order.

    Such a kernel reads all that element j needs before it writes j. What was written must not reach what is
    still needed: y + j·bytes(y) ≤ x + first(j)·bytes(x), where first(j) is the lowest element of x that j
    or a later one reads. None where an overlap would gain nothing.
    """
    first = np.arange(y.elements) if access.flat else _first_read(access, x.shape, y.shape)
    still_needed = np.minimum.accumulate(first[::-1])[::-1]
    behind = np.arange(y.elements) * y.dtype.bytes - still_needed * x.dtype.bytes
    distance = max(0, int(behind.max()))
    return distance if _aligned(distance) < _aligned(y.bytes) else None


def trailing(ends: Sequence[int], first_read: Sequence[int], output_bytes: int) -> int | None:
    """Bytes by which the output must lie below the input, for a kernel that says itself how far it has come.

    When the output is written up to each of `ends`, the input is still to be read from the byte in `first_read` on.
    None where an overlap would gain nothing.
    """
    distance = max((end - first for end, first in zip(ends, first_read, strict=True)), default=0)
    return max(0, distance) if distance < output_bytes else None


def trailing_rows(site: Site) -> int | None:
    """The same for a kernel with a window that writes a row of an image in any order, from rows that are all there."""
    op, x, y = site.op, site.sig.input(0).shape, site.sig.output.shape
    assert isinstance(op, WindowOperator)
    first = [max(0, row * op.stride[0] - op.padding[0]) * x[2] * x[3] for row in range(y[1])]
    return trailing([(row + 1) * y[2] * y[3] for row in range(y[1])], first, site.sig.output.bytes)


def _first_read(access: Access, x: Shape, y: Shape) -> Array:
    """For each element of the output in row-major order, the lowest input element that it reads."""
    total = np.zeros(y, np.int64)
    step = 1
    for axis, size in zip(reversed(access.axes), reversed(x), strict=True):
        if not isinstance(axis, Whole):
            along = np.array([_lowest(axis, i, size) for i in range(y[axis.axis])], np.int64) * step
            total += along.reshape([-1 if a == axis.axis else 1 for a in range(len(y))])
        step *= size
    return total.reshape(-1)


def _aligned(bytes: int) -> int:
    return -(-bytes // ARENA_ALIGN) * ARENA_ALIGN


def _lowest(axis: AxisAccess, index: int, size: int) -> int:
    return input_interval(axis, (index, index + 1), size)[0]
