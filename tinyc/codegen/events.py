"""What happens in a segment as an array of C: the events of its course, with loops where they repeat."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from tinyc.codegen.writer import LINE
from tinyc.ir.types import Array
from tinyc.program.course import Event, Leave, Make, course
from tinyc.program.program import Segment

ELEMENT_BYTES = 2
LOOP = 3  # elements of the array that a loop takes
LONGEST = 4096  # events in a loop


def events_source(segment: Segment, number: int) -> str:
    """The array `events_N`; its elements are those of tinyc_stream.h."""
    lines: list[str] = []
    for events, times in _loops(segment):
        lines += _fill([_words(event) for event in events])
        if times > 1:
            lines.append(f"TINYC_REPEAT({_elements(events)}u, {times - 1}u),")
    body = "\n".join(f"    {line}" for line in [*lines, "TINYC_END,"])
    return f"\nstatic const uint16_t events_{number}[] = {{\n{body}\n}};\n"


def events_bytes(segment: Segment) -> int:
    """Of the same array."""
    elements = sum(_elements(events) + (LOOP if times > 1 else 0) for events, times in _loops(segment))
    return (elements + 1) * ELEMENT_BYTES  # with its end


def _loops(segment: Segment) -> Iterator[tuple[Sequence[Event], int]]:
    """The course of a segment as events, and how often they happen, one time after the other."""
    happened = list(course(segment))
    words = [_words(event) for event in happened]
    codes = {word: code for code, word in enumerate(dict.fromkeys(words))}
    for part in _parts(tuple(codes[word] for word in words)):
        yield happened[part.start : part.stop], part.times


def _elements(events: Sequence[Event]) -> int:
    """Of the array, for events without a loop around them."""
    return sum(2 if isinstance(event, Leave) else 1 for event in events)


def _words(event: Event) -> str:
    if isinstance(event, Make):
        return f"{event.stage}u"
    return f"TINYC_LEAVE({event.line}u, {event.rows}u)" if isinstance(event, Leave) else "TINYC_ARRIVE"


def _fill(words: Sequence[str]) -> list[str]:
    """As many on a line as fit."""
    lines = [""]
    for word in words:
        if len(lines[-1]) + len(word) > LINE:
            lines.append("")
        lines[-1] += f" {word}," if lines[-1] else f"{word},"
    return lines


@dataclass(frozen=True, slots=True)
class Part:
    """Elements of a sequence that come `times` times, one after the other."""

    start: int
    stop: int
    times: int = 1


@lru_cache(maxsize=256)  # networks repeat their blocks
def _parts(codes: tuple[int, ...]) -> tuple[Part, ...]:
    return tuple(find_loops(np.array(codes)))


def find_loops(codes: Array, start: int = 0) -> Iterator[Part]:
    """A sequence of numbers as parts: of all loops the one that saves most, then those before and behind it.

    Loops hold no loops.
    """
    periods = range(1, min(LONGEST, len(codes) // 2) + 1)
    loop = max((_longest(codes, period) for period in periods), key=_saves, default=None)
    if loop is None or _saves(loop) <= 0:
        if len(codes):
            yield Part(start, start + len(codes))
        return
    end = loop.start + (loop.stop - loop.start) * loop.times
    yield from find_loops(codes[: loop.start], start)
    yield Part(start + loop.start, start + loop.stop, loop.times)
    yield from find_loops(codes[end:], start + end)


def _saves(loop: Part) -> int:
    """Elements of the array, or more."""
    return (loop.stop - loop.start) * (loop.times - 1) - LOOP


def _longest(codes: Array, period: int) -> Part:
    """The first of the longest loops of a period; where there is none, once the first events."""
    differ = np.flatnonzero(codes[period:] != codes[:-period])
    ends = np.concatenate([[-1], differ, [len(codes) - period]])
    alike = np.diff(ends) - 1  # successive events that are what was a period before
    longest = int(alike.argmax())
    first = int(ends[longest]) + 1
    return Part(first, first + period, 1 + int(alike[longest]) // period)
