"""The Schedule: order of execution, the kernel of each operator, and the segments that stream.

Operators are named by their (first) output value, which is unique in a graph.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from tinyc.errors import UsageError


@dataclass(frozen=True)
class OrderSearch:
    """Whether there was a choice to search, and whether no other order has a lower layer-by-layer peak."""

    searched: bool
    exact: bool


@dataclass(frozen=True)
class Schedule:
    """Operators in order of execution, which kernel serves each (views need none), and which stream together.

    A segment is a run of consecutive operators (or a single one) that is executed row by row.
    """

    order: tuple[str, ...]
    kernels: Mapping[str, str]
    segments: tuple[tuple[str, ...], ...] = ()
    stream_input: bool = False
    search: OrderSearch | None = field(default=None, compare=False)  # how the order was found; None where it was given

    def to_json(self) -> str:
        """A text that `from_json` reads back; one line per operator, for people who edit it."""
        data = {"order": self.order, "kernels": dict(self.kernels), "segments": self.segments,
                "stream_input": self.stream_input}
        return json.dumps(data, indent=1) + "\n"

    @classmethod
    def from_json(cls, text: str) -> Schedule:
        """Raises UsageError where the text is no schedule."""
        try:
            data = json.loads(text)
            order, kernels = tuple(data["order"]), dict(data["kernels"])
            segments = tuple(tuple(segment) for segment in data.get("segments", ()))
            stream_input = data.get("stream_input", False) is True
        except (ValueError, TypeError, KeyError) as error:
            raise UsageError(f"this is no schedule: expected JSON with 'order' and 'kernels' ({error})") from None
        names = (*order, *kernels, *kernels.values(), *(n for s in segments for n in s))
        if not all(isinstance(n, str) for n in names):
            raise UsageError("this is no schedule: it must hold names of operators and kernels")
        return cls(order, kernels, segments, stream_input)
