"""The segments inside one longest run of operators: what each needs while it runs, and what streaming adds.

All are worked out together, as arrays [way to run, first step, last step] in the run's own numbers. What an overlap of
an output and an input saves is bounded first, and worked out only for segments that may matter.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np

from tinyc.ir.types import Array
from tinyc.schedule.runs import Run
from tinyc.schedule.tasks import overlap


@dataclass(frozen=True, slots=True)
class Tensor:
    """A tensor's bytes and life, in steps. `whole`: it needs all its bytes even in a segment that holds its life."""

    bytes: int
    made: int
    last: int
    whole: bool


Tensors = dict[int, Tensor]  # by the identity of the value


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a partition: a streamed segment, or an operator executed as a whole."""

    start: int
    stop: int
    peak: float
    work: float  # instructions that streaming adds
    heights: tuple[int, ...] = ()  # rows at a time of each operator; none where it runs as a whole
    exact: bool = False  # whether the figures are those of the segment by itself

    @property
    def streamed(self) -> bool:
        return bool(self.heights)


class Pieces:
    """The segments of runs over the same steps, which differ in the rows at a time.

    `most` are their peaks in bytes without any overlap (infinite where there is no such segment), `least` with as
    much as overlaps could save, and `work` the instructions that streaming adds. `pushed` is the identity of the input
    whose rows arrive one by one.
    """

    def __init__(self, runs: Sequence[Run], tensors: Mapping[int, Tensor], pushed: int | None) -> None:
        self.runs, self.start, self.stop = runs, runs[0].start, runs[0].stop
        inside = {key: t for key, t in tensors.items() if t.made < self.stop and t.last >= self.start}
        self.inside = {  # lives in the run's own numbers
            key: Tensor(t.bytes, max(-1, t.made - self.start), min(self.stop, t.last) - self.start, t.whole)
            for key, t in inside.items()
        }
        self.lines = {key: t for key, t in self.inside.items() if key in runs[0].lines}
        self.sources = {key: t for key, t in self.lines.items() if key != pushed}
        count = self.stop - self.start
        later = np.tri(count, dtype=bool).T  # [first step, last step]
        each_work = np.array([run.work for run in runs], float)[:, None, :]
        each_scratch = np.array([run.scratch for run in runs], np.int64)[:, None, :]
        self.work = np.where(later, each_work, 0.0).cumsum(axis=2)
        scratch = np.maximum.accumulate(np.where(later, each_scratch, 0), axis=2)
        there = later & self._has_rows(pushed, count)
        self.most = np.where(there, self._bytes(pushed, count) + scratch, math.inf)
        self.least = self.most - self._most_saved(count)

    def _has_rows(self, pushed: int | None, count: int) -> Array:
        """Where a segment does not need the pushed image later than its rows arrive, nor leaves it to a later one."""
        there = np.ones((count, count), bool)
        if pushed in self.inside:
            last = self.inside[pushed].last
            there[:, :last] = False
            there[(0 if self.start else 1) : last + 1] = False
        return there

    def _bytes(self, pushed: int | None, count: int) -> Array:
        """Of tensors: whole ones that outlive the segment or come from before it, lines of those inside."""
        before, made = np.zeros(count + 1, np.int64), np.zeros(count, np.int64)
        shrunk = np.zeros((len(self.runs), count, count), np.int64)
        for key, t in self.inside.items():
            if t.made < 0:
                before[0] += t.bytes
            else:
                made[t.made] += t.bytes
                before[t.made + 1] += t.bytes
            before[min(t.last, count - 1) + 1] -= t.bytes
            if key in self.lines and t.last < count and not t.whole and (t.made >= 0 or key == pushed):
                first = t.last if key == pushed else t.made
                shrunk[:, first, t.last] += [run.line_bytes[key] - t.bytes for run in self.runs]
        steps = np.arange(count)
        shrunk[:, steps, steps] += np.array([run.hidden_bytes for run in self.runs], np.int64)
        shrunk = shrunk[:, ::-1].cumsum(axis=1)[:, ::-1].cumsum(axis=2)
        so_far = made.cumsum()
        return shrunk + (before[:count].cumsum() + made - so_far)[:, None] + so_far

    def _most_saved(self, count: int) -> Array:
        """What an overlap saves at most: all of the larger tensor that dies, or of the larger that is new."""
        dying, new = np.zeros((count, count), np.int64), np.zeros((count, count), np.int64)
        for t in self.sources.values():
            own = dying[t.made + 1 : t.last + 1, t.last :]
            np.maximum(own, t.bytes, out=own)
        for t in self.lines.values():
            if t.made >= 0:
                own = new[: t.made + 1, t.made : t.last]
                np.maximum(own, t.bytes, out=own)
        return np.minimum(dying, new)

    def settle(self, limit: float) -> None:
        """Know the peaks of all segments whose peak may be within a limit in bytes: `least` and `most` meet there."""
        for way, first, last in np.argwhere((self.least <= limit) & (self.least < self.most) & ~self._worse()).tolist():
            self._know(way, first, last)

    def _know(self, way: int, first: int, last: int) -> None:
        peak = self.most[way, first, last] - self._saved(self.runs[way], first, last)
        self.least[way, first, last] = self.most[way, first, last] = peak

    def longest(self) -> Part:
        """The segment of all steps, the first way to run it."""
        last = self.stop - self.start - 1
        if self.least[0, 0, last] < self.most[0, 0, last]:
            self._know(0, 0, last)
        return self._part(0, 0, last)

    def _worse(self) -> Array:
        """Where another way to run the same segment needs less, and is as quick."""
        worse = np.zeros(self.least.shape, bool)
        for most, work in zip(self.most, self.work, strict=True):
            worse |= (most < self.least) & (work <= self.work)
        return worse

    def within(self, limit: float) -> Iterator[Part]:
        """The segments with a peak of at most `limit` bytes, without those that are worse than another."""
        self.settle(limit)
        there = (self.least <= limit) & np.isfinite(self.least) & ~self._worse()
        for way, first, last in np.argwhere(there).tolist():
            yield self._part(way, first, last)

    def _part(self, way: int, first: int, last: int) -> Part:
        """The segment from step `first` to `last`, both inclusive; its peak is known."""
        heights = self.runs[way].heights[first : last + 1]
        peak, work = int(self.most[way, first, last]), float(self.work[way, first, last])
        return Part(self.start + first, self.start + last + 1, peak, work, heights)

    def _saved(self, run: Run, first: int, last: int) -> int:
        """The most that a result saves by overlapping a tensor that dies in the segment."""
        dying = [(k, t.bytes) for k, t in self._read_from(first) if t.last <= last]
        new = [(k, t.bytes) for k, t in self._left_after(last) if first <= t.made]
        return max((overlap(a, b, run.distance(k, o)) for k, a in dying for o, b in new), default=0)

    @cache  # noqa: B019  pieces live as long as one choice
    def _read_from(self, step: int) -> list[tuple[int, Tensor]]:
        """The tensors made before a step, and read in it or later."""
        return [(key, t) for key, t in self.sources.items() if t.made < step <= t.last]

    @cache  # noqa: B019
    def _left_after(self, step: int) -> list[tuple[int, Tensor]]:
        """The tensors made until a step, and read after it."""
        return [(key, t) for key, t in self.lines.items() if t.made <= step < t.last]
