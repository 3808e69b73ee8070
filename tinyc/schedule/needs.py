"""What the parts of a schedule need: an operator executed as a whole, or a segment that streams.

The need of a part is the bytes that no placement goes below while it runs, exactly as the packer counts them for the
lowered program: buffers rounded up to the arena's alignment, scratch and state included, an output laid over an input
that dies. Bounds are cheap, and nearly always enough.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from tinyc.ir.types import Array
from tinyc.memory import together
from tinyc.program.flow import Demand, demanded, distance, lag
from tinyc.program.lifetimes import ARENA_ALIGN, width
from tinyc.schedule import search
from tinyc.schedule.figures import Blocks, Figures, Kernel, Operation, Read, Stage
from tinyc.schedule.search import Prepared, lean_of
from tinyc.schedule.search.tables import own_number, tables


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
    """The needs of all parts of a network, in bytes, for the fastest kernels and for lean ones (`search.lean_of`).

    `search` is the module that searches, or the same compiled; `prepared` are its tables of the network.
    """

    def __init__(self, network: Figures, search: Any = search, prepared: Prepared | None = None) -> None:
        self.network, self.count, self.search = network, len(network.operations), search
        if prepared is None:
            prepared = search.prepare(tables(network))
        self.prepared = prepared
        self.asked: list[int] = []  # exact needs of parts, as the search takes them, that it asked for before
        self._known: dict[tuple[int, int, bool, int], int] = {}
        self._held: dict[tuple[int, int, int], Held] = {}  # by segments, and how many kernels of them are lean

    def lean(self, kernels: Sequence[Kernel]) -> Kernel:
        """Of the kernels of an operator, the lean one."""
        return kernels[lean_of([kernel.work for kernel in kernels], 0, len(kernels), self.prepared.work)]

    def lean_names(
        self, start: int, stop: int, streamed: bool, lean: Collection[int], blocks: Blocks | None = None
    ) -> tuple[tuple[int, str], ...]:
        """The lean kernels of the steps `lean` of a part, perhaps in other blocks of rows."""
        operations = self.network.operations[start:stop] if blocks is None else blocks.operations
        kernels = ((step, op.rows if streamed else op.whole) for step, op in enumerate(operations, start))
        return tuple((step, self.lean(own).name) for step, own in kernels if step in lean)

    def added(self, start: int, stop: int, streamed: bool) -> int:
        """Instructions that single rows add to a part."""
        return int(self.search.added(self.prepared, start, stop)) if streamed else 0

    def has_lean(self, start: int, stop: int, streamed: bool) -> bool:
        """Whether a part has operators whose lean kernels are not their fastest."""
        p = self.prepared
        lean = p.lean_row_kernel if streamed else p.lean_kernel
        return any(p.data[lean + start : lean + stop])

    def parts(self, start: int) -> Iterator[Bounds]:
        """The parts that may begin at a step: the operator as a whole, and segments."""
        # Before its last reader a pushed image is never there as a whole, and the first segment must take all of it.
        until = self.prepared.until
        if start > until:
            yield Bounds(start + 1, False, *self.search.whole(self.prepared, start))
        if start > until or start == 0:
            for stop, low, high, _ in self.search.segments(self.prepared, start):
                if stop > until:
                    yield Bounds(stop, True, low, high)

    def together(self, start: int, stop: int, streamed: bool) -> int:
        """Bytes of all that is in the arena while a part runs with lean kernels, but for state, nothing overlapping."""
        if not streamed:
            return int(self.search.apart(self.prepared, start))
        return int(self.search.segment(self.prepared, start, stop)[1])

    def state(self, stop: int) -> int:
        """Bytes of state where the input is pushed and the first segment ends at `stop`; they live all the time."""
        return int(self.prepared.data[self.prepared.state + stop])

    # ------------------------------------------------------------------ exactly
    def need(self, start: int, stop: int, streamed: bool, state: int = 0) -> int:
        """Bytes that a part needs in single rows, at least, with its fastest kernels or its leanest."""
        key = start, stop, streamed, state
        if key not in self._known:
            every = range(start, stop) if self.has_lean(start, stop, streamed) else range(0)
            found = self.exactly(start, stop, streamed, state, every)
            if every and self._low_of_fastest(start, stop, streamed) + width(state) < found:
                found = min(found, self.exactly(start, stop, streamed, state, ()))
            self._known[key] = found
        return self._known[key]

    def _low_of_fastest(self, start: int, stop: int, streamed: bool) -> int:
        """Bytes that a part needs at least with its fastest kernels, without state."""
        if not streamed:
            return self.search.whole(self.prepared, start)[0]
        p, low = self.prepared, self.search.segment(self.prepared, start, stop)[0]
        fast, lean = (p.data[column + start : column + stop] for column in (p.fast_in_rows, p.lean_in_rows))
        return int(low + max(fast) - max(lean))

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
        p, tensors = self.prepared, self.network.tensors
        crossing = self._listed(p.crossing, p.crossing_from, start, start + 1)
        made = self._listed(p.results, p.result_from, start, stop)
        sizes = {int(n): size for n in (*crossing, *made) if (size := tensors[n].bytes)}
        if streamed:
            key = start, stop, len(lean)
            if blocks is not None or len(lean) not in (0, stop - start):
                return self._held_by_segment(start, stop, sizes, lean, blocks)
            if key not in self._held:
                self._held[key] = self._held_by_segment(start, stop, sizes, lean, blocks)
            return self._held[key]
        op = self.network.operations[start]
        kernel = op.whole[p.data[p.lean_kernel + start] if lean else 0]
        trails = [(op.made[0], t, apart) for t, _, apart in kernel.trails if tensors[t].last == start]
        return Held(sizes, (kernel.scratch,), tuple(trails))

    def _listed(self, column: int, begins: int, start: int, stop: int) -> Sequence[int]:
        """Of a column, what belongs to the steps from `start` to `stop`."""
        d = self.prepared.data
        return d[column + d[begins + start] : column + d[begins + stop]]

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
            (out, n, segment.trail_distance(n, tensors[n].bytes, out, tensors[out].bytes))
            for out in new for n in dead if n in segment.seen  # what nothing reads is no line, and not laid over
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
        self._demanded: dict[int, Mapping[int, Array]] = {}  # by sink
        for step, (op, own) in enumerate(zip(operations, kernels, strict=True), start):
            for stage in op.stages:
                self.sinks[stage.output] = len(self.stages), own
                self.stages.append(self._demand(stage, step))
                for read in stage.reads:
                    self.seen.setdefault(read.tensor, set()).add(read.rows)

    def _demand(self, stage: Stage, step: int) -> Demand:
        reads = [self._asked(read, stage.rows, step) for read in stage.reads]
        output = self._number(own_number(stage.output, step), stage.rows)
        return Demand(output, stage.rows, reads, stage.height, stage.first)

    def _asked(self, read: Read, rows: int, step: int) -> tuple[int, Array, Array]:
        line = self._number(own_number(read.tensor, step), read.rows)
        return line, read.feed.ends(rows, read.rows), read.feed.starts(rows, read.rows)

    def _number(self, tensor: int, rows: int) -> int:
        return self._numbers.setdefault((tensor, rows), len(self._numbers))

    def trail_distance(self, source: int, source_bytes: int, output: int, output_bytes: int) -> int:
        """Bytes by which a result must lie below a tensor that dies in the segment."""
        sink, own = self.sinks[output]
        found = 0
        for rows in self.seen.get(source, ()):
            kernel = next((apart for t, seen, apart in own.trails if (t, seen) == (source, rows)), None)
            if sink not in self._demanded:
                self._demanded[sink] = demanded(self.stages, sink)
            line = self._number(source, rows)
            behind = lag(self.stages, sink, line, rows, kernel is not None, self._demanded[sink])
            row_bytes = source_bytes // rows, output_bytes // self.stages[sink].rows
            found = max(found, distance(behind, *row_bytes, kernel))
        return found
