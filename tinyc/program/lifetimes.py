"""Exact lifetimes of a Program's buffers, and where an output may overlap an input that dies.

A step is one statement of the program's body; a loop or a segment is one step: every round may touch all it holds.
Network inputs live from the first step (the caller fills them before), outputs until the last.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from tinyc.memory import Block, Trail
from tinyc.program.flow import trail_distance
from tinyc.program.program import Call, Loop, Program, Range, Rows, Segment, StreamedOperator

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
    return found | {name: (0, last_step) for name, buffer in program.buffers.items() if buffer.is_state}


def width(bytes: int) -> int:
    """Bytes of the arena that a buffer takes up: all of them are aligned, and so is the arena's end."""
    return -(-bytes // ARENA_ALIGN) * ARENA_ALIGN


def blocks(program: Program) -> list[Block]:
    """What the packer has to place."""
    return [
        Block(name, width(program.buffers[name].bytes), first, last, ARENA_ALIGN)
        for name, (first, last) in lifetimes(program).items()
    ]


def trails(program: Program) -> list[Trail]:
    """Overlaps that are safe: an output and an input whose buffer dies at the very step that writes the output."""
    lives, found = lifetimes(program), []
    for step, statement in enumerate(program.body):
        if isinstance(statement, Loop):
            continue
        pairs = _call_trails(statement) if isinstance(statement, Call) else _segment_trails(statement)
        for out, source, distance in pairs:
            inside = lives[out.buffer][1] == step and not program.buffers[out.buffer].is_output
            if isinstance(statement, Segment) and inside:
                continue  # a line that holds all its rows: the choice of segments does not count on it
            if _may_die(program, lives, source, step) and _is_new(program, lives, out, source, step):
                found.append(Trail(out.buffer, source.buffer, distance))
    return list(dict.fromkeys(found))


def _call_trails(call: Call) -> Iterator[tuple[Range, Range, int]]:
    """(output, input, distance) where the kernel permits the two to overlap."""
    for index, source in enumerate(call.inputs):
        distance, out = call.kernel.trails(call.site, index), call.outputs[0]
        if distance is not None and isinstance(source, Range) and isinstance(out, Range):
            yield out, source, distance


def _segment_trails(segment: Segment) -> Iterator[tuple[Range, Range, int]]:
    """(output, input, distance) for tensors that a segment writes and reads row by row: found by letting rows flow."""
    made = {o.stage.output: index for index, o in enumerate(segment.operators)}
    rows, stages = [line.rows for line in segment.lines], [o.stage for o in segment.operators]
    sources = defaultdict[Range, list[int]](list)  # several lines may show the same bytes
    for number, line in enumerate(segment.lines):
        if number not in made and number != segment.pushed:
            sources[line.place].append(number)
    for source, numbers in sources.items():
        for output, index in made.items():
            line = segment.lines[output]
            if line.depth == line.rows:
                yield line.place, source, max(
                    trail_distance(
                        rows, stages, index, number, segment.lines[number].row_bytes, line.row_bytes,
                        _kernel_distance(segment.operators[index], number),
                    )
                    for number in numbers
                )


def _kernel_distance(operator: StreamedOperator, line: int) -> int | None:
    """Bytes by which an operator's blocks must lie below those of a line that they read, to be written meanwhile."""
    found: list[int | None] = []
    for _, call in operator.variants:
        reads = [index for index, operand in enumerate(call.inputs) if operand == Rows(line)]
        found.append(call.kernel.trails(call.site, reads[0]) if len(reads) == 1 else None)
    known = [distance for distance in found if distance is not None]
    return max(known) if known and len(known) == len(found) else None


def _may_die(program: Program, lives: dict[str, tuple[int, int]], source: Range, step: int) -> bool:
    buffer = program.buffers[source.buffer]
    return lives[source.buffer][1] == step and not buffer.is_output and _whole(program, source)


def _is_new(program: Program, lives: dict[str, tuple[int, int]], out: Range, source: Range, step: int) -> bool:
    return lives[out.buffer][0] == step and _whole(program, out) and out.buffer != source.buffer


def _whole(program: Program, r: Range) -> bool:
    return r.start == 0 and not r.steps and r.bytes == program.buffers[r.buffer].bytes
