"""What happens in a segment while its rows flow, in order: blocks are made, rows leave, rows arrive.

The rule of `flow` decides it all before anything runs. The Program interpreter follows these events, and generated C
has them as a list (`tinyc/codegen/events.py`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from tinyc.program.program import Segment


@dataclass(frozen=True, slots=True)
class Make:
    """A stage makes its next block: `count` rows from `row` on."""

    stage: int
    row: int
    count: int


@dataclass(frozen=True, slots=True)
class Leave:
    """So many rows leave at the front of a line buffer, and the others move there, to make room for the next block."""

    line: int
    rows: int


@dataclass(frozen=True, slots=True)
class Arrive:
    """The caller delivers the next row of the pushed line: row `row`."""

    row: int


Event = Make | Leave | Arrive


def course(segment: Segment) -> Iterator[Event]:
    """Everything that happens in a segment, from its begin to its end."""
    flow, held = segment.flow(), [0] * len(segment.lines)  # held: the first row that is still in the buffer

    def room(line: int, count: int) -> Iterator[Event]:
        if flow.made[line] + count - held[line] > segment.lines[line].depth:
            first = flow.first_needed(line)
            yield Leave(line, first - held[line])
            held[line] = first

    while True:
        while (index := flow.next()) is not None:
            output, count = flow.stages[index].output, flow.block(index)
            yield from room(output, count)
            yield Make(index, flow.made[output], count)
            flow.fired(index)
        if segment.pushed is None or flow.made[segment.pushed] == flow.rows[segment.pushed]:
            return
        yield from room(segment.pushed, 1)
        yield Arrive(flow.made[segment.pushed])
        flow.push()
