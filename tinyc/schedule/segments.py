"""Chooses which runs of operators stream row by row, under a budget of SRAM.

Executed layer by layer, an operator needs its whole input and output; streamed, the tensors inside a segment shrink to
line buffers. The least need of any partition into segments is searched for first (`least`); then a dynamic programme
over the order of execution finds, among the partitions within the budget, the one with the least extra work. Its parts
are then made as quick as the budget lets them be: faster kernels, more rows at a time.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from tinyc.ir.graph import Graph, Value
from tinyc.program.lifetimes import width
from tinyc.schedule.figures import FigureReader, Kernel, Operation
from tinyc.schedule.least import Cut, Least, lean_steps, least, placed
from tinyc.schedule.needs import Needs
from tinyc.schedule.step import Step

WORTH = 0.0005  # of the network's instructions: what more rows at a time must gain at least
QUICKER_STEPS = 8  # times that a chosen segment gets more rows at a time
QUICKER_TRIES = 4  # ways to do so that are looked at each time


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a partition: an operator executed as a whole, or a segment. `need` in bytes; `work` are the
    instructions that streaming adds; `lean` the kernels of the steps that do not have their fastest."""

    start: int
    stop: int
    need: int
    work: float = 0.0
    heights: tuple[int, ...] = ()  # rows at a time of each operator; none where it runs as a whole
    lean: tuple[tuple[int, str], ...] = ()

    @property
    def streamed(self) -> bool:
        return bool(self.heights)


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


@dataclass(frozen=True, slots=True)
class _Way:
    """The best way to some step: parts that need more than the room, work, and the last part."""

    tight: int
    work: float
    count: int
    last: Cut | None = None
    before: _Way | None = None

    @property
    def cost(self) -> tuple[int, float, int]:
        return self.tight, self.work, self.count

    def parts(self) -> Iterator[Cut]:
        if self.before is not None and self.last is not None:
            yield from self.before.parts()
            yield self.last


class Partitions:
    """Every way to cut an order of execution into streamed segments and operators that run as a whole.

    `pushed` is the network's input where its rows arrive one by one: the first segment must take all of them.
    """

    def __init__(self, graph: Graph, steps: Sequence[Step], pushed: Value | None = None) -> None:
        self.steps = steps
        self._reader = FigureReader(graph, steps, pushed)

    @cached_property
    def needs(self) -> Needs:
        return Needs(self._reader.figures())

    @cached_property
    def least(self) -> Least | None:
        """The partition with the least need; None where the input cannot be streamed."""
        return least(self.needs)

    @property
    def least_peak(self) -> float:
        """In bytes; infinite where the input cannot be streamed."""
        return math.inf if self.least is None else self.least.bytes

    @cached_property
    def _row_work(self) -> list[float]:
        total, found = 0.0, [0.0]
        for op in self.needs.network.operations:
            total += op.row_work
            found.append(total)
        return found

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
        ways = [found for state in self._states() if (found := self._cheapest(limit, room, state)) is not None]
        if not ways:
            return self._finished(self.least.parts, limit, room)
        return self._finished(tuple(min(ways, key=lambda way: way.cost).parts()), limit, room)

    def tightest(self) -> Partition:
        """The parts with the least need for which there are places, if that is known, and else as they were found:
        nothing in them is made quicker."""
        assert self.least is not None
        found, cut = [], placed(self.needs, self.least)
        for number, part in enumerate(cut.parts):
            start, stop, streamed = part
            lean = lean_steps(self.needs, cut, number)
            need = self.needs.exactly(*part, cut.state, lean)
            names = self._names(start, self.needs.network.operations[start:stop], lean, streamed)
            work = self._row_work[stop] - self._row_work[start] if streamed else 0.0
            found.append(Part(start, stop, need, work, (1,) * (stop - start) if streamed else (), names))
        return Partition(tuple(found))

    def _states(self) -> list[int]:
        """Sizes of state that are looked at, where the input is pushed: the longest first segment, and the best."""
        assert self.least is not None
        if self.needs.network.pushed is None:
            return [0]
        most = max(self.needs.state(bounds.stop) for bounds in self.needs.parts(0))
        return list(dict.fromkeys((most, self.least.state)))

    def _cheapest(self, limit: float, room: float, state: int) -> _Way | None:
        """The way with the least work whose every part stays within the limit beside so much state; fewest parts on a
        tie. Before that, as few parts as possible need more than a `room` part of the limit."""
        needs, extra, comfortable = self.needs, width(state), room * limit
        best: list[_Way | None] = [_Way(0, 0.0, 0), *([None] * needs.count)]
        for start in range(needs.count):
            way = best[start]
            if way is None:
                continue
            for bounds in needs.parts(start):
                if start == 0 and needs.state(bounds.stop) > state:
                    continue
                part = Cut(start, bounds.stop, bounds.streamed)
                low, high = bounds.low + extra, bounds.high + extra
                if low > limit or (high > limit and needs.need(*part, state) > limit):
                    continue
                tight = high > comfortable and needs.need(*part, state) > comfortable
                added = self._row_work[bounds.stop] - self._row_work[start] if bounds.streamed else 0.0
                cost = way.tight + tight, way.work + added, way.count + 1
                old = best[bounds.stop]
                if old is None or cost < old.cost:
                    best[bounds.stop] = _Way(*cost, part, way)
        return best[needs.count]

    # ------------------------------------------------------------------ speed within the limit
    def _finished(self, parts: Sequence[Cut], limit: float, room: float) -> Partition:
        """Kernels and rows at a time of parts that were chosen."""
        most, state = room * limit, self.needs.state(parts[0][1]) if parts else 0
        return Partition(tuple(self._quicker(self._with_kernels(*part, limit, state), most, state) for part in parts))

    def _with_kernels(self, start: int, stop: int, streamed: bool, limit: float, state: int) -> Part:
        """A part with the fastest kernels, but for those whose scratch the limit has no room for."""
        operations = self.needs.network.operations[start:stop]
        saved = dict(enumerate((self._saved(op.rows if streamed else op.whole) for op in operations), start))
        lean = frozenset[int]()
        need = self.needs.exactly(start, stop, streamed, state, lean)
        if need > limit:
            lean = frozenset(step for step, instructions in saved.items() if instructions > 0)
            need = self.needs.exactly(start, stop, streamed, state, lean)
            for step in sorted(lean, key=lambda n: -saved[n]):
                faster = self.needs.exactly(start, stop, streamed, state, lean - {step})
                if faster <= limit:
                    lean, need = lean - {step}, faster
        work = self._row_work[stop] - self._row_work[start] if streamed else 0.0
        heights = (1,) * (stop - start) if streamed else ()
        names = self._names(start, operations, lean, streamed)
        return Part(start, stop, need, work + sum(saved[step] for step in lean), heights, names)

    def _saved(self, kernels: Sequence[Kernel]) -> float:
        """Instructions that an operator's fastest kernel saves against its lean one."""
        return self.needs.lean(kernels).work - kernels[0].work

    def _names(
        self, start: int, operations: Sequence[Operation], lean: Collection[int], streamed: bool
    ) -> tuple[tuple[int, str], ...]:
        kernels = ((step, op.rows if streamed else op.whole) for step, op in enumerate(operations, start))
        return tuple((step, self.needs.lean(own).name) for step, own in kernels if step in lean)

    @property
    def _worth(self) -> float:
        return WORTH * self.needs.prepared.work

    def _quicker(self, part: Part, most: float, state: int) -> Part:
        """A segment with more rows at a time, while its need stays below `most`; only gains that are worth it count.

        What makes the least need stays as it is: so that is what the arena will be, whatever else is chosen.
        """
        if not part.streamed or part.need >= self.least_peak:
            return part
        for _ in range(QUICKER_STEPS):
            taller = self._taller(part)
            better = (self._in_blocks(part, heights, state) for _, heights in taller[:QUICKER_TRIES])
            found = next((p for p in better if p.need < most and p.work <= part.work - self._worth), None)
            if found is None:
                break
            part = found
        return part

    def _in_blocks(self, part: Part, heights: tuple[int, ...], state: int) -> Part:
        """The same segment, so many rows at a time."""
        blocks, lean = self._reader.blocks(part.start, part.stop, heights), {step for step, _ in part.lean}
        need = self.needs.exactly(part.start, part.stop, True, state, lean, blocks)
        work = blocks.work + sum(self._saved(blocks.operations[step - part.start].rows) for step in lean)
        names = self._names(part.start, blocks.operations, lean, True)
        return replace(part, need=need, work=work, heights=heights, lean=names)

    def _taller(self, part: Part) -> list[tuple[float, tuple[int, ...]]]:
        """Heights one step up for one operator, or for two neighbours; those that may gain the most first."""
        found: list[tuple[float, tuple[int, ...]]] = []
        steps = self.steps[part.start : part.stop]
        higher = [step.taller(now) for step, now in zip(steps, part.heights, strict=True)]
        gains = [step.at(now).work - step.at(h).work for step, now, h in zip(steps, part.heights, higher, strict=True)]
        for size in (1, 2):
            for k in range(len(gains) - size + 1):
                heights = (*part.heights[:k], *higher[k : k + size], *part.heights[k + size :])
                found.append((sum(gains[k : k + size]), heights))
        return sorted((f for f in found if f[0] > self._worth), reverse=True)

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
