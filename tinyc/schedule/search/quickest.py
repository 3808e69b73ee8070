"""The cut that adds the fewest instructions, of those whose every part stays within a number of bytes."""

from __future__ import annotations

from typing import NamedTuple

from tinyc.columns import Column, none, zeros
from tinyc.program.lifetimes import width
from tinyc.schedule.search.bounds import STREAMED, WHOLE, added, segment, segments, whole
from tinyc.schedule.search.cut import Known, by_start, known_need
from tinyc.schedule.search.prepared import Prepared


class Quickest(NamedTuple):
    """How many parts need more than is comfortable, and instructions that rows add; the parts in order, and the numbers
    of those of which the exact need should be known, and bytes that these were taken to need: if they do not need so
    much more that it matters, this is the cut. No parts of a network that has steps: there is no such cut."""

    tight: int
    work: int
    starts: list[int]
    kinds: list[int]
    unknown: list[int]
    lows: list[int]


class _Asked(NamedTuple):
    """What is asked for: bytes that are the limit, and that are comfortable; bytes of state; exact needs so far."""

    limit: float
    comfortable: float
    state: int
    known: Known


class _Ways(NamedTuple):
    """By step, the best way there: parts that are tight, work, how many parts, where the last one starts (-1: there is
    no way), and its kind."""

    tight: Column
    work: Column
    count: Column
    before: Column
    kind: Column


def quickest_cut(p: Prepared, limit: float, comfortable: float, state: int, needs: Column) -> Quickest:
    """A dynamic programme over the steps. As few parts as possible need more than is `comfortable`; then the fewest
    instructions count, then the fewest parts. A need that is not known is taken to be as small as it may be.

    A segment that takes a pushed input has at most `state` bytes of state. Exact `needs` are as for `cheapest_cut`.
    """
    count, tight = p.steps + 1, _next_tight(p, min(limit, comfortable) - width(state))
    if p.until < 0 and tight[0] == p.steps:  # nothing has to stream
        return Quickest(0, 0, list(range(p.steps)), [WHOLE] * p.steps, none(), none())
    asked = _Asked(limit, comfortable, state, by_start(needs, p.steps))
    ways = _Ways(zeros(count), zeros(count), zeros(count), zeros(count), zeros(count))
    for step in range(1, count):
        ways.before[step] = -1
    for start in range(p.steps):
        if ways.before[start] < 0:
            continue
        if start > p.until:
            low, high = whole(p, start)
            _reach(ways, asked, start, start + 1, WHOLE, low, high, 0)
            if tight[start] >= p.data[p.longest + start]:
                continue
        elif start > 0:
            continue
        for stop, low, high, within in segments(p, start):
            if within + width(state) > limit:
                break  # and so is that of longer ones
            if stop <= tight[start] and start > p.until:
                continue  # as a whole, its operators stay within the limit as well, and take less work
            if stop > p.until and (start > 0 or p.data[p.state + stop] <= state):
                _reach(ways, asked, start, stop, STREAMED, low, high, added(p, start, stop))
    return _quickest_way(p, asked, ways)


def _next_tight(p: Prepared, limit: float) -> Column:
    """By step, the next operator that may need more than the limit as a whole."""
    found = zeros(p.steps + 1)
    found[p.steps] = p.steps
    for step in range(p.steps - 1, -1, -1):
        _, high = whole(p, step)
        found[step] = step if high > limit else found[step + 1]
    return found


def _reach(ways: _Ways, asked: _Asked, start: int, stop: int, kind: int, low: int, high: int, work: int) -> None:
    """Note a way with one more part, if that is within the limit and no better way is known. Its need without state
    lies between `low` and `high`."""
    need, _ = _need_within(asked, start, stop, kind, low, high)
    if need > asked.limit:
        return
    tight = ways.tight[start] + (1 if need > asked.comfortable else 0)
    cost = tight, ways.work[start] + work, ways.count[start] + 1
    if ways.before[stop] < 0 or cost < (ways.tight[stop], ways.work[stop], ways.count[stop]):
        ways.tight[stop], ways.work[stop], ways.count[stop] = cost
        ways.before[stop], ways.kind[stop] = start, kind


def _need_within(asked: _Asked, start: int, stop: int, kind: int, low: int, high: int) -> tuple[int, int]:
    """The need of a part, and 0; where it is not known and matters, the least that it may be, and 1."""
    low, high = low + width(asked.state), high + width(asked.state)
    if low <= asked.limit < high or low <= asked.comfortable < high:
        need = known_need(asked.known, start, stop, kind, asked.state)
        return (low, 1) if need < 0 else (need, 0)
    return low, 0


def _quickest_way(p: Prepared, asked: _Asked, ways: _Ways) -> Quickest:
    starts, kinds, unknown, lows, stop = none(), none(), none(), none(), p.steps
    if ways.before[stop] < 0:
        return Quickest(0, 0, starts, kinds, unknown, lows)
    while stop > 0:
        start, kind = ways.before[stop], ways.kind[stop]
        starts.append(start)
        kinds.append(kind)
        low, high = whole(p, start) if kind == WHOLE else segment(p, start, stop)
        low, asks = _need_within(asked, start, stop, kind, low, high)
        if asks > 0:
            unknown.append(len(starts))
            lows.append(low)
        stop = start
    unknown = [len(starts) - k for k in unknown]
    return Quickest(ways.tight[p.steps], ways.work[p.steps], starts[::-1], kinds[::-1], unknown, lows)
