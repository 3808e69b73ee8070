"""What a program costs to run: multiply-accumulates, and an estimate of the instructions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from tinyc.program.program import Call, Loop, Program, Segment, Statement, StreamedOperator
from tinyc.schedule.segments import BYTE_INSTRUCTIONS, ROW_INSTRUCTIONS

if TYPE_CHECKING:
    from tinyc.targets import Target


def estimated_instructions(program: Program, target: Target) -> int:
    """Of one inference: what the kernels declare as cost, and what streaming adds (see `segments`)."""
    kernels = sum(times * call.kernel.cost(call.site, target) for times, call in _calls(program.body))
    return round(kernels + sum(_streaming(s) for s in program.body if isinstance(s, Segment)))


def executed_macs(program: Program) -> int:
    """Multiply-accumulates of one inference, repeated ones included."""
    return sum(times * call.site.op.macs(call.site.sig) for times, call in _calls(program.body))


def _calls(body: Sequence[Statement]) -> Iterator[tuple[int, Call]]:
    """Every call and how often it runs."""
    for statement in body:
        if isinstance(statement, Call):
            yield 1, statement
        elif isinstance(statement, Loop):
            yield from ((statement.count * times, call) for times, call in _calls(statement.body))
        else:
            yield from (run for operator in statement.operators for run in _rows(statement, operator))


def _rows(segment: Segment, operator: StreamedOperator) -> Iterator[tuple[int, Call]]:
    """Each variant serves the rows up to the next one's first."""
    firsts = [first for first, _ in operator.variants] + [segment.lines[operator.stage.output].rows]
    for (first, call), following in zip(operator.variants, firsts[1:], strict=True):
        yield following - first, call


def _streaming(segment: Segment) -> float:
    """Instructions of the runtime per row, and of line buffers that slide."""
    made = [segment.lines[operator.stage.output] for operator in segment.operators]
    moved = sum(line.rows * (line.depth - 1) * line.row_bytes for line in segment.lines if line.depth < line.rows)
    return ROW_INSTRUCTIONS * sum(line.rows for line in made) + BYTE_INSTRUCTIONS * moved
