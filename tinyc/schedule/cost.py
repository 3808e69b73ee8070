"""What a program costs to run: multiply-accumulates, and an estimate of the instructions."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from tinyc.program.program import Program, Segment, Statement
from tinyc.schedule.step import BLOCK_INSTRUCTIONS, BYTE_INSTRUCTIONS

if TYPE_CHECKING:
    from tinyc.targets import Target


def estimated_instructions(program: Program, target: Target) -> int:
    """Of one inference: what the kernels declare as cost, and what streaming adds (see `segments`)."""
    return total_instructions(cost for statement in program.body for cost in statement_costs(statement, target))


def total_instructions(costs: Iterable[float]) -> int:
    """The sum of costs, which does not depend on their order."""
    return round(math.fsum(costs))


def statement_costs(statement: Statement, target: Target) -> Iterator[float]:
    """Instructions of the calls of one statement, and of streaming."""
    for times, call in statement.runs():
        yield times * call.kernel.cost(call.site, target)
    if isinstance(statement, Segment):
        yield _streaming(statement)


def executed_macs(program: Program) -> int:
    """Multiply-accumulates of one inference, repeated ones included."""
    return sum(times * call.site.op.macs(call.site.sig) for times, call in program.runs())


def _streaming(segment: Segment) -> float:
    """Instructions of the runtime per block, and of line buffers that slide."""
    blocks = sum(map(len, segment.trace.firings))
    moved = sum(
        segment.trace.moved_rows(number, line.depth) * line.row_bytes
        for number, line in enumerate(segment.lines) if line.depth < line.rows
    )
    return BLOCK_INSTRUCTIONS * blocks + BYTE_INSTRUCTIONS * moved
