"""A network's figures as flat tables of numbers: what the search for the least need reads (`tinyc.schedule.search`).

The entries of an operator lie side by side, and another table says how many there are, so that tables of blocks of
layers are put in a row to have those of a network (`tinyc.nas.joining`). Columns are lists; where numba compiles the
search, they are arrays.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from tinyc.columns import Column
from tinyc.program.lower import state_bytes
from tinyc.schedule.figures import HIDDEN, Figures, Operation


class Tables(NamedTuple):
    """By tensor: its bytes, its life in steps, and bytes of its line (-1 where it needs all its bytes).

    By operator: how many results it has, kernels as a whole, kernels in rows (none where it cannot stream), tensors
    that must be complete before its rows begin; bytes of hidden lines; instructions that rows add, and those of them
    for rows that are `moved` (see `Operation`). By kernel: bytes of scratch, instructions, how many trails. `state`: by
    step, bytes of state where the first segment ends there. Where the input is stored these are 0, and `pushed` is -1.
    `entry`: by operator, instructions of moving the rows of what it reads, which count where what makes that is in the
    same segment (or the caller pushes it).
    """

    bytes: Column
    made: Column
    last: Column
    line: Column
    result_count: Column
    whole_count: Column
    row_count: Column
    complete_count: Column
    hidden: Column
    row_work: Column
    moved: Column
    entry: Column
    results: Column
    complete: Column
    scratch: Column
    work: Column
    trail_count: Column
    trail_tensor: Column
    trail_apart: Column
    state: Column
    pushed: int


def tables(network: Figures) -> Tables:
    """Of figures."""
    operations, tensors = network.operations, network.tensors
    kernels = [kernel for op in operations for kernel in (*op.whole, *op.rows)]
    trails = [trail for kernel in kernels for trail in kernel.trails]
    return Tables(
        bytes=[t.bytes for t in tensors], made=[t.made for t in tensors], last=[t.last for t in tensors],
        line=[-1 if t.line is None else t.line for t in tensors],
        result_count=[len(op.made) for op in operations], whole_count=[len(op.whole) for op in operations],
        row_count=[len(op.rows) for op in operations], complete_count=[len(op.complete) for op in operations],
        hidden=[op.hidden for op in operations], row_work=[op.row_work for op in operations],
        moved=[op.moved for op in operations],
        entry=[0 if step else network.entry for step in range(len(operations))],
        results=[number for op in operations for number in op.made],
        complete=[number for op in operations for number in op.complete],
        scratch=[kernel.scratch for kernel in kernels], work=[kernel.work for kernel in kernels],
        trail_count=[len(kernel.trails) for kernel in kernels],
        trail_tensor=[tensor for tensor, _, _ in trails], trail_apart=[apart for _, _, apart in trails],
        state=list(_states(network)), pushed=-1 if network.pushed is None else network.pushed,
    )  # fmt: skip


def _states(network: Figures) -> Iterator[int]:
    """By step, bytes of state where the input is pushed and the first segment ends there; they live all the time."""
    lines: set[tuple[int, int]] = set()
    yield 0
    for step, op in enumerate(network.operations):
        lines |= set(lines_of(op, step))
        yield 0 if network.pushed is None else state_bytes(len(lines))


def lines_of(op: Operation, step: int) -> list[tuple[int, int]]:
    """The lines that the stages of an operator read and make: tensors, and as how many rows they are seen. Hidden lines
    have a number of their own."""
    found = [(own_number(stage.output, step), stage.rows) for stage in op.stages]
    return found + [(own_number(read.tensor, step), read.rows) for stage in op.stages for read in stage.reads]


def own_number(tensor: int, step: int) -> int:
    """A number of its own for the hidden line of every operator."""
    return ~step if tensor == HIDDEN else tensor
