"""The list of events in C: written out, it is the course that the segment takes."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.images import Images
from tinyc.codegen.events import events_bytes, events_source, find_loops
from tinyc.compiler import Options, compile_graph
from tinyc.program.course import Event, Leave, Make, course
from tinyc.program.program import Segment
from tinyc.schedule import Schedule

ELEMENT = re.compile(r"TINYC_(\w+)\((\d+)u, (\d+)u\)|TINYC_(\w+)|(\d+)u")


def segment_of(heights: Sequence[int], stream_input: bool) -> Segment:
    """Three convolutions, one of stride 2, and sums over the rows of the last."""
    net = Images(4, (41, 5, 3))
    for stride in (1, 2, 1):
        net.conv(3, (stride, 1), (1, 1), (1, 1, 1, 1), 4)
    net.graph.outputs = [net.last]
    names = tuple(node.output.name for node in net.graph.nodes)
    schedule = Schedule(names, {}, (names,), stream_input, dict(zip(names, heights, strict=True)))
    (segment,) = compile_graph(net.graph, "cortex-m4", Options(schedule=schedule, pipeline=())).program.body
    assert isinstance(segment, Segment)
    return segment


def happening(text: str) -> list[tuple[str, ...]]:
    """What the runtime would do, event by event (as tinyc_stream.h tells their elements)."""
    happened: list[tuple[tuple[str, ...], int]] = []  # with the elements of the array before each
    elements = 0
    for macro, first, second, word, block in ELEMENT.findall(text.partition("{")[2]):
        if macro == "REPEAT":
            body = [event for event, at in happened if at >= elements - int(first)]
            last = happened[-1][1]
            happened += [(event, last) for event in body * int(second)]
            elements += 3
        else:
            happened.append(((macro, first, second) if macro else (word or block,), elements))
            elements += 2 if macro else 1
    assert happened[-1][0] == ("END",)
    return [event for event, _ in happened[:-1]]


def told(event: Event) -> tuple[str, ...]:
    if isinstance(event, Make):
        return (str(event.stage),)
    return ("LEAVE", str(event.line), str(event.rows)) if isinstance(event, Leave) else ("ARRIVE",)


@pytest.mark.parametrize("stream_input", [False, True])
@pytest.mark.parametrize("heights", [(1, 1, 1), (4, 2, 2), (3, 5, 1)])
def test_the_array_tells_the_course_of_the_segment(heights: tuple[int, ...], stream_input: bool) -> None:
    segment = segment_of(heights, stream_input)
    text, expected = events_source(segment, 0), [told(event) for event in course(segment)]
    assert happening(text) == expected
    assert "TINYC_REPEAT" in text and text.count(",") < len(expected)
    elements = {"REPEAT": 3, "LEAVE": 2}  # by macro; everything else is one
    assert events_bytes(segment) == 2 * sum(elements.get(macro, 1) for macro, *_ in ELEMENT.findall(text))


def test_loops_are_the_ones_that_save_most() -> None:
    codes = np.array([9, 1, 2, 1, 2, 1, 2, 1, 2, 8, 3, 3, 3, 3, 3, 3, 3])
    parts = [(part.start, part.stop, part.times) for part in find_loops(codes)]
    assert parts == [(0, 1, 1), (1, 3, 4), (9, 10, 1), (10, 11, 7)]


@given(st.lists(st.integers(0, 3), max_size=40), st.integers(1, 6), st.lists(st.integers(0, 3), max_size=9))
def test_loops_written_out_are_the_sequence(body: list[int], times: int, rest: list[int]) -> None:
    codes = np.array([*rest, *body * times, *rest], np.int64)
    parts = list(find_loops(codes))
    assert [code for part in parts for code in codes[part.start : part.stop].tolist() * part.times] == codes.tolist()
