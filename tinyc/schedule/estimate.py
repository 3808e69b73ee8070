"""What a graph needs at the least, estimated without lowering it: for choosing among graphs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tinyc.ir.graph import Graph
from tinyc.ir.transform import Pass
from tinyc.schedule.scheduler import Scheduler

if TYPE_CHECKING:
    from tinyc.targets import Target


def least_bytes(graph: Graph, target: Target, pass_: Pass | None = None, *, stream_input: bool = False) -> float:
    """The least peak of any schedule of a graph, perhaps after a pass, before packing. The graph stays as it is."""
    scheduler = Scheduler(changed(graph, pass_), target, stream_input=stream_input)
    return min(candidate.partitions.least_peak for candidate in scheduler.candidates)


def changed(graph: Graph, pass_: Pass | None) -> Graph:
    """A copy of a graph after a pass. Raises what the pass raises."""
    copy = graph.copy()
    if pass_ is not None:
        pass_.run(copy)
    return copy
