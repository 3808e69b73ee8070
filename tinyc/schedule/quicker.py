"""Parts made as quick as a number of bytes lets them be: faster kernels, more rows at a time.

What a part becomes depends on the rest of the network by a few numbers alone, to which needs and gains are compared. A
`Limit` notes over which range it could move with every comparison ending the same: so far an answer holds elsewhere.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from tinyc.schedule.figures import FigureReader, Kernel
from tinyc.schedule.needs import Needs
from tinyc.schedule.search import affordable
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


class Limit:
    """A number that others are compared to, and the range in which it could be with the same results."""

    def __init__(self, value: float) -> None:
        self.value = value
        self._above, self._below = (-math.inf, 0), (math.inf, 2)  # of (value, 1)

    def admits(self, other: float) -> bool:
        """Whether it is at least another."""
        if other <= self.value:
            self._above = max(self._above, (other, 0))
            return True
        self._below = min(self._below, (other, 1))
        return False

    def exceeds(self, other: float) -> bool:
        """Whether it is more than another."""
        if other < self.value:
            self._above = max(self._above, (other, 1))
            return True
        self._below = min(self._below, (other, 2))
        return False

    def could_be(self, value: float) -> bool:
        """Whether all that it was asked would have been answered the same with this value."""
        return self._above < (value, 1) < self._below


@dataclass(frozen=True)
class Room:
    """What a part may need in bytes: `limit`; less than `most`, with more rows at a time; and these only if it needs
    less than `floor`, for what makes the least need stays as it is. `work`: instructions of the network."""

    limit: Limit
    most: Limit
    floor: Limit
    work: Limit

    @classmethod
    def of(cls, limit: float, most: float, floor: float, work: float) -> Room:
        """From numbers."""
        return cls(Limit(limit), Limit(most), Limit(floor), Limit(work))

    def could_be(self, limit: float, most: float, floor: float, work: float) -> bool:
        """Whether all answers would have been the same with these numbers."""
        return (
            self.limit.could_be(limit) and self.most.could_be(most) and self.floor.could_be(floor)
            and self.work.could_be(work)
        )

    def is_worth(self, gain: float) -> bool:
        """Whether it is worth a change to save so many instructions."""
        return not self.work.admits(gain / WORTH)


class Quicker:
    """Makes parts of a network quick, within a room. Needs are without state."""

    def __init__(self, needs: Needs, steps: Sequence[Step], reader: FigureReader, room: Room) -> None:
        self.needs, self.steps, self.reader, self.room = needs, steps, reader, room

    def part(self, start: int, stop: int, streamed: bool) -> Part:
        """A part with the kernels and the rows at a time that it gets."""
        found = self._with_kernels(start, stop, streamed)
        return self._with_rows(found) if streamed and self.room.floor.exceeds(found.need) else found

    # ------------------------------------------------------------------ kernels
    def _with_kernels(self, start: int, stop: int, streamed: bool) -> Part:
        """The fastest kernels, but for those whose scratch the limit has no room for."""
        operations = self.needs.network.operations[start:stop]
        kernels = [op.rows if streamed else op.whole for op in operations]
        saved = {step: self._saved(own) for step, own in enumerate(kernels, start)}
        lean = frozenset[int]()
        need = self.needs.exactly(start, stop, streamed, 0, lean)
        if not self.room.limit.admits(need):
            lean = frozenset(step for step, instructions in saved.items() if instructions > 0)
            need = self.needs.exactly(start, stop, streamed, 0, lean)
            for step in sorted(lean, key=lambda n: -saved[n]):
                faster = self.needs.exactly(start, stop, streamed, 0, lean - {step})
                if self.room.limit.admits(faster):
                    lean, need = lean - {step}, faster
        work = self.needs.added(start, stop, streamed) + sum(saved[step] for step in lean)
        heights = (1,) * (stop - start) if streamed else ()
        return Part(start, stop, need, work, heights, self.needs.lean_names(start, stop, streamed, lean))

    def _saved(self, kernels: Sequence[Kernel]) -> float:
        """Instructions that an operator's fastest kernel saves against its lean one."""
        lean = self.needs.lean(kernels)
        for kernel in kernels[kernels.index(lean) :]:
            self.room.work.admits(affordable(kernel.work, kernels[0].work))
        return lean.work - kernels[0].work

    # ------------------------------------------------------------------ rows at a time
    def _with_rows(self, part: Part) -> Part:
        """More rows at a time, while that is worth it."""
        for _ in range(QUICKER_STEPS):
            better = (self._in_blocks(part, heights) for heights in self._taller(part)[:QUICKER_TRIES])
            found = next((p for p in better if self._is_better(p, part)), None)
            if found is None:
                break
            part = found
        return part

    def _is_better(self, part: Part, before: Part) -> bool:
        return self.room.most.exceeds(part.need) and self.room.is_worth(before.work - part.work)

    def _in_blocks(self, part: Part, heights: tuple[int, ...]) -> Part:
        """The same segment, so many rows at a time."""
        blocks, lean = self.reader.blocks(part.start, part.stop, heights), {step for step, _ in part.lean}
        need = self.needs.exactly(part.start, part.stop, True, 0, lean, blocks)
        work = blocks.work + sum(self._saved(blocks.operations[step - part.start].rows) for step in lean)
        names = self.needs.lean_names(part.start, part.stop, True, lean, blocks)
        return replace(part, need=need, work=work, heights=heights, lean=names)

    def _taller(self, part: Part) -> list[tuple[int, ...]]:
        """Heights one step up for one operator, or for two neighbours; those that may gain the most first."""
        steps = self.steps[part.start : part.stop]
        higher = [step.taller(now) for step, now in zip(steps, part.heights, strict=True)]
        gains = [step.at(now).work - step.at(h).work for step, now, h in zip(steps, part.heights, higher, strict=True)]
        alone = [(gain, (k,)) for k, gain in enumerate(gains)]
        in_pairs = [(sum(two), (k, k + 1)) for k, two in enumerate(pairwise(gains))]
        found = [
            (gain, tuple(higher[k] if k in raised else now for k, now in enumerate(part.heights)))
            for gain, raised in (*alone, *in_pairs) if self.room.is_worth(gain)
        ]
        return [heights for _, heights in sorted(found, reverse=True)]
