"""The cut of a network into parts of which the worst needs the least, by bounds where a need is not known."""

from __future__ import annotations

import heapq
from typing import NamedTuple

from tinyc.columns import Column, none, zeros
from tinyc.program.lifetimes import width
from tinyc.schedule.search.bounds import STREAMED, WHOLE, segments, whole
from tinyc.schedule.search.prepared import Prepared


class Found(NamedTuple):
    """Bytes, state, the parts in order, and the numbers of those of which the exact need should be known. Where none is
    unknown, no other cut needs less. Negative bytes: there is no cut."""

    bytes: int
    state: int
    starts: list[int]
    kinds: list[int]
    unknown: list[int]


class Known(NamedTuple):
    """Exact needs, one after another: where a part starts and stops, its kind, state beside it, need. By step, the
    number of the `latest` one of those that start there, and by number the one `before` it, counted from 1."""

    values: Column
    latest: Column
    before: Column


def by_start(values: Column, steps: int) -> Known:
    """Exact needs, so that they are found."""
    latest, before = zeros(steps), zeros(len(values) // 5 + 1)
    for number in range(1, len(before)):
        start = values[5 * number - 5]
        before[number], latest[start] = latest[start], number
    return Known(values, latest, before)


def known_need(known: Known, start: int, stop: int, kind: int, state: int) -> int:
    """Of the exact needs that are known, that of one part beside so much state; -1 if it is not among them."""
    number = known.latest[start]
    while number > 0:
        k = 5 * number - 5
        if known.values[k + 1] == stop and known.values[k + 2] == kind and known.values[k + 3] == state:
            return known.values[k + 4]
        number = known.before[number]
    return -1


def cheapest_cut(p: Prepared, needs: Column) -> Found:
    """Best first search over the steps up to which everything has run, by bounds where a need is not known. Of equal
    needs the one of which the fewest are not known. `needs` are those that are known (see `Known`)."""
    d, known = p.data, by_start(needs, p.steps)
    heap = [(0, 0, 0, 0, 0)]  # need so far, how many parts are unknown, minus the step, state, number of the way
    before, starts, kinds, highs = [-1], [-1], [-1], [0]
    seen, most = {-1}, _most(p)
    while len(heap) > 0:
        peak, unknown, minus, state, way = heapq.heappop(heap)
        step = -minus
        if step == p.steps:
            return _way_back(p, known, peak, state, way, before, starts, kinds, highs)
        if (step << 32) + state in seen:
            continue
        seen.add((step << 32) + state)
        if step > p.until:
            low, high = whole(p, step)
            need, more = _need(known, peak, low, high, step, step + 1, WHOLE, state)
            heapq.heappush(heap, (need, unknown + more, -step - 1, state, len(before)))
            before.append(way)
            starts.append(step)
            kinds.append(WHOLE)
            highs.append(high)
        elif step > 0:
            continue
        for stop, low, high, within in segments(p, step):
            if within > most:
                break  # and so is that of longer ones
            if stop <= p.until:
                continue
            after = d[p.state + stop] if step == 0 else state
            if (stop << 32) + after in seen:
                continue
            need, more = _need(known, peak, low, high, step, stop, STREAMED, after)
            heapq.heappush(heap, (need, unknown + more, -stop, after, len(before)))
            before.append(way)
            starts.append(step)
            kinds.append(STREAMED)
            highs.append(high)
    return Found(-1, 0, none(), none(), none())


def _most(p: Prepared) -> int:
    """Bytes that no best cut exceeds: what all operators as a whole need."""
    if p.until >= 0:
        return 1 << 60
    found = 0
    for step in range(p.steps):
        _, high = whole(p, step)
        found = max(found, high)
    return found


def _need(
    known: Known, peak: int, low: int, high: int, start: int, stop: int, kind: int, state: int
) -> tuple[int, int]:
    """The need so far after one more part, or a bound of it, and 1 if that is not known."""
    extra = width(state)
    if high + extra <= peak:
        return peak, 0
    need = known_need(known, start, stop, kind, state)
    return max(peak, low + extra if need < 0 else need), 1 if need < 0 else 0


def _way_back(
    p: Prepared, known: Known, peak: int, state: int, way: int,
    before: list[int], starts: list[int], kinds: list[int], highs: list[int],
) -> Found:
    found, found_kinds, unknown, stop = none(), none(), none(), p.steps
    while before[way] >= 0:
        found.append(starts[way])
        found_kinds.append(kinds[way])
        closed = highs[way] + width(state) <= peak
        if not closed and known_need(known, starts[way], stop, kinds[way], state) < 0:
            unknown.append(len(found))
        stop, way = starts[way], before[way]
    return Found(peak, state, found[::-1], found_kinds[::-1], [len(found) - k for k in unknown])
