"""What the parts of a schedule need: an operator executed as a whole, or a segment that streams.

The need of a part is the bytes that no placement goes below while it runs, exactly as the packer counts them for the
lowered program: buffers rounded up to the arena's alignment, scratch and state included, an output laid over an input
that dies. Bounds are cheap, and nearly always enough.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from typing import NamedTuple

from tinyc.ir.types import Array
from tinyc.memory import together
from tinyc.program.flow import Demand, distance, lag
from tinyc.program.lifetimes import ARENA_ALIGN, width
from tinyc.program.lower import state_bytes
from tinyc.schedule.figures import HIDDEN, Blocks, Figures, Kernel, Operation, Read, Stage, windows

DEAR = 0.03  # of the network's instructions, that less scratch of one operator may cost


class Bounds(NamedTuple):
    """A part that begins at some step: where it ends, whether it streams, and bytes between which its need lies,
    without state."""

    stop: int
    streamed: bool
    low: int
    high: int


@dataclass(frozen=True, slots=True)
class Held:
    """What is in the arena while a part runs: bytes of tensors, by number (of lines, where they only exist inside),
    scratch and hidden lines, and trails (lower tensor, upper tensor, distance)."""

    tensors: dict[int, int]
    more: tuple[int, ...]
    trails: tuple[tuple[int, int, int], ...]


class Needs:
    """The needs of all parts of a network, in bytes, for the fastest kernels and for lean ones.

    An operator's lean kernel is the one with the least scratch of those that cost at most DEAR of the network's
    instructions more than its fastest.
    """

    def __init__(self, network: Figures) -> None:
        self.network, self.count = network, len(network.operations)
        self.work = sum([op.whole[0].work for op in network.operations])
        self.lean_whole = [self.lean(op.whole) for op in network.operations]
        self.lean_rows = [self.lean(op.rows) if op.rows else None for op in network.operations]
        self.width = [width(t.bytes) for t in network.tensors]
        self._line = [w if t.line is None else width(t.line) for w, t in zip(self.width, network.tensors, strict=True)]
        self._dying: list[list[int]] = [[] for _ in range(self.count + 1)]
        bytes, tensors = [0] * (self.count + 2), [0] * (self.count + 2)
        for number, t in enumerate(network.tensors):
            self._dying[t.last].append(number)
            bytes[t.made + 1] += self.width[number]
            bytes[t.last + 1] -= self.width[number]
            tensors[t.made + 1] += 1
            tensors[t.last + 1] -= 1
        # What is there before a step, and still read in it or later: bytes, and tensors.
        self.before, self.crossing = list(accumulate(bytes)), list(accumulate(tensors))
        self._known: dict[tuple[int, int, bool, int], int] = {}

    def lean(self, kernels: Sequence[Kernel]) -> Kernel:
        """Of the kernels of an operator, the lean one."""
        if len(kernels) == 1:
            return kernels[0]
        most = kernels[0].work + DEAR * self.work
        return next(kernel for kernel in reversed(kernels) if kernel.work <= most)

    @cached_property
    def _stops(self) -> list[int]:
        """By step, where the longest segment that begins there ends; the step itself where none does."""
        found = list(range(self.count))
        for start, stop in windows(self.network):
            found[start:stop] = [stop] * (stop - start)
        return found

    def parts(self, start: int) -> Iterator[Bounds]:
        """The parts that may begin at a step: the operator as a whole, and segments."""
        # Before its last reader a pushed image is never there as a whole, and the first segment must take all of it.
        pushed = self.network.pushed
        until = -1 if pushed is None else self.network.tensors[pushed].last
        if start > until:
            yield self._bounds_of_whole(start)
        if start > until:
            yield from self._bounds_of_segments(start)
        elif start == 0:
            yield from (bounds for bounds in self._bounds_of_segments(0) if bounds.stop > until)

    def together(self, start: int, stop: int, streamed: bool) -> int:
        """Bytes of all that is in the arena while a part runs with lean kernels, but for state, nothing overlapping."""
        if not streamed:
            return self._bounds_of_whole(start).high
        return next(bounds.high for bounds in self._bounds_of_segments(start) if bounds.stop == stop)

    def _bounds_of_whole(self, step: int) -> Bounds:
        op, tensors = self.network.operations[step], self.network.tensors
        made = self._made(op)
        fast, lean = op.whole[0], self.lean_whole[step]
        high = self.before[step] + made + width(lean.scratch)
        trailed = {t for kernel in (fast, lean) for t, _, _ in kernel.trails if tensors[t].last == step}
        saved = min(made, sum([self.width[t] for t in trailed]))
        return Bounds(step + 1, False, high - saved, high)

    def _bounds_of_segments(self, start: int) -> Iterator[Bounds]:
        pushed, live, scratch, dead = self.network.pushed, self.before[start], 0, 0
        widths, lines, steps, all_dying = self.width, self._line, self._row_steps, self._dying
        fresh: dict[int, int] = {}  # made in the segment and read after it
        new = 0  # bytes of these
        for step in range(start, self._stops[start]):
            made, more, own_scratch = steps[step]
            live += more
            if own_scratch > scratch:
                scratch = own_scratch
            for number in made:
                fresh[number] = size = widths[number]
                new += size
            for number in all_dying[step]:
                if number in fresh:
                    live += lines[number] - widths[number]
                    new -= fresh.pop(number)
                elif number == pushed:
                    live += lines[number] - widths[number]
                else:
                    dead += widths[number]
            most = live + scratch
            yield Bounds(step + 1, True, most - (dead if dead < new else new), most)

    @cached_property
    def _row_steps(self) -> list[tuple[tuple[int, ...], int, int]]:
        """Of every operator in rows: its results, bytes that it adds where all of them lie apart, and its scratch."""
        return [
            (op.made, self._made(op) + width(op.hidden), 0 if kernel is None else width(kernel.scratch))
            for op, kernel in zip(self.network.operations, self.lean_rows, strict=True)
        ]

    def _made(self, op: Operation) -> int:
        return sum([self.width[number] for number in op.made])

    def state(self, stop: int) -> int:
        """Bytes of state where the input is pushed and the first segment ends at `stop`; they live all the time."""
        if self.network.pushed is None:
            return 0
        lines: set[tuple[int, int]] = set()
        for step, op in enumerate(self.network.operations[:stop]):
            for stage in op.stages:
                lines.add((_own(stage.output, step), stage.rows))
                lines |= {(_own(read.tensor, step), read.rows) for read in stage.reads}
        return state_bytes(len(lines))

    # ------------------------------------------------------------------ exactly
    def need(self, start: int, stop: int, streamed: bool, state: int = 0) -> int:
        """Bytes that a part needs in single rows, at least, with its fastest kernels or its leanest."""
        key = start, stop, streamed, state
        if key not in self._known:
            every = range(start, stop)
            kernels = self.lean_rows if streamed else self.lean_whole
            fast = [op.rows[0] if streamed else op.whole[0] for op in self.network.operations[start:stop]]
            sets = (every,) if kernels[start:stop] == fast else (every, ())
            self._known[key] = min([self.exactly(start, stop, streamed, state, lean) for lean in sets])
        return self._known[key]

    def exactly(
        self, start: int, stop: int, streamed: bool, state: int, lean: Collection[int], blocks: Blocks | None = None
    ) -> int:
        """The same with the lean kernels for the steps `lean` alone, and perhaps in other blocks of rows."""
        held = self.held(start, stop, streamed, lean, blocks)
        sizes = [*held.tensors.values(), *(size for size in (*held.more, state) if size)]
        place = {number: i for i, number in enumerate(held.tensors)}
        trails = [(place[lower], place[upper], apart) for lower, upper, apart in held.trails]
        return together([width(size) for size in sizes], trails, ARENA_ALIGN)

    def held(
        self, start: int, stop: int, streamed: bool, lean: Collection[int], blocks: Blocks | None = None
    ) -> Held:
        """What is in the arena while a part runs, but for state."""
        alive = ((n, t) for n, t in enumerate(self.network.tensors) if t.made < stop and t.last >= start)
        sizes = {n: t.bytes for n, t in alive if t.bytes}
        if streamed:
            return self._held_by_segment(start, stop, sizes, lean, blocks)
        op, tensors = self.network.operations[start], self.network.tensors
        kernel = self.lean_whole[start] if lean else op.whole[0]
        trails = [(op.made[0], t, apart) for t, _, apart in kernel.trails if tensors[t].last == start]
        return Held(sizes, (kernel.scratch,), tuple(trails))

    def _held_by_segment(
        self, start: int, stop: int, sizes: dict[int, int], lean: Collection[int], blocks: Blocks | None
    ) -> Held:
        tensors, pushed = self.network.tensors, self.network.pushed
        operations = self.network.operations[start:stop] if blocks is None else blocks.operations
        kernels = [self.lean(op.rows) if start + n in lean else op.rows[0] for n, op in enumerate(operations)]
        new, dead = [], []
        for n, t in [(n, tensors[n]) for n in sizes]:
            inside = t.made >= start or n == pushed
            if inside and t.last < stop and t.line is not None:
                sizes[n] = t.line if blocks is None else blocks.lines[n]
            elif t.made >= start and t.last >= stop:
                new.append(n)
            elif t.made < start and t.last < stop and n != pushed:
                dead.append(n)
        segment = _Segment(start, operations, kernels)
        trails = [
            (out, n, segment.trail_distance(n, tensors[n].bytes, out, tensors[out].bytes)) for out in new for n in dead
        ]
        more = (max(k.scratch for k in kernels), *(op.hidden for op in operations))
        return Held(sizes, more, tuple(trails))


class _Segment:
    """The stages of a segment, as tables of what they ask of each other."""

    def __init__(self, start: int, operations: Sequence[Operation], kernels: Sequence[Kernel]) -> None:
        self.stages: list[Demand] = []
        self.sinks: dict[int, tuple[int, Kernel]] = {}  # by tensor, the stage that makes it
        self.seen: dict[int, set[int]] = {}  # by tensor, as how many rows it is read
        self._numbers: dict[tuple[int, int], int] = {}
        for step, (op, own) in enumerate(zip(operations, kernels, strict=True), start):
            for stage in op.stages:
                self.sinks[stage.output] = len(self.stages), own
                self.stages.append(self._demand(stage, step))
                for read in stage.reads:
                    self.seen.setdefault(read.tensor, set()).add(read.rows)

    def _demand(self, stage: Stage, step: int) -> Demand:
        reads = [self._asked(read, stage.rows, step) for read in stage.reads]
        output = self._number(_own(stage.output, step), stage.rows)
        return Demand(output, stage.rows, reads, stage.height, stage.first)

    def _asked(self, read: Read, rows: int, step: int) -> tuple[int, Array, Array]:
        line = self._number(_own(read.tensor, step), read.rows)
        return line, read.feed.ends(rows, read.rows), read.feed.starts(rows, read.rows)

    def _number(self, tensor: int, rows: int) -> int:
        return self._numbers.setdefault((tensor, rows), len(self._numbers))

    def trail_distance(self, source: int, source_bytes: int, output: int, output_bytes: int) -> int:
        """Bytes by which a result must lie below a tensor that dies in the segment."""
        sink, own = self.sinks[output]
        found = 0
        for rows in self.seen.get(source, ()):
            kernel = next((apart for t, seen, apart in own.trails if (t, seen) == (source, rows)), None)
            behind = lag(self.stages, sink, self._number(source, rows), rows, kernel is not None)
            row_bytes = source_bytes // rows, output_bytes // self.stages[sink].rows
            found = max(found, distance(behind, *row_bytes, kernel))
        return found


def _own(tensor: int, step: int) -> int:
    """A number of its own for the hidden line of every operator."""
    return ~step if tensor == HIDDEN else tensor
