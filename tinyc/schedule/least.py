"""The least SRAM of any way to cut a network into segments and operators that run as a whole, and parts that need it.

`tinyc.schedule.search` finds both by numbers, and asks here for what only the figures tell: the exact needs of some
parts, and how far apart tensors must be that overlap.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple

from tinyc.program.lifetimes import width
from tinyc.schedule.needs import Needs
from tinyc.schedule.search import CHOICES, STREAMED, Places, Quickest


class Cut(NamedTuple):
    """A part: where it starts and stops, and whether it streams."""

    start: int
    stop: int
    streamed: bool


@dataclass(frozen=True)
class Least:
    """`bytes` that the worst part needs, where no other cut needs less, and bytes of state of a streamed input.

    `starts` and `kinds` of the parts, in order, as the search tells them, and their end. `places`: offsets of tensors
    that pass from part to part, with which all else of every part has room in one free piece of so many bytes below the
    state; then `lean` says which parts have lean kernels. `weighed`: segments of which the exact need had to be known.
    """

    bytes: int
    state: int
    starts: Sequence[int]
    kinds: Sequence[int]
    end: int
    weighed: tuple[Cut, ...] = ()
    places: Mapping[int, int] | None = None
    lean: tuple[bool, ...] = ()

    @cached_property
    def parts(self) -> tuple[Cut, ...]:
        return tuple(map(self.part, range(len(self.starts))))

    def part(self, number: int) -> Cut:
        stop = self.starts[number + 1] if number + 1 < len(self.starts) else self.end
        return Cut(self.starts[number], stop, self.kinds[number] == STREAMED)


def least(needs: Needs) -> Least | None:
    """The cut with the least need; None where there is none, since the input cannot be streamed."""
    known, weighed = list[int](), list[Cut]()
    while True:
        found = needs.search.cheapest_cut(needs.prepared, needs.search.column(known))
        if found.bytes < 0:
            return None
        ends = [*found.starts[1:], needs.count]
        unknown = [Cut(found.starts[n], ends[n], found.kinds[n] == STREAMED) for n in found.unknown]
        exact = [needs.need(*part, found.state) for part in unknown]
        weighed += [part for part in unknown if part.streamed]
        if max(exact, default=0) <= found.bytes:
            return Least(found.bytes, found.state, found.starts, found.kinds, needs.count, tuple(weighed))
        for (start, stop, streamed), need in zip(unknown, exact, strict=True):
            known += (start, stop, int(streamed), found.state, need)


def quickest(needs: Needs, found: Least, limit: float, room: float = 1.0) -> Least:
    """Other parts, which add the fewest instructions with no need beyond a limit; before that counts how few parts need
    more than a `room` part of it. Where a pushed input has them all beyond, the parts as they are."""
    ways = [quickest_way(needs, float(limit), float(room * limit), state) for state in _states(needs, found)]
    ways = [way for way in ways if way.starts or not needs.count]
    if not ways:
        return found
    best = min(ways, key=lambda way: (way.tight, way.work, len(way.starts)))
    first = best.starts[1] if len(best.starts) > 1 else needs.count
    state = needs.state(first) if best.starts else 0
    return Least(found.bytes, state, best.starts, best.kinds, needs.count, found.weighed)


def _states(needs: Needs, found: Least) -> list[int]:
    """Sizes of state that are looked at, where the input is pushed: that of the longest first segment, and the best."""
    if needs.network.pushed is None:
        return [0]
    most = max(needs.state(bounds.stop) for bounds in needs.parts(0))
    return list(dict.fromkeys((most, found.state)))


def quickest_way(needs: Needs, limit: float, comfortable: float, state: int) -> Quickest:
    """The parts that add the fewest instructions beside so much state (see `search.quickest_cut`)."""
    known = needs.asked  # what is known changes no answer, but how soon it is found
    while True:
        found = needs.search.quickest_cut(needs.prepared, limit, comfortable, state, needs.search.column(known))
        stands = True
        for number, low in zip(found.unknown, found.lows, strict=True):
            start, streamed = found.starts[number], found.kinds[number] == STREAMED
            stop = found.starts[number + 1] if number + 1 < len(found.starts) else needs.count
            need = needs.need(start, stop, streamed, state)
            known += (start, stop, int(streamed), state, need)
            stands = stands and need <= limit and (need > comfortable) == (low > comfortable)
        if stands:
            return found


def placed(needs: Needs, found: Least) -> Least:
    """The same need, by parts for whose tensors there are `places`; unchanged where none are found."""
    places = _asked(needs, found)
    if not places.starts:
        return found
    offsets = dict(zip(places.tensors, places.offsets, strict=True))
    lean = tuple(map(bool, places.lean))
    return replace(found, starts=places.starts, kinds=places.kinds, places=offsets, lean=lean)


def _asked(needs: Needs, found: Least) -> Places:
    """What a search for places finds: with the overlaps of segments that were weighed, then with all it asks for."""
    overlaps = [
        value for part in found.weighed for value in _overlaps(needs, part.start, part.stop, needs.has_lean(*part))
    ]
    for may_ask, choices in ((False, 100 + 5 * needs.count // 2), (True, CHOICES)):
        while True:
            given = needs.search.column(overlaps)
            places = needs.search.find_places(needs.prepared, found.bytes, found.state, given, may_ask, choices)
            if not places.ask:
                break
            start, stop, lean = places.ask
            overlaps += _overlaps(needs, start, stop, lean > 0)
        if places.starts:
            break
    return places


def _overlaps(needs: Needs, start: int, stop: int, lean: bool) -> list[int]:
    """What may overlap in a segment, as the search reads it."""
    held = needs.held(start, stop, True, range(start, stop if lean else start))
    return [value for trail in held.trails or ((-1, -1, 0),) for value in (start, stop, lean, *trail)]


def lean_steps(needs: Needs, found: Least, number: int) -> range:
    """The steps of a part that have their lean kernels: all, unless the fastest alone keep to the least need."""
    start, stop, streamed = found.parts[number]
    if found.places is not None:
        fits = found.lean[number]
    else:
        fits = needs.together(start, stop, streamed) + width(found.state) <= found.bytes
        fits = fits or needs.exactly(start, stop, streamed, found.state, range(start, stop)) <= found.bytes
    return range(start, stop if fits else start)
