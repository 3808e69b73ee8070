"""Chooses which runs of operators stream row by row, under a budget of SRAM.

Executed layer by layer, an operator needs its whole input and output; streamed, the tensors inside a segment shrink to
line buffers. The least need of any partition into segments is searched for first (`least`); then a dynamic programme
over the order of execution finds, among the partitions within the budget, the one with the least extra work. Its parts
are then made as quick as the budget lets them be: faster kernels, more rows at a time.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from tinyc.ir.graph import Graph, Value
from tinyc.program.lifetimes import width
from tinyc.program.lower import STATE
from tinyc.schedule.figures import FigureReader
from tinyc.schedule.least import Least, lean_steps, least, placed, quickest
from tinyc.schedule.needs import Needs
from tinyc.schedule.placing import Holds, inside, places
from tinyc.schedule.quicker import Part, Quicker, Room
from tinyc.schedule.step import Step


@dataclass(frozen=True)
class Partition:
    """Parts that cover all steps: the need of the worst of them in bytes, and the instructions that streaming adds."""

    parts: tuple[Part, ...]

    @property
    def peak(self) -> int:
        return max((part.need for part in self.parts), default=0)

    @property
    def work(self) -> float:
        return sum(part.work for part in self.parts)


class Partitions:
    """Every way to cut an order of execution into streamed segments and operators that run as a whole.

    `pushed` is the network's input where its rows arrive one by one: the first segment must take all of them.
    """

    def __init__(self, graph: Graph, steps: Sequence[Step], pushed: Value | None = None) -> None:
        self.steps = steps
        self.reader = FigureReader(graph, steps, pushed)

    @cached_property
    def needs(self) -> Needs:
        return Needs(self.reader.figures())

    @cached_property
    def least(self) -> Least | None:
        """The partition with the least need; None where the input cannot be streamed."""
        return least(self.needs)

    @property
    def least_peak(self) -> float:
        """In bytes; infinite where the input cannot be streamed."""
        return math.inf if self.least is None else self.least.bytes

    def choose(self, budget: float | None, room: float = 1.0) -> Partition | None:
        """The partition with the least work whose peak stays within `budget` bytes (None: without a budget).

        Where none does, the one with the least peak, and of those the least work; None where none can run at all. A
        `room` below 1 leaves parts that need not be tight so much below the peak, which makes packing easier.
        """
        if self.least is None:
            return None
        limit = math.inf if budget is None else max(budget, self.least.bytes)
        return self._within(limit, room)

    def _within(self, limit: float, room: float = 1.0) -> Partition:
        """The partition with the least work of those within a limit that there is one for."""
        assert self.least is not None
        return self._finished(quickest(self.needs, self.least, limit, room), limit, room)

    def tightest(self) -> Partition:
        """The parts with the least need for which there are places, if that is known, and else as they were found:
        nothing in them is made quicker."""
        assert self.least is not None
        found, cut = [], placed(self.needs, self.least)
        for number, part in enumerate(cut.parts):
            start, stop, streamed = part
            lean = lean_steps(self.needs, cut, number)
            need = self.needs.exactly(*part, cut.state, lean)
            heights = (1,) * (stop - start) if streamed else ()
            names = self.needs.lean_names(start, stop, streamed, lean)
            found.append(Part(start, stop, need, self.needs.added(*part), heights, names))
        return Partition(tuple(found))

    def _finished(self, cut: Least, limit: float, room: float) -> Partition:
        """Kernels and rows at a time of parts that were chosen."""
        extra = width(cut.state)
        own = Room.of(limit - extra, room * limit - extra, self.least_peak - extra, self.needs.prepared.work)
        quicker = Quicker(self.needs, self.steps, self.reader, own)
        found = (quicker.part(*part) for part in cut.parts)
        return Partition(tuple(replace(part, need=part.need + extra) for part in found))

    def places(self, partition: Partition) -> Mapping[str, int]:
        """Offsets of the tensors that pass from part to part, and of state, by the labels of their buffers, with which
        the partition needs as much as its worst part; none where that is not known."""
        first = partition.parts[0] if partition.parts else None
        state = self.needs.state(first.stop) if first and self.needs.network.pushed is not None else 0
        starts = [part.start for part in partition.parts]
        found = places(self.needs, starts, self.holds(partition), partition.peak, state)
        if found is None:
            return {}
        at_end = {STATE: partition.peak - width(state)} if state else {}
        return {self.reader.name(number): at for number, at in found.items()} | at_end

    def holds(self, partition: Partition) -> Holds:
        """What its parts hold."""
        numbered = list(enumerate(partition.parts))
        return Holds(
            {number: inside(self.needs, self.reader, part) for number, part in numbered if part.streamed},
            [number for number, part in numbered if part.lean and not part.streamed],
        )

    # ------------------------------------------------------------------ the front
    def front(self) -> list[Partition]:
        """Partitions that no other beats in both peak and work, from the least work to the least peak."""
        found: list[Partition] = []
        limit = math.inf
        while self.least is not None and limit >= self.least.bytes:
            partition = self._within(limit)
            while found and partition.work <= found[-1].work:
                found.pop()  # as little work with a lower peak
            found.append(partition)
            limit = partition.peak - 1
        return found
