"""Runs a Program at its planned offsets in flat memory that starts as garbage: one arena, or one per region.

A plan that overlaps what it must not shows up here as a wrong answer, before any C exists. Scratch is filled with
garbage at every call, so nothing can hide in it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from tinyc.ir.types import Array, TensorType
from tinyc.program.course import Leave, Make, course
from tinyc.program.program import (
    Call,
    Flash,
    Line,
    Program,
    Range,
    Rows,
    Segment,
    Statement,
    StreamedOperator,
)

if TYPE_CHECKING:
    from tinyc.program.plan import Plan


class Arena:
    """`size` bytes of garbage with the program's buffers at their planned offsets.

    `others` are more memories as (bytes, the buffers that lie there).
    """

    def __init__(
        self, program: Program, offsets: Mapping[str, int], size: int, seed: int = 0,
        others: Sequence[tuple[int, Sequence[str]]] = (),
    ) -> None:
        self.program, self.offsets = program, offsets
        self.random = np.random.default_rng(seed)
        sizes = (size, *(bytes for bytes, _ in others))
        self.memories = [self.random.integers(0, 256, bytes, dtype=np.uint8) for bytes in sizes]
        self.region = {name: number for number, (_, names) in enumerate(others, 1) for name in names}
        self.incoming: Array | None = None  # an image that the caller pushes row by row

    def view(self, r: Range, indices: Mapping[str, int]) -> Array:
        """The bytes of a range; IndexError where the plan puts it outside the arena."""
        start, memory = self.offsets[r.buffer] + r.at(indices), self.memories[self.region.get(r.buffer, 0)]
        if start < 0 or start + r.bytes > len(memory):
            raise IndexError(f"{r} lies at {start}..{start + r.bytes} of an arena of {len(memory)} bytes")
        return memory[start : start + r.bytes]

    def load(self, r: Range, kind: TensorType, indices: Mapping[str, int]) -> Array:
        return np.frombuffer(self.view(r, indices).tobytes(), kind.dtype.numpy).reshape(kind.shape)

    def store(self, r: Range, array: Array, indices: Mapping[str, int]) -> None:
        self.view(r, indices)[:] = np.frombuffer(np.ascontiguousarray(array).tobytes(), np.uint8)

    def poison(self, r: Range, indices: Mapping[str, int]) -> None:
        self.view(r, indices)[:] = self.random.integers(0, 256, r.bytes, dtype=np.uint8)


def execute(
    program: Program, offsets: Mapping[str, int], size: int, inputs: Sequence[Array], seed: int = 0
) -> list[Array]:
    """The network's outputs, computed in an arena of `size` bytes."""
    return _execute(Arena(program, offsets, size, seed), inputs)


def execute_plan(program: Program, plan: Plan, inputs: Sequence[Array], seed: int = 0) -> list[Array]:
    """The network's outputs, computed in one memory per region of the plan, each of exactly the bytes planned."""
    others = [(region.bytes, region.buffers) for region in plan.elsewhere]
    return _execute(Arena(program, plan.offsets, plan.arena_bytes, seed, others), inputs)


def _execute(arena: Arena, inputs: Sequence[Array]) -> list[Array]:
    program = arena.program
    for port, array in zip(program.inputs, inputs, strict=True):
        if program.pushed is None:
            arena.store(port.place, array, {})
        else:
            arena.incoming = np.frombuffer(array.tobytes(), np.uint8)
    for statement in program.body:
        _run(statement, arena, {})
    return [arena.load(port.place, port.type, {}) for port in program.outputs]


def _run(statement: Statement, arena: Arena, indices: dict[str, int]) -> None:
    if isinstance(statement, Call):
        _call(statement, arena, indices)
    elif isinstance(statement, Segment):
        _segment(statement, arena)
    else:
        for index in range(statement.count):
            for inner in statement.body:
                _run(inner, arena, {**indices, statement.variable: index})


def _call(call: Call, arena: Arena, indices: Mapping[str, int]) -> None:
    """Run one call whose operands are ranges or constants."""
    operands = [_operand(call, index, arena, indices) for index in range(len(call.inputs))]
    for place, array in zip(call.outputs, _compute(call, operands, arena, indices), strict=True):
        assert isinstance(place, Range)
        arena.store(place, array, indices)
    if call.scratch:
        arena.poison(call.scratch, indices)


def _compute(call: Call, operands: list[Array | None], arena: Arena, indices: Mapping[str, int]) -> tuple[Array, ...]:
    if call.scratch:
        arena.poison(call.scratch, indices)
    return call.site.op.reference(call.site.sig, *operands)


def _operand(call: Call, index: int, arena: Arena, indices: Mapping[str, int]) -> Array | None:
    place, kind = call.inputs[index], call.site.sig.inputs[index]
    if place is None or kind is None:
        return None
    if isinstance(place, Flash):
        return call.site.constant(index)
    assert isinstance(place, Range)
    return arena.load(place, kind, indices)


def _segment(segment: Segment, arena: Arena) -> None:
    """Let the rows flow. Line buffers slide: when one is full, rows that nobody needs any more leave at its front."""
    held = [0] * len(segment.lines)  # the first row that is still in the buffer
    for event in course(segment):
        if isinstance(event, Leave):
            _slide(segment.lines[event.line], event.rows, arena)
            held[event.line] += event.rows
        elif isinstance(event, Make):
            _block(segment, event, held, arena)
        else:
            assert segment.pushed is not None and arena.incoming is not None
            line = segment.lines[segment.pushed]
            row = arena.incoming[event.row * line.row_bytes : (event.row + 1) * line.row_bytes]
            arena.store(_rows(line, event.row - held[segment.pushed], 1), row, {})


def _block(segment: Segment, made: Make, held: Sequence[int], arena: Arena) -> None:
    operator = segment.operators[made.stage]
    call = operator.variant(made.row)
    operands = _row_operands(operator, call, made.row, made.count, segment, held, arena)
    (result,) = _compute(call, operands, arena, {})
    line = segment.lines[operator.stage.output]
    arena.store(_rows(line, made.row - held[operator.stage.output], made.count), result, {})
    if call.scratch:
        arena.poison(call.scratch, {})


def _row_operands(
    operator: StreamedOperator, call: Call, row: int, count: int, segment: Segment, held: Sequence[int],
    arena: Arena,
) -> list[Array | None]:
    feeds = iter(operator.stage.feeds)
    found: list[Array | None] = []
    for index, place in enumerate(call.inputs):
        kind = call.site.sig.inputs[index]
        if isinstance(place, Rows) and kind is not None:
            feed, line = next(feeds), segment.lines[place.line]
            lo, hi = feed.needs(row, line.rows, count)
            found.append(arena.load(_rows(line, lo - held[place.line], hi - lo), kind, {}))
        else:
            found.append(_operand(call, index, arena, {}))
    return found


def _rows(line: Line, first: int, count: int) -> Range:
    if first < 0 or first + count > line.depth:
        raise IndexError(f"rows {first} to {first + count} of {line.label!r} are not in its {line.depth} rows")
    return Range(line.place.buffer, line.place.start + first * line.row_bytes, count * line.row_bytes)


def _slide(line: Line, rows: int, arena: Arena) -> None:
    memory, shift = arena.view(line.place, {}), rows * line.row_bytes
    memory[: len(memory) - shift] = memory[shift:].copy()
    arena.poison(Range(line.place.buffer, line.place.start + len(memory) - shift, shift), {})
