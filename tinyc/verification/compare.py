"""Counting differences between what was computed and what was expected."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from tinyc.ir.types import Array


@dataclass(frozen=True)
class Difference:
    """Elements compared, elements that differ, largest absolute difference (codes, or reals for float32).

    `mismatches` are those beyond the reference's tolerance; `unequal` counts every difference.
    """

    compared: int = 0
    mismatches: int = 0
    max_abs_diff: float = 0
    unequal: int = 0

    def __add__(self, other: Difference) -> Difference:
        return Difference(
            self.compared + other.compared,
            self.mismatches + other.mismatches,
            max(self.max_abs_diff, other.max_abs_diff),
            self.unequal + other.unequal,
        )


def difference(got: Array, expected: Array, tolerance: float = 0) -> Difference:
    """Compare two arrays of one element type, in the order of memory. NaN equals NaN, and nothing else.

    Differences up to `tolerance` (codes, or reals for float32) are no mismatches.
    """
    a, b = got.reshape(-1), expected.reshape(-1)
    if a.shape != b.shape or a.dtype != b.dtype:
        raise ValueError(f"expected {b.size} of {b.dtype}, got {a.size} of {a.dtype}")
    floats = a.dtype.kind == "f"
    same = (a == b) | ((a != a) & (b != b)) if floats else a == b
    wrong = int(np.count_nonzero(~same))
    if not wrong:
        return Difference(a.size)
    x, y = (
        a[~same].astype(np.float64 if floats else np.int64),
        b[~same].astype(np.float64 if floats else np.int64),
    )
    distances = np.nan_to_num(np.abs(x - y), nan=np.inf)
    largest, far = distances.max(), int(np.count_nonzero(distances > tolerance))
    return Difference(a.size, far, float(largest) if floats else int(largest), wrong)


def first_beyond(got: Array, expected: Array, tolerance: float) -> int:
    """The first element, in the order of memory, that `difference` counts as a mismatch."""
    a, b = (x.reshape(-1).astype(np.float64) for x in (got, expected))
    within = (np.abs(a - b) <= tolerance) | (a == b) | (np.isnan(a) & np.isnan(b))
    return int((~within).argmax())


def total(differences: Iterable[Difference]) -> Difference:
    return sum(differences, Difference())
