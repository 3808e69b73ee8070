"""Strided arrays as C walks them (tinyc_walk.h): fewest axes, and the initialisers of the C structs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

from tinyc.codegen.writer import Field

MAX_AXES = 8  # TINYC_MAX_AXES


@dataclass(frozen=True)
class Strided:
    """Axes that arrays are walked along in step: extents, and elements between neighbours of each array.

    There is always a last axis: most kernels loop over it themselves and walk the others.
    """

    extents: tuple[int, ...]
    steps: tuple[tuple[int, ...], ...]

    @property
    def length(self) -> int:
        """Extent of the last axis."""
        return self.extents[-1]

    @property
    def rows(self) -> int:
        """Rounds of all other axes together."""
        return prod(self.extents[:-1])

    def walk(self, name: str, array: int = 0, *, last: bool = False) -> dict[str, Field]:
        """A field that is the tinyc_walk of one array over all axes but the last, or over that one too.

        Nothing for a walk without axes: C makes it zeros.
        """
        end = len(self.extents) - (not last)
        if end == 0:
            return {}
        extents, steps = self.extents[:end], self.steps[array][:end]
        return {name: {"axes": end, "extent": braces(*extents), "step": braces(*steps)}}


def braces(*numbers: int) -> str:
    """Numbers as a C array initialiser."""
    return "{" + ", ".join(map(str, numbers)) + "}"


def row_major(shape: Sequence[int]) -> tuple[int, ...]:
    """Elements between neighbours along each axis of a dense array."""
    return tuple(prod(shape[axis + 1 :]) for axis in range(len(shape)))


def strided(extents: Sequence[int], *steps: Sequence[int]) -> Strided:
    """The walk with the fewest axes: those of extent 1 left out, those that continue each other merged."""
    kept: list[tuple[int, tuple[int, ...]]] = []
    for extent, *here in zip(extents, *steps, strict=True):
        if extent == 1:
            continue
        if kept and all(outer == extent * inner for outer, inner in zip(kept[-1][1], here, strict=True)):
            kept[-1] = (kept[-1][0] * extent, tuple(here))
        else:
            kept.append((extent, tuple(here)))
    kept = kept or [(1, (0,) * len(steps))]
    return Strided(tuple(e for e, _ in kept), tuple(zip(*(s for _, s in kept), strict=True)))
