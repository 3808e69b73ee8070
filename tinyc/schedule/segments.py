"""Chooses which runs of operators stream row by row, under a budget of SRAM.

Executed layer by layer, an operator needs its whole input and output; streamed, the tensors inside a segment shrink to
line buffers, of more rows and fewer calls or of fewer rows and more calls. A dynamic programme over the order of
execution finds the least peak of any partition into segments, and then, among the partitions under a budget, the one
with the least extra work.
"""

from __future__ import annotations

import math
import sys
from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from tinyc.ir.graph import Graph, Value
from tinyc.schedule.parts import Known, Parts, place
from tinyc.schedule.pieces import Part
from tinyc.schedule.step import Step

SPARE = 0.2  # of the least peak that may be spent where the least peak is slow
SLOW = 0.1  # that is, where streaming adds this much to the instructions of the network
MORE = 1.1  # times as large parts are looked at where the smaller ones did not do
WORTH = 0.0005  # of the network's instructions: what more rows at a time must gain at least


@dataclass(frozen=True)
class Partition:
    """Parts that cover all steps: the peak of the worst of them in bytes, and the instructions that streaming adds."""

    parts: tuple[Part, ...]

    @property
    def peak(self) -> float:
        return max((part.peak for part in self.parts), default=0.0)

    @property
    def work(self) -> float:
        return sum(part.work for part in self.parts)


Choice = tuple[Partition, float]  # and the bytes within which its parts may still become quicker


class Partitions:
    """Every way to cut an order of execution into streamed segments and operators that run as a whole.

    `pushed` is the network's input where its rows arrive one by one: the first segment must take all of them.
    """

    def __init__(
        self, graph: Graph, steps: Sequence[Step], pushed: Value | None = None, known: Known | None = None
    ) -> None:
        self.count, self.work = len(steps), sum(step.work for step in steps)
        self._maker = Parts(graph, steps, pushed, known)
        self._parts, self._peaks, self._known = list[Part](), np.zeros(0), -1.0  # all parts up to so many bytes
        self._choices: dict[tuple[float | None, float, float], Partition | None] = {}
        self._quickest: set[tuple[Part, float]] = set()  # segments that no more rows at a time make quicker in a limit

    @property
    def parts(self) -> list[Part]:
        """All of them, sorted by where they start."""
        self._know(math.inf)
        return self._parts

    def _know(self, limit: float) -> None:
        """Have at least all parts whose peak is within a limit in bytes: no other choice can hold a larger one."""
        if self._known < limit:
            more = self._maker.between(self._known, limit)
            self._known = limit
            self._hold(sorted((*self._parts, *more), key=place))

    def _hold(self, parts: list[Part]) -> None:
        self._parts, self._peaks = parts, np.array([part.peak for part in parts], float)

    def _within(self, limit: float) -> list[Part]:
        """The parts with at most this peak."""
        self._know(limit)
        return [self._parts[number] for number in np.flatnonzero(self._peaks <= limit).tolist()]

    @property
    def least_peak(self) -> float:
        """In bytes; infinite where the input cannot be streamed."""
        limit = max(self._known, self._maker.least_peak)
        while (found := self._least_within(limit)) > limit:  # segments that by themselves need more than it had seemed
            limit = self._known * MORE if self._known else math.inf
        return found

    def _least_within(self, limit: float) -> float:
        """The least peak of a partition of parts with at most this peak."""
        best = [0.0] + [math.inf] * self.count
        for part in self._within(limit):
            best[part.stop] = min(best[part.stop], max(best[part.start], part.peak))
        return best[self.count]

    def choose(self, budget: float | None, spare: float = 0.0, room: float = 1.0) -> Partition | None:
        """The partition with the least work whose peak stays within `budget` bytes (None: without a budget).

        Where none does, the one with the least peak, and of those the least work; None where none can run at all.
        Where that adds more than SLOW of the network's instructions, as little as needed of a `spare` part of the
        least peak is spent to add no more, or all of it to add as little as possible. A `room` below 1 leaves parts
        that need not be tight so much below the peak, which makes packing easier.
        """
        key = (budget, spare, room)
        if key not in self._choices:
            self._choices[key] = self._settled(lambda: self._chosen(*key))
        return self._choices[key]

    def _chosen(self, budget: float | None, spare: float, room: float) -> Choice | None:
        least = self.least_peak
        if math.isinf(least):
            return None
        if budget is None:
            return self._cheapest(sys.float_info.max), 0  # never a part that cannot run
        limit, most = max(float(budget), least), max(float(budget), least * (1 + spare))
        if spare == 0 or self._cheapest(limit).work <= SLOW * self.work:
            return self._cheapest(limit, room), room * limit
        peaks = [limit, *sorted({part.peak for part in self._within(most) if limit < part.peak})]
        enough = bisect_left(peaks, True, key=lambda peak: self._cheapest(peak).work <= SLOW * self.work)
        limit = peaks[min(enough, len(peaks) - 1)]
        return self._cheapest(limit, room), room * limit

    def _settled(self, choice: Callable[[], Choice | None]) -> Partition | None:
        """What is chosen once all segments of the choice are estimated by themselves, and are as quick as they can be.

        """
        while True:
            found = choice()
            if found is None:
                return None
            partition, limit = found
            refined = {id(part): self._refined(part, limit) for part in partition.parts if part.streamed}
            if all(refined.get(id(part), (part,)) == (part,) for part in partition.parts):
                return partition
            self._hold([own for part in self._parts for own in refined.get(id(part), (part,))])

    def _refined(self, part: Part, limit: float) -> tuple[Part, ...]:
        """What takes the place of a part that was chosen."""
        if not part.exact:
            return (self._maker.exact(part.start, part.stop, part.heights),)
        if (part, limit) in self._quickest or part.peak > limit:
            return (part,)
        quicker = self._maker.quicker(part, limit, WORTH * self.work)
        self._quickest |= {(part, limit), (quicker, limit)}
        return (part,) if quicker == part else (part, quicker)

    def _cheapest(self, limit: float, room: float = 1.0) -> Partition:
        """The partition with the least work whose every part stays within the limit; fewest parts on a tie.

        Before that, as few parts as possible need more than a `room` part of the limit.
        """
        best: list[tuple[float, float, int]] = [(0, 0.0, 0)] + [(math.inf, 0.0, 0)] * self.count
        chosen: dict[int, Part] = {}
        for part in self._within(limit):
            tight, work, count = best[part.start]
            cost = (tight + (part.peak > room * limit), work + part.work, count + 1)
            if cost < best[part.stop]:
                best[part.stop], chosen[part.stop] = cost, part
        found, stop = [], self.count
        while stop > 0:
            found.append(chosen[stop])
            stop = chosen[stop].start
        return Partition(tuple(reversed(found)))

    def front(self) -> list[Partition]:
        """The partitions that no other beats in both peak and work, from the least work to the least peak."""
        while True:
            before, found = self.parts, list[Partition]()
            partition = self._settled(lambda: self._chosen(None, 0.0, 1.0))
            while partition is not None:
                if found and partition.work <= found[-1].work:
                    found.pop()  # as little work with a lower peak
                found.append(partition)
                peak = partition.peak
                below = max((part.peak for part in self.parts if part.peak < peak), default=-1.0)
                partition = self._settled(partial(self._below, below)) if below >= self.least_peak else None
            if before is self.parts:
                return found

    def _below(self, limit: float) -> Choice | None:
        return (self._cheapest(limit), 0) if limit >= self.least_peak else None
