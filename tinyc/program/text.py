"""The text form of a Program, for people and for tests."""

from __future__ import annotations

from collections.abc import Iterator

from tinyc.program.program import Call, Port, Program, Segment, Statement


def print_program(program: Program) -> str:
    """The whole program; lines are steps in order of execution."""
    lines = [f"program {program.name}"]
    for buffer in program.buffers.values():
        roles = ("input", "output", "scratch", "state")
        marks = "".join(f" {role}" for role in roles if getattr(buffer, f"is_{role}"))
        lines.append(f"buffer %{buffer.name} {buffer.bytes}{marks}  // {buffer.label}")
    lines += [_port("input", p) for p in program.inputs]
    for statement in program.body:
        lines += _statement(statement, "")
    lines += [_port("output", p) for p in program.outputs]
    return "\n".join(lines) + "\n"


def _port(word: str, port: Port) -> str:
    return f"{word} {port.place} : {port.type}  // {port.name}"


def _statement(statement: Statement, indent: str) -> Iterator[str]:
    if isinstance(statement, Call):
        yield indent + print_call(statement)
        return
    if isinstance(statement, Segment):
        yield from _segment(statement, indent)
        return
    yield f"{indent}loop {statement.variable} 0..{statement.count} {{"
    for inner in statement.body:
        yield from _statement(inner, indent + "  ")
    yield indent + "}"


def _segment(segment: Segment, indent: str) -> Iterator[str]:
    yield f"{indent}segment {{"
    for number, line in enumerate(segment.lines):
        arrival = "pushed, " if number == segment.pushed else ""
        held = "whole" if line.depth == line.rows else f"{line.depth} of {line.rows} rows"
        yield f"{indent}  line {number} = {line.place}, {arrival}{held} of {line.row_bytes} bytes  // {line.label}"
    for operator in segment.operators:
        reads = [
            f"{f.line}: {-f.before}..{f.reach - f.before}" if f.is_fixed
            else f"{f.line}: rows {', '.join(map(str, f.table))}" if f.table
            else f"{f.line}: y*{f.stride}-{f.before}+{f.reach}"
            for f in operator.stage.feeds
        ]
        height, first = operator.stage.height, operator.stage.first
        some = "rows" if height == 1 else f"{height} rows (first {first})"
        yield f"{indent}  {some} of line {operator.stage.output} from {', '.join(reads)}"
        for first, call in operator.variants:
            yield f"{indent}    from row {first}: {print_call(call)}"
    yield indent + "}"


def print_call(call: Call) -> str:
    inputs = ", ".join("none" if r is None else str(r) for r in call.inputs)
    outputs = ", ".join(map(str, call.outputs))
    scratch = f" scratch {call.scratch}" if call.scratch else ""
    return f"{call.kernel.name}({inputs}) -> {outputs}{scratch}  // {call.node}"
