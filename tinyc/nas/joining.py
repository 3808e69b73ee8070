"""Networks of blocks whose tables are known: tables in a row, and needs of segments that are remembered by block."""

from __future__ import annotations

from bisect import bisect
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import accumulate
from typing import Any, overload

from tinyc.nas.blocks import KNOWN, Block, Shelf, renumbered
from tinyc.program.lifetimes import width
from tinyc.schedule.figures import Blocks, Figures, Operation, Tensor
from tinyc.schedule.needs import Held, Needs
from tinyc.schedule.search import Prepared


@dataclass(frozen=True, eq=False)
class Joined:
    """A network of blocks: its tables, and its figures, which are put together where they are asked for. `steps` and
    `firsts`: how many steps, and tensors, come before each block, and in all."""

    blocks: Sequence[Block]
    prepared: Prepared
    steps: Sequence[int]
    firsts: Sequence[int]
    stream: bool

    @property
    def figures(self) -> Figures:
        entry = self.blocks[0].figures.entry if self.stream else 0
        return Figures(_Operations(self), _Tensors(self), 0 if self.stream else None, entry)

    def block_of(self, step: int) -> int:
        """The number of the block that a step is in."""
        return bisect(self.steps, step) - 1


def join(blocks: Sequence[Block], shelf: Shelf, search: Any, stream: bool = False, work: float = -1.0) -> Joined:
    """The network of blocks in a row, its input pushed row by row where it is to `stream`. `work`: instructions of the
    network that the blocks are a part of, if they are not all of it."""
    begins = search.column([at for block in blocks for at in block.tables])
    prepared = search.prepare_row(search.column(shelf.numbers), search.reals_column(shelf.works), begins, stream, work)
    steps = [0, *accumulate([len(block.figures.operations) for block in blocks])]
    firsts = [0, *accumulate([len(block.figures.tensors) - 1 for block in blocks])]
    return Joined(blocks, prepared, steps, firsts, stream)


class JoinedNeeds(Needs):
    """The needs of a network of blocks. Of what is there before a block only its input is read later: so what is held
    while a segment runs is the same in every network that has the blocks in which it lies, but for numbers."""

    def __init__(self, joined: Joined, search: Any) -> None:
        super().__init__(joined.figures, search, joined.prepared)
        self.row = joined

    def need(self, start: int, stop: int, streamed: bool, state: int = 0) -> int:
        if not streamed:
            return super().need(start, stop, streamed, state)
        first, known = self._known_of(start, stop)
        begin = self.row.steps[first]
        key = start - begin, stop - begin, *self._lean_kernels(start, stop)
        if key not in known.needs:
            known.needs[key] = super().need(start, stop, True)
        return known.needs[key] + width(state)

    def _known_of(self, start: int, stop: int) -> tuple[int, _Known]:
        """The number of the block in which a segment begins, and what is known of it and those up to its end."""
        first, last = self.row.block_of(start), self.row.block_of(stop - 1)
        return first, _known(tuple(self.row.blocks[first : last + 1]), self.row.stream and start == 0)

    def _lean_kernels(self, start: int, stop: int) -> list[int]:
        p = self.prepared
        return list(map(int, p.data[p.lean_row_kernel + start : p.lean_row_kernel + stop]))

    def _held_by_segment(
        self, start: int, stop: int, sizes: dict[int, int], lean: Collection[int], blocks: Blocks | None
    ) -> Held:
        if blocks is not None or len(lean) not in (0, stop - start):
            return super()._held_by_segment(start, stop, sizes, lean, blocks)
        number, known = self._known_of(start, stop)
        begin, first = self.row.steps[number], self.row.firsts[number]
        key = start - begin, stop - begin, *(self._lean_kernels(start, stop) if lean else ())
        if key not in known.held:
            known.held[key] = _shifted(super()._held_by_segment(start, stop, sizes, lean, blocks), -first)
        return _shifted(known.held[key], first)


@dataclass(frozen=True)
class _Known:
    """What is in the arena while segments of some blocks run, and what that needs: by where they start and stop, and
    the kernels of their operators."""

    held: dict[tuple[int, ...], Held] = field(default_factory=dict)
    needs: dict[tuple[int, ...], int] = field(default_factory=dict)


@lru_cache(maxsize=KNOWN)
def _known(blocks: tuple[Block, ...], pushed: bool) -> _Known:
    """Of blocks in a row, whose input the caller may push."""
    return _Known()


def _shifted(held: Held, by: int) -> Held:
    """With other numbers of tensors."""
    tensors = {number + by: bytes for number, bytes in held.tensors.items()}
    return Held(tensors, held.more, tuple((lower + by, upper + by, apart) for lower, upper, apart in held.trails))


@lru_cache(maxsize=KNOWN)
def _moved(block: Block, number: int, by: int) -> Operation:
    """An operation of a block whose input has the number `by`."""
    return renumbered(block.figures.operations[number], lambda n: n + by)


class _Operations(Sequence[Operation]):
    """The operations of blocks in a row, each with the steps and the tensors that come before."""

    def __init__(self, row: Joined) -> None:
        self.row = row

    def __len__(self) -> int:
        return self.row.steps[-1]

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
        row = self.row
        for block, begin, end, first in zip(row.blocks, row.steps, row.steps[1:], row.firsts, strict=False):
            if begin < stop and end > start:
                for number in range(max(0, start - begin), min(stop, end) - begin):
                    yield _moved(block, number, first)


class _Tensors(Sequence[Tensor]):
    """The tensors of blocks in a row: what comes out of one is what the next one reads."""

    def __init__(self, row: Joined) -> None:
        self.row = row

    def __len__(self) -> int:
        return self.row.firsts[-1] + 1

    @overload
    def __getitem__(self, number: int) -> Tensor: ...
    @overload
    def __getitem__(self, number: slice) -> tuple[Tensor, ...]: ...

    def __getitem__(self, number: int | slice) -> Tensor | tuple[Tensor, ...]:
        if isinstance(number, slice):
            return tuple(self[n] for n in range(*number.indices(len(self))))
        if number >= len(self):
            raise IndexError(number)
        blocks, steps, firsts = self.row.blocks, self.row.steps, self.row.firsts
        maker, reader = max(0, bisect(firsts, number - 1) - 1), min(bisect(firsts, number), len(blocks)) - 1
        found = blocks[maker].figures.tensors[number - firsts[maker]]
        made = found.made + steps[maker] if number else -1
        if number != firsts[reader]:  # it stays inside
            return Tensor(found.bytes, made, found.last + steps[maker], found.line)
        read = blocks[reader].figures.tensors[0]
        return Tensor(found.bytes, made, read.last + steps[reader], read.line)
