"""The operators of a program in order of execution, numbered as the generated C and its hook number them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tinyc.program.kernel import Kernel, candidates
from tinyc.program.program import Call, Loop, Program, Range, Segment, Statement, StreamedOperator

if TYPE_CHECKING:
    from tinyc.targets import Target


@dataclass(frozen=True)
class Alternative:
    """Another kernel declared for an operator: what all its calls would cost, or the reason why it does not serve."""

    kernel: str
    instructions: int | None
    refusal: str | None


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
        return self._cost(self.call.kernel, target)

    def _cost(self, kernel: Kernel, target: Target) -> int:
        return round(sum(count * kernel.cost(call.site, target) for count, call in self.runs))

    def alternatives(self, target: Target) -> list[Alternative]:
        """Every other kernel that is declared for the operator: those that serve it by cost, then those that refuse."""
        found = [self._alternative(k, target) for k in candidates(self.call.site) if k is not self.call.kernel]
        return sorted(found, key=lambda a: (a.instructions is None, a.instructions))

    def _alternative(self, kernel: Kernel, target: Target) -> Alternative:
        refusal = next(filter(None, (kernel.refuses(call.site, target) for _, call in self.runs)), None)
        return Alternative(kernel.name, None if refusal else self._cost(kernel, target), refusal)


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
    """An operator that runs row by row."""
    line = segment.lines[operator.stage.output]
    runs = tuple((rounds * count, call) for count, call in operator.runs(line.rows))
    return Executed(max(runs, key=lambda run: run[0])[1], runs, step, line.label)
