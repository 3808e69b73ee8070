"""The Pareto front of a network on a target: what less SRAM costs in instructions."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING, TypeVar

from tinyc.ir.graph import Graph
from tinyc.program.lower import lower
from tinyc.program.plan import make_plan
from tinyc.schedule.cost import estimated_instructions, executed_macs
from tinyc.schedule.schedule import Schedule
from tinyc.schedule.scheduler import Candidate, Scheduler
from tinyc.schedule.segments import Partition

if TYPE_CHECKING:
    from tinyc.compiler import Options
    from tinyc.targets import Target

POINTS = 8  # that are lowered and packed; between them the front is thinned
PACK_NODES = 2_000  # for one point

Found = TypeVar("Found", "Choice", "Point")


@dataclass(frozen=True)
class Point:
    """One schedule of the front: SRAM in bytes, packed; macs repeated, as a fraction; instructions of one inference."""

    arena_bytes: int
    mac_overhead: float
    instructions: int
    schedule: Schedule

    @property
    def price(self) -> tuple[float, float]:
        return self.arena_bytes, self.instructions


@dataclass(frozen=True)
class Choice:
    """A partition of one order of execution, by estimates alone."""

    candidate: Candidate
    partition: Partition

    @property
    def price(self) -> tuple[float, float]:
        return self.partition.peak, self.partition.work


def front(
    graph: Graph, target: Target, options: Options, *, macs: int | None = None, passes: tuple[str, ...] = ()
) -> list[Point]:
    """Schedules that none beats in both arena and instructions, from the fewest instructions to the least SRAM.

    `graph` has had its passes, the last of them those that the schedules are to name, and stays as it is; `macs` are
    those of the network (by default the graph's). Decisions of `options.schedule` are not kept: the front shows what
    else is possible. Empty where the input is to be streamed and cannot be.
    """
    streams = options.input_mode == "stream"
    scheduler = Scheduler(graph.copy(), target, stream_input=streams, preference=options.preference)
    choices = undominated([Choice(c, partition) for c in scheduler.candidates for partition in c.partitions.front()])
    needed = graph.macs if macs is None else macs
    return undominated([_point(scheduler, choice, needed, passes) for choice in thinned(choices, POINTS)])


def _point(scheduler: Scheduler, choice: Choice, needed: int, passes: tuple[str, ...]) -> Point:
    schedule = replace(scheduler.of(choice.candidate, choice.partition), passes=passes)
    program = lower(scheduler.graph, schedule, scheduler.target)
    arena = make_plan(program, nodes=PACK_NODES).arena_bytes
    overhead = executed_macs(program) / needed - 1.0 if needed else 0.0
    instructions = estimated_instructions(program, scheduler.target)
    return Point(arena, overhead, instructions, schedule)


def undominated(found: Sequence[Found]) -> list[Found]:
    """Those that no other beats in both bytes and work, from the least work; of equals the first."""
    kept: list[Found] = []
    for one in sorted(found, key=lambda f: (f.price[1], f.price[0])):
        if not kept or one.price[0] < kept[-1].price[0]:
            kept.append(one)
    return kept


def thinned(choices: Sequence[Choice], most: int) -> list[Choice]:
    """At most so many of a front: both ends, and between them those after the largest steps in bytes."""
    if len(choices) <= most:
        return list(choices)
    steps = [math.log(a.price[0] / b.price[0]) for a, b in pairwise(choices)]  # bytes fall from one to the next
    largest = sorted(range(len(choices) - 2), key=lambda i: -steps[i])[: most - 2]
    return [choices[0], *(choices[i + 1] for i in sorted(largest)), choices[-1]]
