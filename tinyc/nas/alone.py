"""Blocks as networks of their own: what is then known of them in every network where no segment reaches into them from
another block."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from functools import cached_property, lru_cache

from tinyc.nas.blocks import KNOWN, Block, shelf
from tinyc.nas.chosen import Chosen
from tinyc.nas.compiled import fast_search
from tinyc.nas.joining import JoinedNeeds, join
from tinyc.schedule.least import Least, least, quickest_way
from tinyc.schedule.quicker import Limit

ANSWERS = 1 << 18  # about blocks, that are remembered
Cost = tuple[int, int]  # how many parts need more than is comfortable, and instructions that rows add


@dataclass(frozen=True, eq=False)
class Alone:
    """A block with the lean kernels that a network of so much `work` has, as a network of its own. The input of the
    `first` one is that of the network."""

    block: Block
    work: float
    first: bool

    @cached_property
    def needs(self) -> JoinedNeeds:
        search, place = fast_search(), self.block.place
        return JoinedNeeds(join([self.block], shelf(place.target, place.onnx), search, work=self.work), search)

    @cached_property
    def least(self) -> int:
        """Bytes that it needs at least, if no segment reaches into another block."""
        found = least(self.needs)
        assert found is not None  # a stored input can always be read
        return found.bytes

    @cached_property
    def _highs(self) -> list[int]:
        """Bytes that its operators need at most, as a whole."""
        p = self.needs.prepared
        return list(map(int, p.data[p.whole_high : p.whole_high + p.steps]))

    @cached_property
    def _high(self) -> int:
        return max(self._highs, default=0)

    @property
    def _entered(self) -> int:
        """The step before which segments end that come from the block before."""
        return 0 if self.first else self.block.entered

    @cached_property
    def _left(self) -> int:
        """The step from which on segments may go on into the next block."""
        p = self.needs.prepared
        leaving = (step for step in range(p.steps) if p.data[p.longest + step] == p.steps)
        return p.steps if self.block.place.last else next(leaving, p.steps)

    def is_closed(self, bytes: int) -> bool:
        """Whether no operator that may need so much is in reach of segments from other blocks, or into others: then it
        needs what it needs at least, there as well."""
        worst = [step for step, high in enumerate(self._highs) if high >= bytes]
        return bool(worst) and self._entered <= worst[0] and worst[-1] < self._left

    def begins_with(self, bytes: int) -> bool:
        """Whether all that may run first, in the network's first block, needs so much."""
        return self._left > 0 and self._first_need >= bytes

    @cached_property
    def _first_need(self) -> int:
        return min(self.needs.need(0, part.stop, part.streamed) for part in self.needs.parts(0))

    # ------------------------------------------------------------------ parts
    def whole(self, bytes: int) -> Chosen:
        """All its operators as a whole, with their fastest kernels, in so many bytes."""
        steps = range(self.needs.count)
        return Chosen(self.needs.row, self.needs.search, Least(bytes, 0, steps, [0] * len(steps), len(steps)), 1.0, 0.0)

    def quickest(self, bytes: int, room: float) -> Cut | None:
        """Its quickest parts in so many bytes; None if others, which reach into other blocks, may be quicker."""
        limit, comfortable = float(bytes), room * bytes
        way = quickest_way(self.needs, limit, comfortable, 0)
        crossing = self._crossing(limit, comfortable) if self._high > comfortable else []
        if any((way.tight, way.work) >= cost for cost in crossing):
            return None
        return Cut(self, Least(bytes, 0, way.starts, way.kinds, self.needs.count), room)

    def _crossing(self, limit: float, comfortable: float) -> list[Cost]:
        """The least that ways to the end cost which share a segment with another block: of what a segment has there,
        nothing counts but what can be told from here. That it is not comfortable counts where it begins."""
        p = self.needs.prepared
        inside: list[Cost | None] = [None] * (p.steps + 1)  # by step, of ways that begin with the block
        across: list[Cost | None] = [None] * (p.steps + 1)  # and with a segment from the block before
        inside[0] = 0, 0

        def reach(
            ways: list[Cost | None], step: int, before: Cost | None, need: int, work: int, counts: bool = True
        ) -> None:
            if before is None or need > limit:
                return
            cost = before[0] + (counts and need > comfortable), before[1] + work
            known = ways[step]
            ways[step] = cost if known is None else min(known, cost)

        for stop in range(1, self._entered + 1):
            work = int(p.data[p.row_work + stop] - p.data[p.leaving + stop])
            reach(across, stop, (0, 0), self._shared(0, stop), work, counts=False)
        for step in range(p.steps):
            for part in self.needs.parts(step):
                if part.streamed and max(self._highs[step : part.stop]) <= comfortable:
                    continue  # as a whole, its operators are comfortable as well, and take less work
                need, work = part.low, self.needs.added(step, part.stop, part.streamed)
                if need <= limit < part.high or need <= comfortable < part.high:
                    need = self.needs.need(step, part.stop, part.streamed)
                reach(inside, part.stop, inside[step], need, work)
                reach(across, part.stop, across[step], need, work)
        for step in range(self._left, p.steps):
            for before in (inside[step], across[step]):
                work = int(p.data[p.row_work + p.steps] - p.data[p.row_work + step])
                reach(across, p.steps, before, self._shared(step, p.steps), work)
        return [cost for cost in across[-1:] if cost is not None]

    def _shared(self, start: int, stop: int) -> int:
        """Bytes that a segment needs at least which has these steps of the block, the first ones or the last: what only
        exists inside, what is there before the last ones, and what the first ones leave to others."""
        p, d = self.needs.prepared, self.needs.prepared.data
        found, scratch, last = 0, 0, stop == p.steps
        if start > 0:
            found += d[p.before + start]
        else:
            found += d[p.inside] if d[p.last] < stop else d[p.width]
        for step in range(start, stop):
            scratch = max(scratch, d[p.lean_in_rows + step])
            found += d[p.made_in_rows + step] - d[p.made + step]
            for k in range(d[p.result_from + step], d[p.result_from + step + 1]):
                tensor = d[p.results + k]
                if d[p.last + tensor] < stop:
                    found += d[p.inside + tensor]
                elif not last:
                    found += d[p.width + tensor]
        return int(found + scratch)


class Cut:
    """The quickest parts of a block."""

    def __init__(self, alone: Alone, cut: Least, room: float) -> None:
        self.alone, self.cut, self.room = alone, cut, room
        self._known: list[tuple[list[Limit], Chosen]] = []

    def finished(self, work: float) -> Chosen:
        """In a network of so much work."""
        for limits, chosen in self._known:
            if all([limit.could_be(work) for limit in limits]):
                return chosen
        needs = self.alone.needs
        chosen = Chosen(needs.row, needs.search, self.cut, self.room, work)
        self._known.append(([found.room.work for found in chosen.finished.values()], chosen))
        return chosen


def alone(block: Block, work: float, first: bool) -> Alone:
    """A block of a network of so much work, with the input of the network if it is the first one."""
    return _alone(block, bisect_right(block.levels, work), first)


@lru_cache(maxsize=KNOWN)
def _alone(block: Block, level: int, first: bool) -> Alone:
    """In networks of so much work that so many of its kernels may be lean ones: that is all that depends on it."""
    return Alone(block, block.levels[level - 1] if level else 0.0, first)


@lru_cache(maxsize=ANSWERS)
def quickest_cut(alone: Alone, bytes: int, room: float) -> Cut | None:
    """What `Alone.quickest` tells, remembered."""
    return alone.quickest(bytes, room)


@lru_cache(maxsize=ANSWERS)
def whole(alone: Alone, bytes: int) -> Chosen:
    """What `Alone.whole` tells, remembered."""
    return alone.whole(bytes)
