"""The operators of a program in order of execution, numbered as the generated C and its hook number them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tinyc.program.program import Call, Loop, Program, Range, Segment, Statement, StreamedOperator


@dataclass(frozen=True)
class Executed:
    """One operator: a call of it, and the multiply-accumulates of all its rounds or rows together.

    `value` names its (first) result in the graph. `whole` is the range that holds all of it once the operator
    has run; None where only a part is ever there.
    """

    call: Call
    macs: int
    value: str
    whole: Range | None = None

    @property
    def name(self) -> str:
        return self.call.node

    @property
    def kernel(self) -> str:
        return self.call.kernel.name


def executed(program: Program) -> list[Executed]:
    """Every operator once, whatever loop or segment it runs in."""
    return list(_walk(program, program.body, 1))


def _walk(program: Program, body: Sequence[Statement], rounds: int) -> Iterator[Executed]:
    for statement in body:
        if isinstance(statement, Loop):
            yield from _walk(program, statement.body, rounds * statement.count)
        elif isinstance(statement, Segment):
            yield from (_streamed(statement, operator, rounds) for operator in statement.operators)
        else:
            yield _called(program, statement, rounds)


def _called(program: Program, call: Call, rounds: int) -> Executed:
    out = call.outputs[0]
    assert isinstance(out, Range)  # rows are of segments
    return Executed(call, rounds * _macs(call), program.buffers[out.buffer].label, out if rounds == 1 else None)


def _streamed(segment: Segment, operator: StreamedOperator, rounds: int) -> Executed:
    """An operator that runs row by row: each variant serves the rows up to the next one's first."""
    line = segment.lines[operator.stage.output]
    firsts = [first for first, _ in operator.variants]
    rows = [end - first for first, end in zip(firsts, [*firsts[1:], line.rows], strict=True)]
    served = list(zip(rows, (call for _, call in operator.variants), strict=True))
    usual = max(served, key=lambda pair: pair[0])[1]
    return Executed(usual, rounds * sum(count * _macs(call) for count, call in served), line.label)


def _macs(call: Call) -> int:
    return call.site.op.macs(call.site.sig)
