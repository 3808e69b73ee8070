"""The parts that a partition may have: an operator executed as a whole, or a run of operators that streams.

For each, the bytes that are live while it runs, and the instructions that streaming adds. One flow of rows through a
longest run tells both for every segment inside it.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import cached_property

import numpy as np

from tinyc.ir.graph import Graph, Node, Value
from tinyc.ir.types import Array
from tinyc.schedule.heights import height_choices
from tinyc.schedule.pieces import Part, Pieces, Tensor
from tinyc.schedule.runs import Run
from tinyc.schedule.step import Step
from tinyc.schedule.tasks import overlap, stored

GUESSES = 4  # of the least peak, between its bounds
QUICKER_STEPS = 8  # times that a chosen segment gets more rows at a time
QUICKER_TRIES = 4  # ways to do so that are looked at each time


def place(part: Part) -> tuple[int, int, bool]:
    """By which parts are sorted."""
    return part.start, part.stop, part.streamed


# Segments by order of execution, start and steps of a run (by identity), with the steps, so that these live as long.
Known = dict[tuple[tuple[int, ...], int, tuple[int, ...]], tuple[tuple[Step, ...], Pieces]]


class Parts:
    """The parts that a partition may have, with their peaks and the work that they add."""

    def __init__(self, graph: Graph, steps: Sequence[Step], pushed: Value | None, known: Known | None = None) -> None:
        self.graph, self.steps, self.image = graph, steps, pushed
        self.known: Known = {} if known is None else known
        self.pushed = None if pushed is None else id(pushed)
        self.tensors = _tensors(graph, steps)

    @cached_property
    def _pieces(self) -> list[Pieces]:
        """The segments of every longest run."""
        order = tuple(id(step.node) for step in self.steps)
        return [self._in_run(start, stop, order) for start, stop in _windows(self.steps)]

    def _in_run(self, start: int, stop: int, order: tuple[int, ...]) -> Pieces:
        steps = tuple(self.steps[start:stop])
        key = (order, start, tuple(map(id, steps)))
        if key not in self.known:
            runs = [self._run(start, stop, heights) for heights in height_choices(steps)]
            self.known[key] = steps, Pieces(runs, self.tensors, self.pushed)
        return self.known[key][1]

    @cached_property
    def _wholes(self) -> list[Part]:
        return [Part(i, i + 1, self._whole(i), 0.0) for i in range(len(self.steps))]

    @cached_property
    def least_peak(self) -> float:
        """In bytes, of any way to cover all steps; infinite where there is none.

        Peaks are worked out up to one guess after the other, from one that overlaps cannot undercut.
        """
        low, high = self._least_peak(lambda pieces: pieces.least), self._least_peak(lambda pieces: pieces.most)
        while low < high:
            limit = low + max(1.0, (high - low) / GUESSES)
            for pieces in self._pieces:
                pieces.settle(limit)
            low, high = self._least_peak(lambda pieces: pieces.least), self._least_peak(lambda pieces: pieces.most)
        return low

    def _least_peak(self, peaks: Callable[[Pieces], Array]) -> float:
        """The same, if the segments had these peaks."""
        count = len(self.steps)
        least = np.full((count, count), math.inf)
        for part in self._wholes:
            least[part.start, part.start] = part.peak
        for pieces in self._pieces:
            inside = slice(pieces.start, pieces.stop)
            least[inside, inside] = np.minimum(least[inside, inside], peaks(pieces).min(axis=0))
        best = np.zeros(count + 1)
        for stop in range(1, count + 1):
            best[stop] = np.maximum(best[:stop], least[:stop, stop - 1]).min()
        return float(best[count])

    def between(self, low: float, high: float) -> list[Part]:
        """The parts with a peak above `low` bytes and up to `high`, sorted by where they start.

        Of those that cover the same steps, one that another beats in both peak and work is left out.
        """
        streamed = _undominated(part for pieces in self._pieces for part in pieces.within(high))
        found = [part for part in (*self._wholes, *streamed) if low < part.peak <= high]
        return sorted(found, key=place)

    def _run(self, start: int, stop: int, heights: tuple[int, ...], *, exact: bool = False) -> Run:
        return Run(self.graph, self.steps, start, stop, self.image, heights, exact)

    def exact(self, start: int, stop: int, heights: tuple[int, ...]) -> Part:
        """A segment by itself. As a piece of a longer run, its blocks might begin at other rows."""
        pieces = Pieces([self._run(start, stop, heights, exact=True)], self.tensors, self.pushed)
        return replace(pieces.longest(), exact=True)

    def quicker(self, part: Part, limit: float, worth: float) -> Part:
        """A segment with more rows at a time, while its peak stays within the limit; only gains of `worth` count."""
        for _ in range(QUICKER_STEPS):
            taller = self._taller(part, worth)
            better = (self.exact(part.start, part.stop, heights) for _, heights in taller[:QUICKER_TRIES])
            found = next((p for p in better if p.peak <= limit and p.work <= part.work - worth), None)
            if found is None:
                break
            part = found
        return part

    def _taller(self, part: Part, worth: float) -> list[tuple[float, tuple[int, ...]]]:
        """Heights one step up for one operator, or for two neighbours; those that may gain the most first."""
        found: list[tuple[float, tuple[int, ...]]] = []
        forms = [step.forms for step in self.steps[part.start : part.stop]]
        higher = [min((h for h in own if h > now), default=now) for own, now in zip(forms, part.heights, strict=True)]
        gains = [own[now].work - own[h].work for own, now, h in zip(forms, part.heights, higher, strict=True)]
        for size in (1, 2):
            for k in range(len(gains) - size + 1):
                heights = (*part.heights[:k], *higher[k : k + size], *part.heights[k + size :])
                found.append((sum(gains[k : k + size]), heights))
        return sorted((f for f in found if f[0] > worth), reverse=True)

    def _whole(self, i: int) -> float:
        """Peak while operator i runs as a whole."""
        if self.pushed is not None and self.tensors[self.pushed].last >= i:
            return math.inf  # the whole image is never there
        step = self.steps[i]
        live = sum(t.bytes for t in self.tensors.values() if t.made <= i <= t.last)
        return live + step.scratch - self._saved_by_trail(i)

    def _saved_by_trail(self, i: int) -> int:
        """The most that the output saves by overlapping an input that dies."""
        step = self.steps[i]
        out = self.tensors[id(step.node.output)]
        sources = [(self.tensors.get(id(stored(step.node.input(index)))), distance) for index, distance in step.trails]
        return max((overlap(t.bytes, out.bytes, d) for t, d in sources if t is not None and t.last == i), default=0)


def _undominated(parts: Iterable[Part]) -> Iterator[Part]:
    """Of the parts that cover the same steps, those that no other beats in both peak and work."""
    same = defaultdict[tuple[int, int], list[Part]](list)
    for part in parts:
        same[part.start, part.stop].append(part)
    for group in same.values():
        least = math.inf
        for part in sorted(group, key=lambda p: (p.peak, p.work)):
            if part.work < least:
                least = part.work
                yield part


def _windows(steps: Sequence[Step]) -> Iterator[tuple[int, int]]:
    """The longest runs of operators that can stream together; they may overlap.

    A run never holds both the producer of a tensor and an operator that waits until all of it is there: the tensor
    would need all its bytes, and what else that operator reads as well.
    """
    position = {id(step.node): number for number, step in enumerate(steps)}
    start = 0
    for stop, step in enumerate(steps):
        after = stop + 1 if not step.streams else max((position[id(n)] + 1 for n in _complete(step)), default=0)
        if after > start:
            if stop > start:
                yield start, stop
            start = after
    if start < len(steps):
        yield start, len(steps)


def _complete(step: Step) -> Iterator[Node]:
    """The operators that must have run before a step begins: it reads their results through views, or whole."""
    stages = step.forms[1].stages
    for value, feed in (read for stage in stages for read in stage.reads):
        root = stored(value)
        made_inside = any(value is stage.output for stage in stages)
        if root is not None and root.producer is not None and not made_inside and (root is not value or feed.is_fixed):
            yield root.producer


def _tensors(graph: Graph, steps: Sequence[Step]) -> dict[int, Tensor]:
    """Lives of all tensors in steps. A view prolongs the life of what it shows, which then needs all of its bytes."""
    position = {id(step.node): number for number, step in enumerate(steps)}
    found: dict[int, Tensor] = {}
    for value in (*graph.inputs, *(v for node in graph.nodes for v in node.outputs)):
        if value.producer is not None and id(value.producer) not in position:
            continue  # a view: counted with what it shows
        last, whole = _last_use(graph, value, position)
        made = -1 if value.producer is None else position[id(value.producer)]
        found[id(value)] = Tensor(value.type.bytes, made, max(made, last), whole)
    return found


def _last_use(graph: Graph, value: Value, position: dict[int, int]) -> tuple[int, bool]:
    """The last step that reads a tensor (the number of steps for an output), and whether it is seen through a view."""
    last, whole = (len(position), True) if graph.is_output(value) else (-1, False)
    for user in value.users:
        if id(user) in position:
            last = max(last, position[id(user)])
        else:
            last, whole = max(last, _last_use(graph, user.output, position)[0]), True
    return last, whole
