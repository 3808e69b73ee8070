"""Overlap distances from access maps, and walks over strided arrays."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.operator_cases import STRATEGIES, Case
from tinyc import ops
from tinyc.ir.access import Whole, input_interval
from tinyc.ir.operator import Operator
from tinyc.ir.types import DType, Quant, TensorType
from tinyc.kernels.common.order import trailing_distance
from tinyc.kernels.common.walk import row_major, strided

Q = Quant.per_tensor(0.5, 0)


def distance(op: Operator, x: TensorType, *more: TensorType) -> int | None:
    """What `trailing_distance` says of input 0."""
    ((shape, dtype),) = op.infer(x, *more)
    node = Case(op, ((x, None), *((t, None) for t in more)), x.quant or Q).node()
    access = op.access(node.signature)[0]
    assert access is not None
    return trailing_distance(access, x, TensorType(shape, dtype, Q))


def int8(*shape: int) -> TensorType:
    return TensorType(shape, DType.int8, Q)


@pytest.mark.parametrize(("op", "x", "expected"), [
    (ops.Relu(), int8(3, 40), 0),
    (ops.Quantize(), TensorType((90,), DType.float32), 0),
    (ops.Dequantize(), int8(90), 3 * 89),
    (ops.StridedSlice((0, 2), (1, 1), (5, 20)), int8(5, 30), 0),  # what is kept only moves down
    (ops.StridedSlice((89,), (-1,), (90,)), int8(90), None),  # the first output is the last input
    (ops.Transpose((1, 0)), int8(20, 20), 400 - 20 - 19),  # output 20 still reads input 1
    (ops.MaxPool2D(extent=(3, 3), stride=(2, 2)), int8(1, 9, 9, 8), 0),
    (ops.MaxPool2D(extent=(3, 3), padding=(1, 1, 1, 1)), int8(1, 9, 9, 8), (9 + 1) * 8),  # a row and a pixel
    (ops.Pad((0, 2), (0, 0), 0), int8(4, 30), 2 * 4),  # two more with every row
    (ops.ResizeNearest((10, 1)), int8(1, 5, 1, 16), 5 * 16),  # the last row is written from half way up
    (ops.Mean((0,)), int8(6, 40), 0),
    (ops.Mean((1,)), int8(40, 6), 0),
    (ops.Reshape((400,)), int8(20, 20), 0),
])
def test_the_distance_follows_from_the_access_map(op: Operator, x: TensorType, expected: int | None) -> None:
    assert distance(op, x) == expected


NAMES = sorted(set(STRATEGIES) - {"reshape"})


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=8)
@given(data=st.data())
def test_no_element_is_overwritten_before_its_last_reader(name: str, data: st.DataObject) -> None:
    """The definition, byte by byte: after output j is written, later outputs find all that they read."""
    case = data.draw(STRATEGIES[name])
    sig = case.node().signature
    access, x, y = case.op.access(sig)[0], sig.input(0), sig.output
    assert access is not None
    found = trailing_distance(access, x, y)
    if found is None or access.flat:
        return
    last_reader = np.full(x.shape, -1)
    for number, index in enumerate(np.ndindex(*y.shape)):
        box = tuple(
            slice(None) if isinstance(a, Whole)
            else slice(*input_interval(a, (index[a.axis], index[a.axis] + 1), n))
            for a, n in zip(access.axes, x.shape, strict=True)
        )
        last_reader[box] = number
    for number in range(y.elements):
        written = np.arange(number * y.dtype.bytes, (number + 1) * y.dtype.bytes) - found
        hit = written[(written >= 0) & (written < x.bytes)] // x.dtype.bytes
        assert (last_reader.reshape(-1)[hit] <= number).all(), f"output {number} destroys input {hit}"


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=8)
@given(data=st.data())
def test_a_trail_is_as_short_as_the_access_map_allows(name: str, data: st.DataObject) -> None:
    """Element by element: what later ones still read must lie behind all that is written."""
    case = data.draw(STRATEGIES[name])
    sig = case.node().signature
    for access, x in zip(case.op.access(sig), sig.inputs, strict=True):
        if access is None or x is None:
            continue
        read = [
            number if access.flat else sum(
                0 if isinstance(a, Whole) else input_interval(a, (index[a.axis], index[a.axis] + 1), n)[0] * step
                for a, n, step in zip(access.axes, x.shape, row_major(x.shape), strict=True)
            )
            for number, index in enumerate(np.ndindex(*sig.output.shape))
        ]  # fmt: skip
        written, read_bytes = sig.output.dtype.bytes, x.dtype.bytes
        still_read = np.minimum.accumulate(read[::-1])[::-1].tolist()  # the first that output j or a later one reads
        behind = [j * written - first * read_bytes for j, first in enumerate(still_read)]
        found, aligned = trailing_distance(access, x, sig.output), -(-max(0, *behind) // 16) * 16
        assert found == (max(0, *behind) if aligned < -(-sig.output.bytes // 16) * 16 else None)


@given(st.data())
def test_a_walk_visits_the_elements_in_order(data: st.DataObject) -> None:
    shape = data.draw(st.lists(st.integers(1, 4), max_size=5))
    perm = data.draw(st.permutations(range(len(shape))))
    steps = [row_major(shape)[axis] for axis in perm]
    extents = [shape[axis] for axis in perm]
    walked = strided(extents, steps, row_major(extents))

    def visited(array: int) -> list[int]:
        places = product(*map(range, walked.extents))
        return [sum(i * s for i, s in zip(place, walked.steps[array], strict=True)) for place in places]

    whole = np.arange(int(np.prod(shape))).reshape(shape).transpose(perm).reshape(-1)
    assert visited(0) == whole.tolist()
    assert visited(1) == list(range(whole.size))
    assert len(walked.extents) <= max(1, sum(n > 1 for n in shape))
    assert walked.rows * walked.length == whole.size


@pytest.mark.parametrize(("extents", "steps", "merged"), [
    ((2, 3, 4), (12, 4, 1), (24,)),
    ((2, 3, 4), (0, 4, 1), (2, 12)),  # a vector that repeats
    ((2, 3, 4), (24, 8, 2), (24,)),
    ((2, 3, 4), (12, 4, 2), (6, 4)),
    ((2, 3, 4), (-12, 4, 1), (2, 12)),
    ((1, 1), (7, 9), (1,)),
])
def test_axes_that_continue_each_other_are_one(
    extents: tuple[int, ...], steps: tuple[int, ...], merged: tuple[int, ...]
) -> None:
    assert strided(extents, steps).extents == merged
