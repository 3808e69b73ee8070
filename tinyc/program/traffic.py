"""How many bytes one inference moves to and from every buffer: an estimate, for the choice of a memory.

An output is written once. An input is read as often as windows overlap it, which its access map tells; an axis that is
read whole counts once. Scratch is written and read, or read once per multiply-accumulate if that is more: it holds what
the inner loop works on. A line buffer that slides is read and written as far as it moves.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from math import prod

from tinyc.ir.access import Access, AxisAccess, Elementwise, Sampled, Window
from tinyc.program.program import Call, Operand, Program, Range, Rows, Segment, Statement


def traffic(program: Program) -> dict[str, int]:
    """Bytes per buffer, of those that anything touches."""
    found = Counter[str]()
    for port in (*(() if program.pushed else program.inputs), *program.outputs):
        found[port.place.buffer] += port.type.bytes  # the caller's
    for statement in program.body:
        for buffer, bytes in _statement(statement):
            found[buffer] += bytes
    return dict(found)


def _statement(statement: Statement) -> Iterator[tuple[str, int]]:
    segment = statement if isinstance(statement, Segment) else None
    for times, call in statement.runs():
        for place, bytes in _call(call):
            if (buffer := _buffer(place, segment)) is not None:
                yield buffer, times * bytes
    if segment is None:
        return
    for number, line in enumerate(segment.lines):
        yield line.place.buffer, 2 * segment.trace.moved_rows(number, line.depth) * line.row_bytes
    if segment.state:
        yield segment.state.buffer, segment.state.bytes * sum(map(len, segment.trace.firings))


def _buffer(place: Operand, segment: Segment | None) -> str | None:
    if isinstance(place, Rows):
        assert segment is not None
        return segment.lines[place.line].place.buffer
    return place.buffer if isinstance(place, Range) else None


def _call(call: Call) -> Iterator[tuple[Operand, int]]:
    """Operands of one call and the bytes that it moves there."""
    sig = call.site.sig
    for place, kind, access in zip(call.inputs, sig.inputs, call.site.op.access(sig), strict=False):
        if kind is not None and access is not None:
            yield place, _elements_read(access, kind.shape, sig.outputs[0].shape) * kind.dtype.bytes
    for out, kind in zip(call.outputs, sig.outputs, strict=True):
        yield out, kind.bytes
    if call.scratch:
        yield call.scratch, max(2 * call.scratch.bytes, call.site.op.macs(sig))


def _elements_read(access: Access, shape: tuple[int, ...], out: tuple[int, ...]) -> int:
    """How many elements of an input are read, an element that n windows hold n times."""
    if len(access.axes) != len(shape):
        return prod(shape)
    return prod(_along(axis, size, out) for axis, size in zip(access.axes, shape, strict=True))


def _along(axis: AxisAccess, size: int, out: tuple[int, ...]) -> int:
    if isinstance(axis, Window):
        return out[axis.axis] * axis.extent
    return size if not isinstance(axis, Elementwise | Sampled) else min(size, out[axis.axis])
