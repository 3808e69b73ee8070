"""What the parts of a network add to it in instructions and flash, and what they hold: worked out for the blocks that
they are in, lowered by themselves, and remembered together with the range of limits for which it is true."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from itertools import groupby
from typing import NamedTuple

from tinyc.codegen.emit import Network, emit_calls
from tinyc.codegen.writer import CallWriter
from tinyc.compiler import Options, run_passes
from tinyc.ir.graph import Graph
from tinyc.nas.blocks import KNOWN, LOWERED, Block, Place, scheduled
from tinyc.nas.code_size import Part as Code
from tinyc.nas.code_size import network_part, operator_part, segment_part
from tinyc.program.lifetimes import ARENA_ALIGN
from tinyc.program.lower import lower
from tinyc.program.plan import Plan
from tinyc.program.program import Call, Program, Segment, Statement
from tinyc.schedule import search
from tinyc.schedule.cost import statement_costs
from tinyc.schedule.needs import Needs
from tinyc.schedule.placing import Inside, inside
from tinyc.schedule.quicker import Part, Quicker, Room
from tinyc.schedule.schedule import Schedule
from tinyc.schedule.scheduler import Scheduler
from tinyc.schedule.search.tables import tables
from tinyc.schedule.segments import Partition


class Shared(NamedTuple):
    """An array that does not depend on what a network is trained to: its content, bytes, and whether it is weights."""

    content: bytes
    bytes: int
    is_weights: bool


@dataclass(frozen=True)
class Piece:
    """One statement of a program, or several: instructions call by call, code, bytes of weights and of tables, and
    arrays besides that any other piece may have as well: a network has equal ones once."""

    costs: tuple[float, ...]
    code: Code
    weights: int = 0
    tables: int = 0
    shared: frozenset[Shared] = frozenset()

    @classmethod
    def total(cls, pieces: Iterable[Piece]) -> Piece:
        """Of all of them together."""
        found = list(pieces)
        return cls(
            tuple(cost for piece in found for cost in piece.costs), Code.total(piece.code for piece in found),
            sum(piece.weights for piece in found), sum(piece.tables for piece in found),
            frozenset().union(*(piece.shared for piece in found)),
        )


@dataclass(frozen=True)
class Finished:
    """A part with its kernels and rows at a time, and what a segment holds: tensors that may overlap are counted there
    as the steps of the place make them (-1: its input). `room`: those in which it is so."""

    part: Part
    inside: Inside | None
    piece: Piece
    room: Room


class Pieces:
    """The parts of blocks in a row, whose input the caller may push."""

    def __init__(self, place: Place, pushed: bool) -> None:
        self.place, self.pushed = place, pushed
        self._known: dict[tuple[int, int, bool], list[Finished]] = {}

    @cached_property
    def whole(self) -> list[Piece]:
        """Its operators, executed as a whole with their fastest kernels."""
        return _lowered(self).pieces()

    @cached_property
    def all(self) -> Piece:
        """The same together."""
        return Piece.total(self.whole)

    def finished(
        self, start: int, stop: int, streamed: bool, limit: float, most: float, floor: float, work: float
    ) -> Finished:
        """A part as it becomes in such a room."""
        known = self._known.setdefault((start, stop, streamed), [])
        for found in known:
            if found.room.could_be(limit, most, floor, work):
                return found
        known.append(_lowered(self).finished(start, stop, streamed, Room.of(limit, most, floor, work)))
        return known[-1]


@lru_cache(maxsize=KNOWN)
def pieces_of(blocks: tuple[Block, ...], pushed: bool) -> Pieces:
    """Those of blocks in a row."""
    first, last = blocks[0].place, blocks[-1].place
    return Pieces(replace(first, layers=tuple(b.place.layers[0] for b in blocks), last=last.last), pushed)


@lru_cache
def network_piece(pushed: bool) -> Piece:
    """What every network has; more, if its input is pushed."""
    return Piece((), network_part(pushed))


@lru_cache(maxsize=LOWERED)
def _lowered(pieces: Pieces) -> _Lowered:
    return _Lowered(pieces.place, pieces.pushed)


class _Lowered:
    """Blocks as a network of their own."""

    def __init__(self, place: Place, pushed: bool) -> None:
        self.twin = place.graph(seed=1)
        run_passes(self.twin, Options())
        self.scheduler = scheduled(place).scheduler
        if pushed:
            self.scheduler = Scheduler(self.scheduler.graph, place.target, stream_input=True)
        self.candidate = self.scheduler.candidates[0]
        self.reader = self.candidate.partitions.reader
        self.tables = tables(self.candidate.partitions.needs.network)

    def finished(self, start: int, stop: int, streamed: bool, room: Room) -> Finished:
        needs = Needs(
            self.candidate.partitions.needs.network, search, search.prepare(self.tables, room.work.value)
        )
        part = Quicker(needs, self.candidate.steps, self.reader, room).part(start, stop, streamed)
        held = None
        if streamed:
            made = [number for op in needs.network.operations for number in op.made]
            count = {number: position for position, number in enumerate(made)}
            held = inside(needs, self.reader, part)
            held = held._replace(trails=tuple((count[a], count.get(b, -1), apart) for a, b, apart in held.trails))
        return Finished(part, held, self.pieces(part)[start], room)

    def pieces(self, part: Part | None = None) -> list[Piece]:
        """All statements, where one part is finished and the others are operators as a whole."""
        schedule = self.scheduler.of(self.candidate, Partition((part,)) if part else None)
        network, twin = (self._emitted(graph, schedule) for graph in (self.scheduler.graph, self.twin))
        shared = dict(_same(network, twin))
        groups = (list(group) for _, group in groupby(network.writers, lambda writer: writer.number))
        found, seen = list[Piece](), set(shared)
        for statement in network.program.body:
            own = [next(groups) for _ in range(_functions(statement))]
            found.append(_piece(statement, own, network, seen, shared))
        return found

    def _emitted(self, graph: Graph, schedule: Schedule) -> Network:
        program = lower(graph, schedule, self.scheduler.target)
        return emit_calls(program, _unplaced(program), self.scheduler.target, name="network")


def _functions(statement: Statement) -> int:
    """Numbered functions of a statement: those of its operators, not of their variants."""
    if isinstance(statement, Segment):
        return len(statement.operators)
    return 1 if isinstance(statement, Call) else sum(map(_functions, statement.body))


def _same(network: Network, twin: Network) -> Iterator[tuple[str, Shared]]:
    """The arrays that a network has in common with one that has other weights and scales, by symbol."""
    for writer, other in zip(network.writers, twin.writers, strict=True):
        for symbol, others in zip(writer.symbols, other.symbols, strict=True):
            array = network.pool.arrays[symbol]
            content = array.dtype.str.encode() + array.tobytes()
            if content == twin.pool.arrays[others].dtype.str.encode() + twin.pool.arrays[others].tobytes():
                yield symbol, Shared(content, array.nbytes, symbol in network.pool.weights)


def _piece(
    statement: Statement, own: Sequence[Sequence[CallWriter]], network: Network, seen: set[str],
    shared: Mapping[str, Shared],
) -> Piece:
    """Of a statement with these writers; arrays that were `seen` before it are not its own."""
    every = {symbol for writers in own for writer in writers for symbol in writer.symbols}
    symbols = every - seen
    seen |= symbols
    code = [operator_part(writers) for writers in own]
    if isinstance(statement, Segment):
        code.append(segment_part(statement))
    pool = network.pool
    return Piece(
        tuple(statement_costs(statement, network.target)), Code.total(code),
        pool.bytes_of(symbols & pool.weights), pool.bytes_of(symbols - pool.weights),
        frozenset(shared[symbol] for symbol in every & shared.keys()),
    )


def _unplaced(program: Program) -> Plan:
    """A plan for C of which only the size counts: every buffer at the same place."""
    return Plan(dict.fromkeys(program.buffers, ARENA_ALIGN), 0, 0, 0, False, 0, 0.0, "", ())
