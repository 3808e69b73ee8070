"""Where the elements of an ONNX tensor lie in memory, so that Transpose and Reshape mostly move nothing.

Every axis of the ONNX shape is a product of factors (axes of length 1 have none). Memory holds the factors in
an order of its own: an image [N,C,H,W] lies as N,H,W,C, and flattening it to [N,C·H·W] keeps it there.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from tinyc.ir.types import Array, Shape

Factors = tuple[tuple[int, ...], ...]
IMAGE = (0, 2, 3, 1)  # NHWC of NCHW


@dataclass(frozen=True, slots=True)
class Layout:
    """`factors` per ONNX axis, none of them 1; `order[i]` is the factor (numbered over all axes) at place i."""

    factors: Factors
    order: tuple[int, ...]

    @classmethod
    def ordered(cls, shape: Shape, axes: tuple[int, ...]) -> Layout:
        """Whole axes, in memory in the order `axes` (outermost first)."""
        factors = tuple((n,) if n > 1 else () for n in shape)
        number = {axis: sum(map(len, factors[:axis])) for axis in range(len(shape))}
        return cls(factors, tuple(number[axis] for axis in axes if shape[axis] > 1))

    @classmethod
    def row_major(cls, shape: Shape) -> Layout:
        return cls.ordered(shape, tuple(range(len(shape))))

    @property
    def shape(self) -> Shape:
        """The ONNX shape."""
        return tuple(math.prod(axis) for axis in self.factors)

    @property
    def flat(self) -> tuple[int, ...]:
        return tuple(n for axis in self.factors for n in axis)

    @property
    def memory(self) -> tuple[int, ...]:
        """The factors as they lie in memory."""
        return tuple(self.flat[i] for i in self.order)

    @property
    def is_row_major(self) -> bool:
        return self.order == tuple(range(len(self.order)))

    def numbers(self, axis: int) -> range:
        """The numbers of an axis's factors."""
        first = sum(map(len, self.factors[:axis]))
        return range(first, first + len(self.factors[axis]))

    # ------------------------------------------------------------------ the same elements under another shape
    def transposed(self, perm: tuple[int, ...]) -> Layout:
        """Output axis j is axis perm[j]; nothing moves."""
        renumbered = {old: new for new, old in enumerate(i for axis in perm for i in self.numbers(axis))}
        return Layout(tuple(self.factors[axis] for axis in perm), tuple(renumbered[i] for i in self.order)).merged()

    def reshaped(self, shape: Shape) -> Layout | None:
        """Row-major reshape in the ONNX sense; None where factors would have to be torn apart."""
        pieces = _common([self.flat, shape])
        if pieces is None:
            return None
        split, grouped = pieces
        first = np.cumsum([0, *(len(parts) for parts in split)]).tolist()
        order = tuple(first[i] + part for i in self.order for part in range(len(split[i])))
        return Layout(grouped, order).merged()

    def refined(self, factors: Factors) -> Layout:
        """The same memory with finer factors."""
        found = self.reshaped_exactly([n for axis in factors for n in axis])
        return Layout(factors, found)

    def reshaped_exactly(self, flat: list[int]) -> tuple[int, ...]:
        """Places in memory for factors that refine the present ones."""
        pieces = _common([self.flat, tuple(flat)])
        assert pieces is not None
        first = np.cumsum([0, *(len(parts) for parts in pieces[0])]).tolist()
        return tuple(first[i] + part for i in self.order for part in range(len(pieces[0][i])))

    def merged(self) -> Layout:
        """Factors of one axis that follow each other in memory become one: equal layouts then compare equal."""
        after = dict(zip(self.order, self.order[1:], strict=False))
        group: list[int] = []  # of each factor: the number of the merged one
        factors: list[list[int]] = []
        for axis in range(len(self.factors)):
            factors.append([])
            for i in self.numbers(axis):
                if i - 1 in self.numbers(axis) and after.get(i - 1) == i:
                    factors[-1][-1] *= self.flat[i]
                    group.append(group[-1])
                else:
                    factors[-1].append(self.flat[i])
                    group.append(group[-1] + 1 if group else 0)
        return Layout(tuple(map(tuple, factors)), tuple(dict.fromkeys(group[i] for i in self.order)))

    def axes(self) -> tuple[int, ...] | None:
        """The ONNX axes in memory's order, or None where one is split; axes of length 1 where they fit best."""
        if any(len(axis) > 1 for axis in self.factors):
            return None
        rank = len(self.factors)
        long = [axis for i in self.order for axis in range(rank) if i in self.numbers(axis)]
        candidates = ([IMAGE] if rank == 4 else []) + [tuple(range(rank))]
        for axes in candidates:
            if [axis for axis in axes if self.factors[axis]] == long:
                return axes
        return (*(axis for axis in range(rank) if not self.factors[axis]), *long)

    # ------------------------------------------------------------------ arrays
    def to_memory(self, array: Array) -> Array:
        """An array of the ONNX shape as it lies in memory, one axis per factor."""
        moved: Array = array.reshape(self.flat).transpose(self.order)
        return moved

    def from_memory(self, array: Array) -> Array:
        """The inverse, of any array with the right number of elements."""
        back = np.argsort(self.order) if self.order else ()
        found: Array = array.reshape(self.memory).transpose(back).reshape(self.shape)
        return found


def _common(shapes: list[tuple[int, ...]]) -> tuple[Factors, Factors] | None:
    """Two shapes of as many elements: the finest common factors, grouped by either; None where there are none."""
    (left, right), groups = shapes, ([], [])  # type: tuple[tuple[int, ...], tuple[int, ...]], tuple[list[list[int]], list[list[int]]]
    i = j = 0
    a = b = 1
    while True:
        while a == 1 and i < len(left):
            a, i = left[i], i + 1
            groups[0].append([])
        while b == 1 and j < len(right):
            b, j = right[j], j + 1
            groups[1].append([])
        if a == 1 or b == 1:
            break
        step = min(a, b)
        if a % step or b % step:
            return None
        groups[0][-1].append(step)
        groups[1][-1].append(step)
        a, b = a // step, b // step
    return tuple(map(tuple, groups[0])), tuple(map(tuple, groups[1]))


def movement(have: Layout, want: Layout) -> tuple[Shape, tuple[int, ...]] | None:
    """(shape, permutation) that carry memory in one layout to another of the same ONNX shape.

    None where no single permutation does: then go by way of row-major order.
    """
    factors: list[tuple[int, ...]] = []
    for a, b in zip(have.factors, want.factors, strict=True):
        pieces = _common([a, b])
        if pieces is None:
            return None
        factors.append(tuple(n for group in pieces[0] for n in group))
    source, goal = have.refined(tuple(factors)), want.refined(tuple(factors))
    places = [source.order.index(i) for i in goal.order]
    return _joined(source.memory, places)


def _joined(shape: Shape, perm: list[int]) -> tuple[Shape, tuple[int, ...]]:
    """The same permutation with axes that stay neighbours made one."""
    starts = [k for k, axis in enumerate(perm) if k == 0 or perm[k - 1] + 1 != axis]
    runs = [perm[a:b] for a, b in zip(starts, [*starts[1:], len(perm)], strict=True)]
    by_place = sorted(runs)
    return tuple(math.prod(shape[a] for a in run) for run in by_place), tuple(by_place.index(run) for run in runs)
