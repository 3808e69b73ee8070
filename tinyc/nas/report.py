"""What the planner answers: sizes, work, where the peak is, and by how much a network misses its budget."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tinyc.compiler import InputMode, Objective


@dataclass(frozen=True)
class Budget:
    """What a network may need; None sets no limit. Bytes, executed multiply-accumulates, estimated instructions."""

    sram: int | None = None
    flash: int | None = None
    macs: int | None = None
    instructions: int | None = None


@dataclass(frozen=True)
class Flash:
    """Bytes of flash that a network adds to a program. Weights and tables as the manifest counts them; `code` is an
    estimate: kernels, generated functions, their structs."""

    weights: int
    tables: int
    code: int

    @property
    def total(self) -> int:
        return self.weights + self.tables + self.code


@dataclass(frozen=True)
class Violation:
    """How far a figure is beyond its limit: `value` = need − limit, so that a network is feasible iff every value ≤ 0.

    `relative` is the same as a fraction of the limit. `hint` says what would help; empty where the limit is kept.
    """

    figure: str
    need: int
    limit: int
    hint: str = ""

    @property
    def value(self) -> int:
        return self.need - self.limit

    @property
    def relative(self) -> float:
        return self.value / max(1, self.limit)


@dataclass(frozen=True)
class Placed:
    """A buffer in the arena: the tensor it holds (or rows of it, or scratch), bytes, offset."""

    name: str
    bytes: int
    offset: int


@dataclass(frozen=True)
class Moment:
    """What is live while one operator (or segment, named by its first) runs; overlapping bytes count once."""

    operator: str
    live_bytes: int
    buffers: tuple[Placed, ...]


@dataclass(frozen=True)
class Need:
    """What a network needs: bytes of the arena (ARENA_BYTES of the generated C) and of flash; multiply-accumulates and
    estimated instructions of one inference."""

    sram: int
    flash: Flash
    macs: int
    instructions: int

    @property
    def peak(self) -> int:
        """The arena in bytes: `sram` under the name that plans have."""
        return self.sram

    def figures(self) -> Mapping[str, int]:
        """Sizes and work by name, as budgets and searches name them."""
        return {"sram": self.sram, "flash": self.flash.total, "macs": self.macs, "instructions": self.instructions}


@dataclass(frozen=True)
class PlanReport(Need):
    """What the compiler would allocate for a network, and why.

    `content_hash` names the question: the network, the target's core, objective, input and budget. Equal hashes have
    equal answers, on every machine; names of tensors do not count. `seconds` is how long the answer took.
    """

    name: str
    target: str
    objective: Objective
    input: InputMode
    max_live: int
    lower_bound: int
    optimal: bool
    scratch: int
    segments: int
    timeline: tuple[Moment, ...]
    violations: tuple[Violation, ...]
    content_hash: str
    seconds: float = field(default=0.0, compare=False)

    @property
    def need(self) -> Need:
        """The figures alone."""
        return Need(self.sram, self.flash, self.macs, self.instructions)

    @property
    def feasible(self) -> bool:
        """Whether every limit is kept."""
        return all(violation.value <= 0 for violation in self.violations)

    @property
    def peak_moment(self) -> Moment | None:
        """Where the most is live; None for a network without operators."""
        return max(self.timeline, key=lambda moment: moment.live_bytes, default=None)

    @property
    def peak_operator(self) -> str:
        """The operator that runs where the most is live; empty for a network without operators."""
        moment = self.peak_moment
        return moment.operator if moment else ""

    @property
    def constraints(self) -> tuple[float, ...]:
        """Every violation as a fraction of its limit: what Optuna and others take, feasible iff ≤ 0."""
        return tuple(violation.relative for violation in self.violations)

    def describe(self) -> dict[str, Any]:
        """Everything but the time it took, ready for JSON."""
        return {
            "name": self.name, "target": self.target, "objective": self.objective, "input": self.input,
            "feasible": self.feasible, "sram": self.sram, "max_live": self.max_live, "lower_bound": self.lower_bound,
            "optimal": self.optimal, "scratch": self.scratch,
            "flash": {"total": self.flash.total, "weights": self.flash.weights, "tables": self.flash.tables,
                      "code": self.flash.code},
            "macs": self.macs, "instructions": self.instructions, "segments": self.segments,
            "peak_operator": self.peak_operator,
            "violations": [
                {"figure": v.figure, "need": v.need, "limit": v.limit, "value": v.value, "hint": v.hint}
                for v in self.violations
            ],
            "timeline": [
                {"operator": m.operator, "live_bytes": m.live_bytes,
                 "buffers": [{"name": b.name, "bytes": b.bytes, "offset": b.offset} for b in m.buffers]}
                for m in self.timeline
            ],
            "content_hash": self.content_hash,
        }
