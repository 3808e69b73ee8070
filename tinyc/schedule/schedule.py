"""The Schedule: order of execution, the kernel of each operator, and the segments that stream.

Operators are named by their (first) output value, which is unique in a graph.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from tinyc.errors import UsageError
from tinyc.program.lifetimes import ARENA_ALIGN


@dataclass(frozen=True)
class OrderSearch:
    """Whether there was a choice to search, and whether no other order has a lower layer-by-layer peak."""

    searched: bool
    exact: bool


@dataclass(frozen=True)
class Schedule:
    """Operators in order of execution, which kernel serves each (views need none), and which stream together.

    A segment is a run of consecutive operators (or a single one) that is executed a few rows at a time; views between
    them do not count. `heights` are the rows that an operator makes at a time where it streams; 1 where not given.
    `passes` change the graph, behind those of the pipeline, into the one that this schedule is for.
    """

    order: tuple[str, ...]
    kernels: Mapping[str, str]
    segments: tuple[tuple[str, ...], ...] = ()
    stream_input: bool = False
    heights: Mapping[str, int] = field(default_factory=dict)
    passes: tuple[str, ...] = ()
    search: OrderSearch | None = field(default=None, compare=False)  # how the order was found; None where it was given

    expected_bytes: float | None = field(default=None, compare=False)  # of the worst step, before packing
    # Offsets of buffers by their labels, with which no more is needed; from a file, perhaps of another schedule.
    places: Mapping[str, int] = field(default_factory=dict, compare=False)

    def height(self, name: str) -> int:
        """Rows that an operator of a segment makes at a time."""
        return self.heights.get(name, 1)

    def to_json(self) -> str:
        """A text that `from_json` reads back; one line per operator, for people who edit it."""
        data = {"order": self.order, "kernels": dict(self.kernels), "segments": self.segments,
                "heights": dict(self.heights), "stream_input": self.stream_input, "passes": self.passes,
                "places": dict(self.places)}
        return json.dumps(data, indent=1) + "\n"

    @classmethod
    def from_json(cls, text: str) -> Schedule:
        """Raises UsageError where the text is no schedule."""
        try:
            data = json.loads(text)
            order, kernels = tuple(data["order"]), dict(data["kernels"])
            segments = tuple(tuple(segment) for segment in data.get("segments", ()))
            heights = dict(data.get("heights", {}))
            stream_input = data.get("stream_input", False) is True
            passes, places = tuple(data.get("passes", ())), dict(data.get("places", {}))
        except (ValueError, TypeError, KeyError) as error:
            raise UsageError(f"this is no schedule: expected JSON with 'order' and 'kernels' ({error})") from None
        names = (*order, *kernels, *kernels.values(), *(n for s in segments for n in s), *heights, *passes, *places)
        if not all(isinstance(n, str) for n in names):
            raise UsageError("this is no schedule: it must hold names of operators, kernels and passes")
        if not all(type(height) is int and 1 <= height < 1 << 16 for height in heights.values()):
            raise UsageError("this is no schedule: 'heights' must be whole numbers of rows, 1 or more")
        if not all(type(at) is int and at >= 0 and at % ARENA_ALIGN == 0 for at in places.values()):
            raise UsageError(f"this is no schedule: 'places' must be offsets, multiples of {ARENA_ALIGN}")
        return cls(order, kernels, segments, stream_input, heights, passes, places=places)
