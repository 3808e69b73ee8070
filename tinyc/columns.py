"""Columns of numbers, for code in the subset of Python that numba compiles as it stands (`tinyc.nas.compiled`): lists;
arrays where it is compiled."""

from __future__ import annotations

from typing import Any

Column = Any  # a list of numbers; an array where the code is compiled


def zeros(count: int) -> list[int]:
    """A column of so many zeros."""
    return [0] * count


def reals(count: int) -> list[float]:
    """A column of so many zeros that are no integers."""
    return [0.0] * count


def order_of(a: Column, b: Column, c: Column, d: Column, e: Column) -> Column:
    """The numbers of rows, sorted by the first of these columns, of equals by the second, and so on; else as they are.
    """
    return sorted(range(len(a)), key=lambda n: (a[n], b[n], c[n], d[n], e[n]))


def sort_pairs(pairs: list[tuple[int, int]]) -> None:
    """Sort them in place."""
    pairs.sort()


def none() -> list[int]:
    """An empty list of integers."""
    return [0][1:]
