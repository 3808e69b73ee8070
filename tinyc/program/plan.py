"""The Plan: the offset of every buffer, the peak, and the proof that no smaller arena serves (or the gap)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from tinyc.memory import NODES, pack
from tinyc.program.lifetimes import blocks, lifetimes, trails
from tinyc.program.program import Program


@dataclass(frozen=True, slots=True)
class Step:
    """Memory while one statement runs: the buffers that are live and their bytes (overlaps counted twice)."""

    node: str
    live_bytes: int
    activation_bytes: int  # without scratch
    buffers: tuple[str, ...]


@dataclass(frozen=True)
class Plan:
    """Where every byte of SRAM goes. All sizes in bytes.

    `arena_bytes` is the one number that the report, the C and the search share. `max_live_bytes` counts activations
    alone, without scratch and alignment; `lower_bound_bytes` counts all, and no arena can be smaller.
    """

    offsets: Mapping[str, int]
    arena_bytes: int
    max_live_bytes: int
    lower_bound_bytes: int
    optimal: bool
    scratch_bytes: int
    seconds: float
    method: str
    timeline: tuple[Step, ...]

    @property
    def peak(self) -> int:
        """The arena's size (the peak of SRAM) in bytes."""
        return self.arena_bytes

    @property
    def peak_step(self) -> Step:
        """The statement that needs the most."""
        return max(self.timeline, key=lambda step: step.live_bytes)


def make_plan(program: Program, *, nodes: int = NODES, time_limit: float | None = None) -> Plan:
    """Place every buffer of a program in one arena. The packer searches so many nodes, or seconds (see `pack`)."""
    todo = blocks(program)
    packing = pack(todo, trails(program), nodes=nodes, time_limit=time_limit)
    steps = timeline(program)
    scratch = [b.bytes for b in program.buffers.values() if b.is_scratch]
    return Plan(
        packing.offsets, packing.peak, max((s.activation_bytes for s in steps), default=0), packing.lower_bound,
        packing.optimal, max(scratch, default=0), packing.seconds, packing.method, steps,
    )


def timeline(program: Program) -> tuple[Step, ...]:
    """What is live at every step."""
    lives, found = lifetimes(program), []
    for number, statement in enumerate(program.body):
        live = [program.buffers[name] for name, (first, last) in lives.items() if first <= number <= last]
        activations = sum(b.bytes for b in live if not (b.is_scratch or b.is_state))
        node = next(statement.calls()).node
        found.append(Step(node, sum(b.bytes for b in live), activations, tuple(b.name for b in live)))
    return tuple(found)
