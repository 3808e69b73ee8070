"""Tables of networks from the tables of their blocks: what a search asks again and again is worked out once.

A block is compiled by itself, behind an input of the shape that it gets, and its figures are kept by what it is and
that shape. Those of a network are its blocks' in a row: tensors get new numbers and lives, nothing is computed.
"""

from __future__ import annotations

import math
from bisect import bisect
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from itertools import accumulate
from typing import Any, overload

import numpy as np

from tinyc.compiler import Options, run_passes
from tinyc.ir.types import Array, Shape
from tinyc.nas.formulae import live_activations
from tinyc.nas.network import Network, with_weights
from tinyc.nas.spaces.space import Layers
from tinyc.passes.compute_twice import twice_sites
from tinyc.passes.rematerialise import sites
from tinyc.program.lower import state_bytes
from tinyc.schedule.alternatives import WORTH
from tinyc.schedule.figures import HIDDEN, Blocks, FigureReader, Figures, Kernel, Operation, Tensor
from tinyc.schedule.least import least
from tinyc.schedule.needs import Held, Needs
from tinyc.schedule.scheduler import Scheduler
from tinyc.schedule.search.tables import Tables, lines_of, tables
from tinyc.schedule.tasks import stored
from tinyc.targets import Target

KNOWN = 1 << 16  # blocks that are remembered


@dataclass(frozen=True, eq=False)
class Block:
    """A block: its figures, in which tensor 0 is its input and the last one its result; the shape of that, its
    multiply-accumulates, and its tables.

    `live`: most bytes of activations live at once, layer by layer. `closed`: from how many bytes of the arena on only
    the whole network tells how it is best run: where work may be repeated to need less (heads that share,
    squeeze-excite), or where another order is better. `held`: what is in the arena while a segment of it runs, if that
    was asked for (see `JoinedNeeds`).
    """

    figures: Figures
    shape: Shape
    macs: int
    live: int
    closed: float
    table: _Table
    held: dict[tuple[int, ...], Held] = field(default_factory=dict)


class _Table:
    """The tables of a block, columns of one length in one array each, and what its lines are where a row is pushed:
    how many each step adds; those of the input: step and rows; rows as which the result is seen."""

    def __init__(self, figures: Figures) -> None:
        t = tables(figures)
        self.tensors = _array(t.bytes, t.made, t.last, t.line)
        self.entry = t.last[0], t.line[0]
        self.operators = _array(t.result_count, t.whole_count, t.row_count, t.complete_count, t.hidden)
        self.results, self.complete = _array(t.results)[0], _array(t.complete)[0]
        self.kernels, self.work = _array(t.scratch, t.trail_count), np.array(t.work, np.float64)
        self.trails = _array(t.trail_tensor, t.trail_apart)
        self.added, self.input, self.result = [0] * len(figures.operations), list[tuple[int, int]](), set[int]()
        seen = set[tuple[int, int]]()
        for step, op in enumerate(figures.operations):
            for tensor, rows in lines_of(op, step):
                if (tensor, rows) not in seen:
                    seen.add((tensor, rows))
                    if tensor == 0:
                        self.input.append((step, rows))
                    else:
                        self.added[step] += 1
                if tensor == len(figures.tensors) - 1:
                    self.result.add(rows)


def _array(*columns: Any) -> Array:
    return np.array(columns, np.int64)


@lru_cache
def known_blocks(target: Target, onnx: bool) -> Callable[[Layers, Shape, bool], Block]:
    """Gives the blocks of networks for a target: of layers behind a tensor of a shape; of the last ones that is said,
    which end the network. Raises ModelError where no kernel serves one of them."""

    @lru_cache(maxsize=KNOWN)
    def block(layers: Layers, shape: Shape, last: bool) -> Block:
        return _block(layers, shape, onnx, last, target)

    return block


def _block(layers: Layers, shape: Shape, onnx: bool, last: bool, target: Target) -> Block:
    net = Network("block", shape, onnx=onnx)
    layers.add(net, "")
    graph = net.graph if last else net.finish(net.last)
    result = graph.outputs[0]
    graph = with_weights(graph)
    macs, live = graph.macs, live_activations(graph)
    run_passes(graph, Options())
    scheduler = Scheduler(graph, target)
    (image,) = graph.inputs
    reader = FigureReader(graph, scheduler.candidates[0].steps, image)  # pushed: so its rows count as a line
    found, end = replace(reader.figures(), pushed=None), stored(graph.outputs[0])
    assert end is not None
    closed = 0.0
    if len(scheduler.candidates) > 1 or any(twice_sites(graph)):
        closed = math.inf
    elif any(len(site.runs) > 1 for site in sites(graph)):
        own = least(Needs(found))
        closed = math.inf if own is None else own.bytes / WORTH
    found = _with_last(found, reader.number(end))
    return Block(found, result.type.shape, macs, live, closed, _Table(found))


def _with_last(figures: Figures, result: int) -> Figures:
    """The figures, whose tensor `result` changes numbers with the last one; of an input that is the result, nothing is
    left but itself."""
    last = len(figures.tensors) - 1
    if result == 0 and last > 0:
        raise ValueError("a block of layers whose result is its input must have no layers")
    swapped = {result: last, last: result}
    tensors = list(figures.tensors)
    tensors[result], tensors[last] = tensors[last], tensors[result]
    operations = tuple(_renumbered(op, lambda n: swapped.get(n, n)) for op in figures.operations)
    return replace(figures, operations=operations, tensors=tuple(tensors))


def _renumbered(op: Operation, number: Callable[[int], int]) -> Operation:
    """An operation with other numbers of tensors."""

    def kernels(of: tuple[Kernel, ...]) -> tuple[Kernel, ...]:
        return tuple(replace(k, trails=tuple((number(t), rows, apart) for t, rows, apart in k.trails)) for k in of)

    def line(tensor: int) -> int:
        return tensor if tensor == HIDDEN else number(tensor)

    stages = tuple(
        replace(s, output=line(s.output), reads=tuple(replace(r, tensor=line(r.tensor)) for r in s.reads))
        for s in op.stages
    )
    return Operation(
        tuple(map(number, op.made)), kernels(op.whole), stages, kernels(op.rows), op.hidden,
        tuple(map(number, op.complete)), op.row_work,
    )


@lru_cache(maxsize=KNOWN)
def _moved(block: Block, number: int, by: int) -> Operation:
    """An operation of a block whose input has the number `by`."""
    return _renumbered(block.figures.operations[number], lambda n: n + by)


# ---------------------------------------------------------------------- in a row
@dataclass(frozen=True, eq=False)
class Joined:
    """A network: its tables and its figures, which are put together where they are asked for; its multiply-accumulates;
    and an arena's bytes below which its blocks alone do not tell what it needs."""

    tables: Tables
    figures: Figures
    row: _Operations
    macs: int
    closed: float


def in_a_row(blocks: Sequence[Layers], shape: Shape, target: Target, onnx: bool) -> list[Block]:
    """These blocks behind an input of this shape."""
    known, last, found = known_blocks(target, onnx), len(blocks) - 1, list[Block]()
    for number, layers in enumerate(blocks):
        found.append(known(layers, shape, number == last))
        shape = found[-1].shape
    return found


def join(found: Sequence[Block], stream: bool = False) -> Joined:
    """The network of blocks in a row, its input pushed row by row where it is to `stream`."""
    all_tables = [block.table for block in found]
    steps = [0, *accumulate([t.operators.shape[1] for t in all_tables])]
    firsts = [0, *accumulate([t.tensors.shape[1] - 1 for t in all_tables])]
    tensors = np.concatenate([all_tables[0].tensors[:, :1], *(t.tensors[:, 1:] for t in all_tables)], 1)
    tensors[1:3, 1:] += np.repeat(steps[:-1], np.diff(firsts))
    entries = np.array([table.entry for table in all_tables]).T  # who reads what came before, and its line
    tensors[2:, firsts[:-1]] = entries + [steps[:-1], [0] * len(found)]
    operators = np.concatenate([t.operators for t in all_tables], 1)
    kernels = np.concatenate([t.kernels for t in all_tables], 1)
    results, complete, trails = (
        _put_together(all_tables, name, firsts) for name in ("results", "complete", "trails")
    )
    state = np.zeros(steps[-1] + 1, np.int64)
    if stream:
        state[1:] = [state_bytes(count) for count in accumulate(_lines(all_tables, steps))]
    work = np.concatenate([t.work for t in all_tables])
    columns = (*tensors, *operators, results, complete, kernels[0], work, kernels[1], *trails, state)
    row = _Operations(found, steps, firsts)
    figures = Figures(row, _Tensors(tensors), 0 if stream else None)
    joined = Tables._make([*columns, 0 if stream else -1])
    return Joined(joined, figures, row, sum([b.macs for b in found]), max([b.closed for b in found]))


def _put_together(all_tables: Sequence[_Table], name: str, firsts: Sequence[int]) -> Array:
    """Numbers of tensors, moved by how many came before; of two rows the first."""
    columns = [getattr(t, name) for t in all_tables]
    found = np.concatenate(columns, -1)
    numbers = found[0] if found.ndim > 1 else found
    numbers += np.repeat(firsts[:-1], [column.shape[-1] for column in columns])
    return found


def _lines(all_tables: Sequence[_Table], steps: Sequence[int]) -> list[int]:
    """How many lines the stages of every step add to those before it."""
    added = [count for table in all_tables for count in table.added]
    seen = set[int]()
    for table, step in zip(all_tables, steps, strict=False):
        for own, rows in table.input:
            added[step + own] += rows not in seen
            seen.add(rows)
        if table.added:
            seen = set(table.result)
    return added


class JoinedNeeds(Needs):
    """The needs of a network of blocks. Of what is there before a block only its input is read later: so what is held
    while a segment inside one block runs is the same in every network that has it, but for numbers."""

    def __init__(self, joined: Joined, search: Any) -> None:
        super().__init__(joined.figures, search, search.prepare(search.accepted(joined.tables)))
        self.row = joined.row

    def _held_by_segment(
        self, start: int, stop: int, sizes: dict[int, int], lean: Collection[int], blocks: Blocks | None
    ) -> Held:
        number = bisect(self.row.steps, start) - 1
        begin, end = self.row.steps[number : number + 2]
        if blocks is not None or stop > end or (number == 0 and self.network.pushed is not None):
            return super()._held_by_segment(start, stop, sizes, lean, blocks)
        block, first, p = self.row.blocks[number], self.row.firsts[number], self.prepared
        kernels = p.data[p.lean_row_kernel + start : p.lean_row_kernel + stop] if lean else ()
        key = start - begin, stop - begin, *map(int, kernels)
        if key not in block.held:
            found = super()._held_by_segment(start, stop, sizes, lean, blocks)
            block.held[key] = _shifted(found, -first)
        return _shifted(block.held[key], first)


def _shifted(held: Held, by: int) -> Held:
    """With other numbers of tensors."""
    tensors = {number + by: bytes for number, bytes in held.tensors.items()}
    return Held(tensors, held.more, tuple((lower + by, upper + by, apart) for lower, upper, apart in held.trails))


class _Operations(Sequence[Operation]):
    """The operations of blocks in a row, each with the steps and the tensors that come before."""

    def __init__(self, blocks: Sequence[Block], steps: Sequence[int], firsts: Sequence[int]) -> None:
        self.blocks, self.steps, self.firsts = blocks, steps, firsts

    def __len__(self) -> int:
        return self.steps[-1]

    @overload
    def __getitem__(self, step: int) -> Operation: ...
    @overload
    def __getitem__(self, step: slice) -> tuple[Operation, ...]: ...

    def __getitem__(self, step: int | slice) -> Operation | tuple[Operation, ...]:
        if isinstance(step, slice):
            start, stop, _ = step.indices(len(self))
            return tuple(self._between(start, stop))
        if step >= len(self):
            raise IndexError(step)
        return next(self._between(step, step + 1))

    def _between(self, start: int, stop: int) -> Iterator[Operation]:
        for block, begin, end, first in zip(self.blocks, self.steps, self.steps[1:], self.firsts, strict=False):
            if begin < stop and end > start:
                for number in range(max(0, start - begin), min(stop, end) - begin):
                    yield _moved(block, number, first)


class _Tensors(Sequence[Tensor]):
    """Tensors of a table of them."""

    def __init__(self, table: Array) -> None:
        self.table = table

    def __len__(self) -> int:
        return int(self.table.shape[1])

    @overload
    def __getitem__(self, number: int) -> Tensor: ...
    @overload
    def __getitem__(self, number: slice) -> tuple[Tensor, ...]: ...

    def __getitem__(self, number: int | slice) -> Tensor | tuple[Tensor, ...]:
        if isinstance(number, slice):
            return tuple(self[n] for n in range(*number.indices(len(self))))
        if number >= len(self):
            raise IndexError(number)
        bytes, made, last, line = self.table[:, number].tolist()
        return Tensor(bytes, made, last, None if line < 0 else line)
