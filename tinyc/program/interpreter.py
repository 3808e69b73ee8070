"""Runs a Program at its planned offsets in one flat arena that starts as garbage.

A plan that overlaps what it must not shows up here as a wrong answer, before any C exists. Scratch is filled with
garbage at every call, so nothing can hide in it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from tinyc.ir.types import Array, TensorType
from tinyc.program.program import Call, Flash, Program, Range, Statement


class Arena:
    """`size` bytes of garbage with the program's buffers at their planned offsets."""

    def __init__(self, program: Program, offsets: Mapping[str, int], size: int, seed: int = 0) -> None:
        self.program, self.offsets = program, offsets
        self.random = np.random.default_rng(seed)
        self.memory = self.random.integers(0, 256, size, dtype=np.uint8)

    def view(self, r: Range, indices: Mapping[str, int]) -> Array:
        """The bytes of a range; IndexError where the plan puts it outside the arena."""
        start = self.offsets[r.buffer] + r.at(indices)
        if start < 0 or start + r.bytes > len(self.memory):
            raise IndexError(f"{r} lies at {start}..{start + r.bytes} of an arena of {len(self.memory)} bytes")
        return self.memory[start : start + r.bytes]

    def load(self, r: Range, kind: TensorType, indices: Mapping[str, int]) -> Array:
        return np.frombuffer(self.view(r, indices).tobytes(), kind.dtype.numpy).reshape(kind.shape)

    def store(self, r: Range, array: Array, indices: Mapping[str, int]) -> None:
        self.view(r, indices)[:] = np.frombuffer(np.ascontiguousarray(array).tobytes(), np.uint8)

    def poison(self, r: Range, indices: Mapping[str, int]) -> None:
        self.view(r, indices)[:] = self.random.integers(0, 256, r.bytes, dtype=np.uint8)


def execute(program: Program, offsets: Mapping[str, int], size: int, inputs: Sequence[Array], seed: int = 0) -> list[Array]:
    """The network's outputs, computed in an arena of `size` bytes."""
    arena = Arena(program, offsets, size, seed)
    for port, array in zip(program.inputs, inputs, strict=True):
        arena.store(port.place, array, {})
    for statement in program.body:
        _run(statement, arena, {})
    return [arena.load(port.place, port.type, {}) for port in program.outputs]


def _run(statement: Statement, arena: Arena, indices: dict[str, int]) -> None:
    if isinstance(statement, Call):
        _call(statement, arena, indices)
        return
    for index in range(statement.count):
        for inner in statement.body:
            _run(inner, arena, {**indices, statement.variable: index})


def _call(call: Call, arena: Arena, indices: Mapping[str, int]) -> None:
    if call.scratch:
        arena.poison(call.scratch, indices)
    operands = [_operand(call, index, arena, indices) for index in range(len(call.inputs))]
    results = call.site.op.reference(call.site.sig, *operands)
    for place, array in zip(call.outputs, results, strict=True):
        arena.store(place, array, indices)
    if call.scratch:
        arena.poison(call.scratch, indices)


def _operand(call: Call, index: int, arena: Arena, indices: Mapping[str, int]) -> Array | None:
    place, kind = call.inputs[index], call.site.sig.inputs[index]
    if place is None or kind is None:
        return None
    if isinstance(place, Flash):
        return call.site.constant(index)
    return arena.load(place, kind, indices)
