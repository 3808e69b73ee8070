"""The arena over time, as data for a picture: every buffer with its place and its steps, and why the peak is there."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING, Literal

from tinyc.program.lifetimes import lifetimes
from tinyc.program.program import Buffer, Loop, Program, Segment, Statement
from tinyc.report.markup import shorten
from tinyc.report.operators import executed
from tinyc.report.summary import timeline

if TYPE_CHECKING:
    from tinyc.compiler import Compiled
    from tinyc.program.plan import Plan

Kind = Literal["input", "output", "activation", "line", "scratch", "state"]
NAMED, LONGEST = 4, 40  # buffers that the sentence names, characters of a name there


@dataclass(frozen=True, slots=True)
class Placed:
    """A buffer: `bytes` from `offset` on, from step `first` to step `last` (both inclusive).

    `rows` says which part of the tensor is there, where it is not all of it; `made_by` numbers the operator that
    writes it; `touched` are the steps that read or write it: at the others it waits. Where there are several memories,
    they are stacked: the buffer's begins at `base` and is called `region`.
    """

    name: str
    label: str
    rows: str
    made_by: int | None
    kind: Kind
    bytes: int
    offset: int
    first: int
    last: int
    touched: tuple[int, ...]
    base: int = 0
    region: str = ""

    @property
    def end(self) -> int:
        """First byte above it."""
        return self.offset + self.bytes

    @property
    def at(self) -> int:
        """Its offset in its own memory."""
        return self.offset - self.base

    def lives(self, step: int) -> bool:
        return self.first <= step <= self.last

    def meets(self, other: Placed) -> bool:
        """Whether the two share bytes of the arena."""
        return self.offset < other.end and other.offset < self.end


@dataclass(frozen=True, slots=True)
class MemoryStep:
    """One statement of the program. `first` numbers the first of its operators; overlapping bytes count once."""

    how: Literal["call", "loop", "segment"]
    operators: tuple[str, ...]
    first: int
    live_bytes: int
    pushed: bool = False  # the caller delivers the input's rows meanwhile

    @property
    def title(self) -> str:
        """The operator's name, or the first and the last one's."""
        if len(self.operators) == 1:
            return shorten(self.operators[0], LONGEST)
        return f"{shorten(self.operators[0], LONGEST)} to {shorten(self.operators[-1], LONGEST)}"


@dataclass(frozen=True, slots=True)
class Band:
    """A memory in the stack of several: `bytes` of it, from `base` on."""

    name: str
    base: int
    bytes: int

    @property
    def end(self) -> int:
        return self.base + self.bytes


@dataclass(frozen=True, slots=True)
class MemoryMap:
    """All of it. Sizes in bytes; `limit_bytes` is the target's SRAM, None where it has no limit.

    Where buffers are spread over several memories, these are `bands`, and sizes and bounds are those of all together.
    """

    model: str
    target: str
    arena_bytes: int
    lower_bound_bytes: int
    optimal: bool
    limit_bytes: int | None
    steps: tuple[MemoryStep, ...]
    buffers: tuple[Placed, ...]
    bands: tuple[Band, ...] = ()

    @property
    def peak(self) -> int | None:
        """The first step where the most is live; None for a network without operators."""
        return max(range(len(self.steps)), key=lambda n: self.steps[n].live_bytes, default=None)

    def live(self, step: int) -> list[Placed]:
        """What is live at a step, the largest first."""
        return sorted((b for b in self.buffers if b.lives(step)), key=lambda b: (-b.bytes, b.offset, b.name))


def memory_map(compiled: Compiled) -> MemoryMap:
    """The picture's data for a compilation."""
    program, plan = compiled.program, compiled.plan
    others, limit = plan.elsewhere, None if plan.spread else compiled.target.sram_bytes
    lower_bound = plan.lower_bound_bytes + sum(region.lower_bound_bytes for region in others)
    return MemoryMap(
        compiled.imported.name, compiled.target.name, plan.total_bytes, lower_bound,
        plan.optimal and all(region.optimal for region in others), limit, _steps(compiled),
        tuple(_placed(program, plan)), _bands(plan),
    )


def _bands(plan: Plan) -> tuple[Band, ...]:
    """The memories of a plan one above the other; none for a single arena."""
    tops = list(accumulate(region.bytes for region in plan.regions))
    found = (Band(r.name, top - r.bytes, r.bytes) for r, top in zip(plan.regions, tops, strict=True))
    return tuple(found) if plan.elsewhere else ()


def _steps(compiled: Compiled) -> tuple[MemoryStep, ...]:
    names: list[list[str]] = [[] for _ in compiled.program.body]
    for operator in executed(compiled.program):
        names[operator.step].append(operator.name)
    found: list[MemoryStep] = []
    for statement, operators, row in zip(compiled.program.body, names, timeline(compiled), strict=True):
        first = found[-1].first + len(found[-1].operators) if found else 0
        pushed = isinstance(statement, Segment) and statement.pushed is not None
        found.append(MemoryStep(_how(statement), tuple(operators), first, row["live_bytes"], pushed))
    return tuple(found)


def _how(statement: Statement) -> Literal["call", "loop", "segment"]:
    return "segment" if isinstance(statement, Segment) else "loop" if isinstance(statement, Loop) else "call"


def _placed(program: Program, plan: Plan) -> list[Placed]:
    bands = _bands(plan)
    rows, touched = _lines(program), _touched(program)
    makers = {operator.value: number for number, operator in enumerate(executed(program))}
    found = []
    for name, (first, last) in lifetimes(program).items():
        buffer = program.buffers[name]
        label, part = rows.get(name, (buffer.label, ""))
        kind, steps = _kind(buffer, bool(part)), tuple(touched.get(name, ()))
        maker = None if buffer.is_scratch or buffer.is_state else makers.get(label)
        band = bands[plan.region_of(name)] if bands else Band("", 0, 0)
        offset = band.base + plan.offsets[name]
        found.append(
            Placed(name, label, part, maker, kind, buffer.bytes, offset, first, last, steps, band.base, band.name)
        )
    return found


def _lines(program: Program) -> dict[str, tuple[str, str]]:
    """Of every line buffer: the tensor's name, and how many of its rows are there."""
    segments = [s for s in program.body if isinstance(s, Segment)]
    return {
        line.place.buffer: (line.label, f"{line.depth} of {line.rows} rows")
        for segment in segments for line in segment.lines if line.depth < line.rows
    }


def _touched(program: Program) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    for step, statement in enumerate(program.body):
        for name in dict.fromkeys(r.buffer for r in statement.touches()):
            found.setdefault(name, []).append(step)
    return found


def _kind(buffer: Buffer, is_line: bool) -> Kind:
    if buffer.is_scratch:
        return "scratch"
    if buffer.is_state:
        return "state"
    if buffer.is_input:
        return "input"
    return "output" if buffer.is_output else "line" if is_line else "activation"


# ---------------------------------------------------------------------- in words
def role(memory: MemoryMap, buffer: Placed, step: int) -> str:
    """Why a buffer is live at a step."""
    if buffer.kind == "scratch":
        return "working memory of the kernels here"
    if buffer.kind == "state":
        return "kept from one push of rows to the next"
    if buffer.rows:
        return f"line buffer, {buffer.rows}"
    if step not in buffer.touched:
        later = next((s for s in buffer.touched if s > step), None)
        return "kept for the caller" if later is None else f"waits for {memory.steps[later].title}"
    if buffer.first == step and buffer.kind != "input":
        return "written here"
    return "read here" if buffer.last == step else "read here, and needed again"


def peak_sentences(memory: MemoryMap) -> list[str]:
    """Why the peak is where it is; why the arena is as large as it is; whether it could be smaller."""
    if memory.peak is None:
        return ["Nothing runs: the arena holds inputs and outputs alone."]
    step, live = memory.steps[memory.peak], memory.live(memory.peak)
    named = ", ".join(_named(memory, b) for b in live[:NAMED])
    more = f", and {len(live) - NAMED} more" if len(live) > NAMED else ""
    shared = sum(b.bytes for b in live) - step.live_bytes
    overlap = f" {shared:,} of these are shared: an output overwrites what has been read." if shared > 0 else ""
    together = f"{len(step.operators)} operators that run together row by row, " if len(step.operators) > 1 else ""
    where = f"The peak is at step {memory.peak}: {together}{step.title}.{_as_much(memory, step)}"
    return [where, f"{step.live_bytes:,} bytes are live there: {named}{more}.{overlap}", _verdict(memory, step)]


def _named(memory: MemoryMap, buffer: Placed) -> str:
    assert memory.peak is not None
    says_it = buffer.kind in ("scratch", "state")  # in its label
    return f"{shorten(buffer.label, LONGEST)} {buffer.bytes:,}" + (
        "" if says_it else f" ({role(memory, buffer, memory.peak)})"
    )


def _as_much(memory: MemoryMap, step: MemoryStep) -> str:
    same = [n for n, other in enumerate(memory.steps) if other.live_bytes == step.live_bytes and n != memory.peak]
    if len(same) > 1:
        return f" {len(same)} other steps need as much."
    return f" Step {same[0]} needs as much." if same else ""


def _verdict(memory: MemoryMap, step: MemoryStep) -> str:
    slack = memory.arena_bytes - step.live_bytes
    extra = f", {slack:,} more for alignment and gaps" if slack > 0 else ""
    if memory.optimal:
        proof = f"no placement of these buffers{' within them' if memory.bands else ''} needs less"
    else:
        proof = f"the lower bound is {memory.lower_bound_bytes:,}"
    what = "All memories together take" if memory.bands else "The arena takes"
    return f"{what} {memory.arena_bytes:,} bytes{extra}: {proof}."
