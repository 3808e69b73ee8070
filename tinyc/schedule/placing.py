"""Offsets of the tensors that pass from part to part, so that a partition needs no more than its worst part."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

from tinyc.program.lifetimes import width
from tinyc.schedule.figures import FigureReader
from tinyc.schedule.needs import Needs
from tinyc.schedule.quicker import Part
from tinyc.schedule.search import STREAMED


class Inside(NamedTuple):
    """What is in the arena while a segment runs, beside the tensors that pass: bytes of each, rounded up to the arena's
    alignment; and of these tensors, which may overlap: (below, above, distance)."""

    sizes: tuple[int, ...]
    trails: tuple[tuple[int, int, int], ...]


class Holds(NamedTuple):
    """What parts hold, by their numbers: segments what is inside, operators as a whole a lean kernel."""

    inside: Mapping[int, Inside]
    lean: Collection[int]


def inside(needs: Needs, reader: FigureReader, part: Part) -> Inside:
    """What a segment holds."""
    blocks = reader.blocks(part.start, part.stop, part.heights) if max(part.heights) > 1 else None
    held = needs.held(part.start, part.stop, True, {step for step, _ in part.lean}, blocks)
    tensors, pushed = needs.network.tensors, needs.network.pushed
    alone = (n for n in held.tensors if (tensors[n].made >= part.start or n == pushed) and tensors[n].last < part.stop)
    sizes = [*(held.tensors[n] for n in alone), *filter(None, held.more)]
    return Inside(tuple(map(width, sizes)), tuple((a, b, width(apart)) for a, b, apart in held.trails))


def places(needs: Needs, starts: Sequence[int], holds: Holds, bytes: int, state: int) -> Mapping[int, int] | None:
    """Offsets of the tensors that pass, by number, with which everything has room in so many bytes, `state` at their
    end. None where no simple ones are found. Parts are told by where they start."""
    given, overlaps = map(needs.search.column, columns([*starts, needs.count], holds))
    found = needs.search.place_parts(needs.prepared, bytes, state, given, overlaps)
    return dict(zip(found.tensors, found.offsets, strict=True)) if found.tensors else None


def columns(starts: Sequence[int], holds: Holds) -> tuple[list[int], list[int]]:
    """Parts, and overlaps in their segments, as the search takes them. The end of the last part is a start, too."""
    given = [value for start, stop in pairwise(starts) for value in (start, stop, 0, 0)]
    overlaps = list[int]()
    for part in holds.lean:
        given[4 * part + 3] = 1
    for part, inside in holds.inside.items():
        given[4 * part + 2 : 4 * part + 4] = STREAMED, sum(inside.sizes)
        for trail in inside.trails or ((-1, -1, 0),):
            overlaps += (starts[part], starts[part + 1], 0, *trail)
    return given, overlaps
