"""Exact lifetimes of a Program's buffers, and where an output may overlap an input that dies.

A step is one statement of the program's body; a loop or a segment is one step, since every round may touch all it holds.
Network inputs live from the first step (the caller fills them before), outputs until the last.
"""

from __future__ import annotations

from tinyc.memory import Block, Trail
from tinyc.program.program import Call, Program, Range

ARENA_ALIGN = 16


def lifetimes(program: Program) -> dict[str, tuple[int, int]]:
    """First and last step (both inclusive) of every buffer that is ever touched."""
    last_step = max(0, len(program.body) - 1)
    found: dict[str, tuple[int, int]] = {p.place.buffer: (0, 0) for p in program.inputs}
    for step, statement in enumerate(program.body):
        for r in statement.touches():
            found[r.buffer] = (min(step, found.get(r.buffer, (step, step))[0]), step)
    for port in program.outputs:
        found[port.place.buffer] = (found.get(port.place.buffer, (last_step, 0))[0], last_step)
    return found


def blocks(program: Program) -> list[Block]:
    """What the packer has to place."""
    return [
        Block(name, program.buffers[name].bytes, first, last, ARENA_ALIGN)
        for name, (first, last) in lifetimes(program).items()
    ]


def trails(program: Program) -> list[Trail]:
    """Overlaps that kernels permit: a call's output and an input whose buffer dies at that very step."""
    lives, found = lifetimes(program), []
    for step, statement in enumerate(program.body):
        if not isinstance(statement, Call):
            continue
        for index, source in enumerate(statement.inputs):
            if isinstance(source, Range) and _may_die(program, lives, source, step):
                distance = statement.kernel.trails(statement.site, index)
                out = statement.outputs[0]
                if distance is not None and isinstance(out, Range) and _is_new(program, lives, out, source, step):
                    found.append(Trail(out.buffer, source.buffer, distance))
    return list(dict.fromkeys(found))


def _may_die(program: Program, lives: dict[str, tuple[int, int]], source: Range, step: int) -> bool:
    buffer = program.buffers[source.buffer]
    return lives[source.buffer][1] == step and not buffer.is_output and _whole(program, source)


def _is_new(program: Program, lives: dict[str, tuple[int, int]], out: Range, source: Range, step: int) -> bool:
    return lives[out.buffer][0] == step and _whole(program, out) and out.buffer != source.buffer


def _whole(program: Program, r: Range) -> bool:
    return r.start == 0 and not r.steps and r.bytes == program.buffers[r.buffer].bytes
