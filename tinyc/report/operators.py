"""The operators of a program in order of execution, numbered as the generated C and its hook number them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tinyc.program.program import Call, Loop, Program, Range, Segment, Statement, StreamedOperator

if TYPE_CHECKING:
    from tinyc.targets import Target


@dataclass(frozen=True)
class Executed:
    """One operator: its usual call, and how often each of its calls is executed (rows at a border have their own).

    `step` is the statement of the program that it belongs to. `value` names its (first) result in the graph.
    `whole` is the range that holds all of it once the operator has run; None where only a part is ever there.
    """

    call: Call
    runs: tuple[tuple[int, Call], ...]
    step: int
    value: str
    whole: Range | None = None

    @property
    def name(self) -> str:
        return self.call.node

    @property
    def kernel(self) -> str:
        return self.call.kernel.name

    @property
    def macs(self) -> int:
        """Multiply-accumulates of all its rounds or rows together."""
        return sum(count * call.site.op.macs(call.site.sig) for count, call in self.runs)

    def instructions(self, target: Target) -> int:
        """Estimated instructions of all its rounds or rows together: what its kernel declares as cost."""
        return round(sum(count * call.kernel.cost(call.site, target) for count, call in self.runs))


def executed(program: Program) -> list[Executed]:
    """Every operator once, whatever loop or segment it runs in."""
    return [found for step, statement in enumerate(program.body) for found in _walk(program, [statement], 1, step)]


def _walk(program: Program, body: Sequence[Statement], rounds: int, step: int) -> Iterator[Executed]:
    for statement in body:
        if isinstance(statement, Loop):
            yield from _walk(program, statement.body, rounds * statement.count, step)
        elif isinstance(statement, Segment):
            yield from (_streamed(statement, operator, rounds, step) for operator in statement.operators)
        else:
            yield _called(program, statement, rounds, step)


def _called(program: Program, call: Call, rounds: int, step: int) -> Executed:
    out = call.outputs[0]
    assert isinstance(out, Range)  # rows are of segments
    label = program.buffers[out.buffer].label
    return Executed(call, ((rounds, call),), step, label, out if rounds == 1 else None)


def _streamed(segment: Segment, operator: StreamedOperator, rounds: int, step: int) -> Executed:
    """An operator that runs row by row: each variant serves the rows up to the next one's first."""
    line = segment.lines[operator.stage.output]
    firsts = [first for first, _ in operator.variants]
    rows = [end - first for first, end in zip(firsts, [*firsts[1:], line.rows], strict=True)]
    runs = tuple((rounds * count, call) for count, (_, call) in zip(rows, operator.variants, strict=True))
    return Executed(max(runs, key=lambda run: run[0])[1], runs, step, line.label)
