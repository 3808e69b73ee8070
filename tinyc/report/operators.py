"""The operators of a program in order of execution, numbered as the generated C and its hook number them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tinyc.program.program import Call, Loop, Program, Range, Segment, Statement, StreamedOperator


@dataclass(frozen=True)
class Executed:
    """One operator: a call of it, and the multiply-accumulates of all its rounds or rows together.

    `whole` is the range that holds the complete output once the operator has run; None where none does.
    """

    call: Call
    macs: int
    whole: Range | None = None

    @property
    def name(self) -> str:
        return self.call.node

    @property
    def kernel(self) -> str:
        return self.call.kernel.name


def executed(program: Program) -> list[Executed]:
    """Every operator once, whatever loop or segment it runs in."""
    return list(_walk(program.body, 1))


def _walk(body: Sequence[Statement], rounds: int) -> Iterator[Executed]:
    for statement in body:
        if isinstance(statement, Loop):
            yield from _walk(statement.body, rounds * statement.count)
        elif isinstance(statement, Segment):
            yield from (_streamed(statement, operator, rounds) for operator in statement.operators)
        else:
            out = statement.outputs[0]
            whole = out if rounds == 1 and isinstance(out, Range) else None
            yield Executed(statement, rounds * _macs(statement), whole)


def _streamed(segment: Segment, operator: StreamedOperator, rounds: int) -> Executed:
    """An operator that runs row by row: each variant serves the rows up to the next one's first."""
    firsts = [first for first, _ in operator.variants]
    ends = [*firsts[1:], segment.lines[operator.stage.output].rows]
    rows = [end - first for first, end in zip(firsts, ends, strict=True)]
    macs = sum(count * _macs(call) for count, (_, call) in zip(rows, operator.variants, strict=True))
    usual = max(zip(rows, operator.variants, strict=True), key=lambda pair: pair[0])[1][1]
    return Executed(usual, rounds * macs)


def _macs(call: Call) -> int:
    return call.site.op.macs(call.site.sig)
