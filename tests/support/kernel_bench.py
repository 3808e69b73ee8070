"""Runs many calls of one kernel in a single generated program and compares the whole arena, byte for byte.

Every call has a stretch of the arena for itself: its operands, its output (apart, or over an input as far as
the kernel's `trails` permits), its scratch, and bytes between them that nobody may touch. The program's only
input is the whole arena before, its only output the whole arena after, so that a stray write anywhere shows.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from tests.support.operator_cases import Case, inputs_of
from tinyc.codegen import CProject, emit_project
from tinyc.ir.graph import Graph, Node
from tinyc.ir.interpreter import evaluate
from tinyc.ir.types import Array, DType, TensorType
from tinyc.program.kernel import Kernel, Site
from tinyc.program.lifetimes import ARENA_ALIGN
from tinyc.program.lower import lower, one_image
from tinyc.program.plan import Plan, make_plan
from tinyc.program.program import Buffer, Port, Program, Range
from tinyc.schedule import Schedule
from tinyc.simulate import RunResult, run_emulated, run_host
from tinyc.targets import Target

GUARD = 16
ARENA = "arena"
SAMPLES = 4  # of inputs_of
ODD_FLOATS = np.array(
    [np.nan, np.inf, -np.inf, 3e38, -3e38, 1e-40, -0.0, 2**31, -(2**31) - 256, 511.5], np.float32
)
SHIFTS = (0, 1, 3, 16)  # bytes that an output lies lower than its kernel asks for


@dataclass(frozen=True)
class Layout:
    """Where an output lies: apart from everything, or `below` bytes below the start of input `over`."""

    over: int | None = None
    below: int = 0

    def __str__(self) -> str:
        return "apart" if self.over is None else f"{self.below} bytes below input {self.over}"


@dataclass
class Trial:
    """One call: a graph of one node, where its buffers lie, and what it computes for each sample."""

    graph: Graph
    layout: Layout
    inputs: list[list[Array]]  # for each sample
    place: dict[str, int] = field(default_factory=dict)  # "x0", "x1", …, "y" → offset in the arena

    def dying(self) -> tuple[int, int]:
        """Bytes of an input under the output that no output covers: it dies, so that a kernel may write there."""
        if self.layout.over is None:
            return 0, 0
        node = self.graph.nodes[0]
        x = self.place[f"x{self.layout.over}"]
        return max(x, self.place["y"] + node.output.type.bytes), x + node.input(self.layout.over).type.bytes

    def __str__(self) -> str:
        node = self.graph.nodes[0]
        operands = ", ".join(map(str, node.signature.inputs))
        return f"{node.op} on ({operands}) to {node.output.type}, output {self.layout}"


def trials(kernel: Kernel, case: Case, target: Target, rng: np.random.Generator) -> Iterator[Trial]:
    """The call apart, and once over each input that `trails` lets it overlap, a few bytes lower each time."""
    graph = case.graph()
    yield Trial(graph, Layout(), _samples(graph, rng))
    node = graph.nodes[0]
    if one_image(node)[1] > 1:
        return  # inside the compiler's loop over a batch nothing overlaps
    for index, value in enumerate(node.inputs):
        distance = None if value is None or value.is_constant else kernel.trails(Site.of(node), index)
        if value is not None and distance is not None:
            unit = max(value.type.dtype.bytes, node.output.type.dtype.bytes)
            lower_by = int(rng.choice(SHIFTS))
            below = _aligned(distance + lower_by, unit)
            yield Trial(graph, Layout(index, below), _samples(graph, rng))


def _samples(graph: Graph, rng: np.random.Generator) -> list[list[Array]]:
    """Inputs to try, as many for a graph without inputs; floats include what is no number or far away."""
    samples = inputs_of(graph, rng) or [[]] * SAMPLES
    for array in samples[0]:
        if array.dtype == np.float32:
            at = rng.permutation(array.size)[: len(ODD_FLOATS)]
            array.reshape(-1)[at] = ODD_FLOATS[: len(at)]
    return samples


@dataclass(frozen=True)
class Bench:
    """A program of many trials. `samples` are arenas before, `expected` after, `judged` masks what dies."""

    project: CProject
    samples: tuple[Array, ...]
    expected: tuple[Array, ...]
    judged: Array
    trials: tuple[Trial, ...]

    def run_host(self, **options: object) -> list[str]:
        """Mismatches of a sanitized host build, one sentence each."""
        return self._compare(run_host(self.project, self._bytes(), **options))  # type: ignore[arg-type]

    def run_emulated(self, core: str, cmsis_nn: Path | None = None) -> list[str]:
        """Mismatches on the emulated core."""
        return self._compare(run_emulated(self.project, self._bytes(), core=core, cmsis_nn=cmsis_nn))

    def _bytes(self) -> list[tuple[bytes, ...]]:
        return [(s.tobytes(),) for s in self.samples]

    def _compare(self, result: RunResult) -> list[str]:
        found = []
        for number, (want, (got,)) in enumerate(zip(self.expected, result.outputs, strict=True)):
            wrong = np.flatnonzero((want != np.frombuffer(got, np.uint8)) & self.judged)
            found += [f"sample {number}: {self._describe(int(at))}" for at in wrong[:1]]
        return found

    def _describe(self, at: int) -> str:
        before = [t for t in self.trials if min(t.place.values()) <= at]
        trial = max(before, key=lambda t: min(t.place.values()))
        return f"byte {at} differs (places {trial.place}) in {trial}"


def make_bench(kernel: Kernel, chosen: Sequence[Trial], target: Target) -> Bench:
    """One program of all trials, every node served by `kernel`."""
    graph = Graph("bench")
    nodes = [_append(graph, trial, number) for number, trial in enumerate(chosen)]
    names = tuple(node.output.name for node in nodes)
    program = lower(graph, Schedule(names, dict.fromkeys(names, kernel.name)), target)
    offsets, scratch, size = _offsets(program, chosen, nodes)
    judged = np.ones(size, bool)
    for first, last in (*scratch, *(trial.dying() for trial in chosen)):
        judged[first:last] = False
    project = emit_project(_one_port(program, size), _plan(offsets, size, target), target, name="bench")
    before, after = zip(*(_arena(chosen, size, number) for number in range(SAMPLES)), strict=True)
    return Bench(project, before, after, judged, tuple(chosen))


def _offsets(
    program: Program, chosen: Sequence[Trial], nodes: Sequence[Node]
) -> tuple[dict[str, int], list[tuple[int, int]], int]:
    """Offset of every buffer, where scratch lies, and the size of the arena."""
    home = {b.label: name for name, b in program.buffers.items()}
    rooms = {call.node: call.scratch for call in program.calls() if call.scratch}
    offsets: dict[str, int] = {}
    scratch, end = [], GUARD
    for trial, node in zip(chosen, nodes, strict=True):
        end = _place(trial, end)
        for key, at in trial.place.items():
            offsets[home[(node.output if key == "y" else node.input(int(key[1:]))).name]] = at
        if node.name in rooms:
            room, first = rooms[node.name], _aligned(end, ARENA_ALIGN)
            offsets[room.buffer], end = first, first + room.bytes + GUARD
            scratch.append((first, first + room.bytes))
    return offsets, scratch, _aligned(end, ARENA_ALIGN)


def _aligned(at: int, unit: int) -> int:
    return -(-at // unit) * unit


def _append(graph: Graph, trial: Trial, number: int) -> Node:
    """Copy a trial's node into the common graph."""
    (node,) = trial.graph.nodes
    values = [
        None if v is None else graph.add_constant(f"c{number}_{i}", v.type, v.data)
        if v.is_constant else graph.add_input(f"x{number}_{i}", v.type)
        for i, v in enumerate(node.inputs)
    ]
    made = graph.add(node.op, values, node.output.type, name=f"y{number}")
    graph.outputs.append(made.output)
    return made


def _place(trial: Trial, first: int) -> int:
    """Give a trial's operands and output their offsets from `first` on; where it ends."""
    (node,) = trial.graph.nodes
    moving = {f"x{i}": v.type for i, v in enumerate(node.inputs) if v is not None and not v.is_constant}
    over, end = trial.layout.over, first
    for key, t in moving.items():
        if key == f"x{over}":
            continue
        end = _spot(trial, key, t, end)
    y = node.output.type
    if over is None:
        return _spot(trial, "y", y, end)
    x = moving[f"x{over}"]
    _spot(trial, "y", y, end, unit=max(x.dtype.bytes, y.dtype.bytes))
    trial.place[f"x{over}"] = trial.place["y"] + trial.layout.below
    return max(trial.place["y"] + y.bytes, trial.place[f"x{over}"] + x.bytes) + GUARD


def _spot(trial: Trial, key: str, t: TensorType, at: int, unit: int | None = None) -> int:
    """Odd addresses for int8, aligned ones for wider types."""
    unit = t.dtype.bytes if unit is None else unit
    trial.place[key] = at | 1 if unit == 1 else _aligned(at, unit)
    return trial.place[key] + t.bytes + GUARD


def _one_port(program: Program, size: int) -> Program:
    whole = Port(ARENA, TensorType((size,), DType.int8), Range(ARENA, 0, size))
    buffers = {**program.buffers, ARENA: Buffer(ARENA, size, ARENA, is_input=True, is_output=True)}
    return replace(program, buffers=buffers, inputs=(whole,), outputs=(whole,))


def _plan(offsets: dict[str, int], size: int, target: Target) -> Plan:
    empty = Graph("empty")
    empty.outputs = [empty.add_input("x", TensorType((1,)))]
    plan = make_plan(lower(empty, Schedule((), {}), target))
    return replace(plan, offsets={**offsets, ARENA: 0}, arena_bytes=size)


def _arena(chosen: Sequence[Trial], size: int, sample: int) -> tuple[Array, Array]:
    """The arena before and after one sample: inputs over garbage, then outputs over that."""
    before = np.random.default_rng(sample).integers(0, 256, size, np.uint8)
    for trial in chosen:
        keys = [key for key in trial.place if key != "y"]
        for key, array in zip(sorted(keys, key=lambda k: int(k[1:])), trial.inputs[sample], strict=True):
            _write(before, trial.place[key], array)
    after = before.copy()
    for trial in chosen:
        (result,) = evaluate(trial.graph, trial.inputs[sample])
        _write(after, trial.place["y"], result)
    return before, after


def _write(memory: Array, at: int, array: Array) -> None:
    flat = np.frombuffer(np.ascontiguousarray(array).tobytes(), np.uint8)
    memory[at : at + len(flat)] = flat
