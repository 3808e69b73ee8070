"""The Program verifier: ranges inside their buffers, operands of the right size, nothing read before it is written."""

from __future__ import annotations

from collections.abc import Iterator

from tinyc.program.program import Call, Program, Range, Rows, Segment, Statement


class InvalidProgram(Exception):
    """A program that breaks an invariant: a bug in lowering, never the user's fault."""


def verify(program: Program) -> None:
    """Raise InvalidProgram listing every broken invariant."""
    written = {name for name, b in program.buffers.items() if b.is_input}
    problems = [p for s in program.body for p in _statement(s, program, written, {})]
    for port in (*(() if program.pushed else program.inputs), *program.outputs):
        problems += _range(port.place, port.type.bytes, program, {}, f"port {port.name!r}")
    problems += [f"output {p.name!r} is never written" for p in program.outputs if p.place.buffer not in written]
    if problems:
        raise InvalidProgram(f"program {program.name!r}:\n  " + "\n  ".join(problems))


def _statement(statement: Statement, program: Program, written: set[str], counts: dict[str, int]) -> Iterator[str]:
    if isinstance(statement, Call):
        yield from _call(statement, program, written, counts)
        return
    if isinstance(statement, Segment):
        yield from _segment(statement, program, written)
        return
    if statement.count < 1 or statement.variable in counts:
        yield f"loop {statement.variable}: expected a new variable and 1 or more rounds, got {statement.count}"
    for inner in statement.body:
        yield from _statement(inner, program, written, {**counts, statement.variable: statement.count})


def _call(call: Call, program: Program, written: set[str], counts: dict[str, int]) -> Iterator[str]:
    where = f"{call.kernel.name} {call.node!r}"
    if len(call.inputs) != len(call.site.sig.inputs) or len(call.outputs) != len(call.site.sig.outputs):
        yield f"{where}: its operands do not match its signature"
    for operand, kind in zip(call.inputs, call.site.sig.inputs, strict=False):
        if (operand is None) != (kind is None):
            yield f"{where}: an operand is absent where its type is not"
        if isinstance(operand, Range) and kind is not None:
            yield from _range(operand, kind.bytes, program, counts, where)
            if operand.buffer not in written:
                yield f"{where}: reads %{operand.buffer}, which nothing has written"
    for operand, kind in zip(call.outputs, call.site.sig.outputs, strict=False):
        if isinstance(operand, Rows):
            continue
        yield from _range(operand, kind.bytes, program, counts, where)
    if call.scratch:
        yield from _range(call.scratch, call.scratch.bytes, program, counts, where)
    written.update(r.buffer for r in call.outputs if isinstance(r, Range))


def _segment(segment: Segment, program: Program, written: set[str]) -> Iterator[str]:
    made = {operator.stage.output for operator in segment.operators}
    for number, line in enumerate(segment.lines):
        yield from _range(line.place, line.place.bytes, program, {}, f"line {line.label!r}")
        if line.place.bytes % line.row_bytes or not 0 < line.depth <= line.rows:
            whole = f"1 to {line.rows} whole rows of {line.row_bytes} bytes"
            yield f"line {line.label!r}: expected {whole}, got {line.place}"
        is_there = line.place.buffer in written and line.depth == line.rows
        if number not in made and number != segment.pushed and not is_there:
            yield f"line {line.label!r} is read whole, and is not there"
        written.add(line.place.buffer)
    for number, operator in enumerate(segment.operators):
        if not 1 <= operator.stage.first <= operator.stage.height:
            yield f"line {operator.stage.output}: blocks of {operator.stage.first}, then {operator.stage.height} rows"
        complete = segment.trace.rows_made(number)
        if complete < segment.lines[operator.stage.output].rows:
            yield f"line {operator.stage.output}: the flow ends after {complete} rows, its line buffers are too small"
        for _, call in operator.variants:
            yield from _call(call, program, written, {})


def _range(r: Range, expected: int, program: Program, counts: dict[str, int], where: str) -> Iterator[str]:
    if r.buffer not in program.buffers:
        yield f"{where}: there is no buffer %{r.buffer}"
        return
    unknown = [v for v, _ in r.steps if v not in counts]
    if unknown:
        yield f"{where}: {r} uses loop variable {unknown[0]} outside its loop"
        return
    if r.bytes != expected:
        yield f"{where}: {r} has {r.bytes} bytes, its type {expected}"
    low = r.start + sum(min(0, step * (counts[v] - 1)) for v, step in r.steps)
    high = r.start + sum(max(0, step * (counts[v] - 1)) for v, step in r.steps) + r.bytes
    if low < 0 or high > program.buffers[r.buffer].bytes:
        yield f"{where}: {r} leaves its buffer of {program.buffers[r.buffer].bytes} bytes"
