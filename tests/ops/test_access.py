"""Access maps against references: an operator reads what its map says, and nothing else."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.operator_cases import STRATEGIES, Case, random_array
from tinyc.ir.access import Access, Interval, Whole, input_interval
from tinyc.ir.graph import Node
from tinyc.ir.operator import operators
from tinyc.ir.types import Array, Shape, TensorType

Box = tuple[Interval, ...]


def _operands(case: Case, rng: np.random.Generator) -> list[Array | None]:
    return [None if o is None else random_array(o[0], rng) if o[1] is None else o[1] for o in case.operands]


def _given(node: Node, arrays: list[Array | None]) -> Iterator[tuple[int, Access, Array]]:
    """Index, access and array of each operand that is there."""
    for index, (access, array) in enumerate(zip(node.access(), arrays, strict=True)):
        assert (access is None) == (array is None)
        if access is not None and array is not None:
            yield index, access, array


def _poisoned(x: Array, t: TensorType, keep: Array, rng: np.random.Generator) -> Array:
    """Another value at every element that need not be kept."""
    other = random_array(t, rng)
    other = np.where(other == x, np.where(x == 0, 1, 0).astype(x.dtype), other)
    return np.where(keep, x, other).astype(x.dtype)


def _mask(shape: Shape, box: Box) -> Array:
    mask = np.zeros(shape, np.bool_)
    mask[tuple(slice(*interval) for interval in box)] = True
    return mask


@pytest.mark.parametrize("name", sorted(STRATEGIES))
@settings(max_examples=8)
@given(data=st.data())
def test_maps_and_tiles_follow_from_shapes_alone(name: str, data: st.DataObject) -> None:
    """Whatever the quantisation: the rows of an operator are remembered by its shapes."""
    node = data.draw(STRATEGIES[name]).node()
    bare = node.signature.unquantised
    for output in range(len(node.outputs)):
        assert node.op.access(bare, output) == node.op.access(node.signature, output)
    for axis, size in enumerate(node.output.type.shape[:3]):
        for part in ((0, 1), (size - 1, size), (0, size)):
            assert node.op.tile(bare, axis, part) == node.op.tile(node.signature, axis, part)


def needed(access: Access, shape: Shape, box: Box, output: Shape) -> Array:
    """Elements of an input of `shape` that a box of the output needs, says the map."""
    whole = (0, 1)
    intervals = tuple(
        input_interval(axis, whole if isinstance(axis, Whole) else box[axis.axis], n)
        for axis, n in zip(access.axes, shape, strict=True)
    )
    mask = _mask(shape, intervals)
    if access.flat:
        assert math.prod(shape) == math.prod(output), "a flat access has as many elements as the output"
        mask &= _mask(output, box).reshape(shape)
    return mask


@st.composite
def boxes(draw: st.DrawFn, shape: Shape) -> Box:
    found = []
    for n in shape:
        low = draw(st.integers(0, n - 1))
        found.append((low, draw(st.integers(low + 1, n))))
    return tuple(found)


def check_box(case: Case, box: Box, rng: np.random.Generator) -> None:
    """Poisoning everything that the map leaves out changes nothing inside the box."""
    node = case.node()
    sig, inside = node.signature, _mask(node.output.type.shape, box)
    arrays = _operands(case, rng)
    (before,) = node.op.reference(sig, *arrays)
    for index, access, array in _given(node, arrays):
        assert len(access.axes) == array.ndim
        t = sig.input(index)
        keep = needed(access, t.shape, box, sig.output.shape)
        changed = list(arrays)
        changed[index] = _poisoned(array, t, keep, rng)
        (after,) = node.op.reference(sig, *changed)
        where = f"{node}, input {index}, box {box}"
        np.testing.assert_array_equal(after[inside], before[inside], err_msg=where)


def check_elements(case: Case, rng: np.random.Generator, count: int) -> int:
    """A changed input element changes outputs only where they read it, says the map; how many changed."""
    node = case.node()
    sig, seen = node.signature, 0
    arrays = _operands(case, rng)
    (before,) = node.op.reference(sig, *arrays)
    for index, access, array in _given(node, arrays):
        for flat in rng.integers(0, array.size, count if array.size else 0):
            where = np.unravel_index(int(flat), array.shape)
            keep = np.ones(array.shape, np.bool_)
            keep[where] = False
            changed = list(arrays)
            changed[index] = _poisoned(array, sig.input(index), keep, rng)
            (after,) = node.op.reference(sig, *changed)
            for reader in np.argwhere(after != before):
                box = tuple((int(i), int(i) + 1) for i in reader)
                needs = needed(access, keep.shape, box, sig.output.shape)
                assert needs[where], f"{node}: element {where} of input {index} changes {reader}"
                seen += 1
    return seen


@pytest.mark.parametrize("name", sorted(operators()))
def test_access_map_covers_what_the_reference_reads(name: str, long: bool) -> None:
    seen = 0

    @settings(max_examples=1000 if long else 50)
    @given(data=st.data(), case=STRATEGIES[name], seed=st.integers(0, 2**32 - 1))
    def check(data: st.DataObject, case: Case, seed: int) -> None:
        nonlocal seen
        rng = np.random.default_rng(seed)
        box = data.draw(boxes(case.node().output.type.shape))
        check_box(case, box, rng)
        seen += check_elements(case, rng, 6)

    check()
    assert seen > 0, "no perturbation reached an output: the test shows nothing"


@pytest.mark.parametrize("name", sorted(operators()))
def test_elementwise_maps_are_exact(name: str) -> None:
    """Where a map claims that element k depends on element k alone, in-place execution will rely on it."""

    @settings(max_examples=30)
    @given(case=STRATEGIES[name], seed=st.integers(0, 2**32 - 1))
    def check(case: Case, seed: int) -> None:
        node, rng = case.node(), np.random.default_rng(seed)
        sig, arrays = node.signature, _operands(case, rng)
        (before,) = node.op.reference(sig, *arrays)
        for index, access, array in _given(node, arrays):
            if not access.is_elementwise:
                continue
            assert sig.input(index).elements == sig.output.elements
            kept = rng.random(array.shape) < 0.5
            changed = list(arrays)
            changed[index] = _poisoned(array, sig.input(index), kept, rng)
            (after,) = node.op.reference(sig, *changed)
            same = np.equal(after.ravel(), before.ravel())
            assert same[kept.ravel()].all(), str(node)

    check()
