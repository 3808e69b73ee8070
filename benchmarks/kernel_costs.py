"""What kernels cost, measured: python -m benchmarks.kernel_costs [--kernels NAMES] [--cores CORES]
[--calls] [--write]

Runs every kernel on the emulated cores over the calls of kernel_sites.py, all of a core in one program, and fits the
instructions of each part of its work (`Kernel.work`): least squares of relative errors, no part below zero. Prints
how far the fit is from what was measured, and with --write puts it into `costs.toml` beside the declaration, from which
the compiler takes it. A kernel of provider cmsis-nn needs Arm's library: --cmsis-nn or CMSIS_NN_DIR.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

import numpy as np

import tinyc.kernels  # noqa: F401  registers ours
from benchmarks.kernel_sites import SITES
from tests.support.operator_cases import Case, random_array
from tinyc import targets
from tinyc.codegen import CProject, emit_project
from tinyc.errors import TinycError, UsageError
from tinyc.ir.graph import Graph, Value
from tinyc.ir.operator import operators
from tinyc.ir.types import Array
from tinyc.program.costs import FILE, MEASURED, read
from tinyc.program.kernel import KERNELS, Kernel, Site
from tinyc.program.lower import lower
from tinyc.program.plan import Plan, timeline
from tinyc.program.program import Program
from tinyc.schedule import Schedule
from tinyc.simulate import run_emulated
from tinyc.targets import Target

CORES = ("cortex-m0plus", *MEASURED.values())
ALIGN = 16
LIBRARY = "cmsis-nn"  # the provider that is linked, not shipped
DIGITS = 4  # of a fitted number
HEADER = """\
# Instructions that a kernel executes for one of each part of its work (its method `work`), by core.
# Fitted to what the emulated cores count: python -m benchmarks.kernel_costs --write
"""


@dataclass(frozen=True)
class Measured:
    """One call: its site, and the instructions that it executed."""

    site: Site
    instructions: int


@dataclass(frozen=True)
class Fit:
    """One kernel on one core: instructions of each part of its work, and predicted / measured − 1 of each call."""

    rates: Mapping[str, float]
    errors: tuple[float, ...]


def main() -> int:
    """Measure, fit, print, and write where asked to."""
    options = _options()
    library = options.cmsis_nn or (Path(os.environ["CMSIS_NN_DIR"]) if os.environ.get("CMSIS_NN_DIR") else None)
    kernels = fitted_kernels(options.kernels.split(","))
    if library is None:
        left = [k for k in kernels if k.provider == LIBRARY]
        kernels = [k for k in kernels if k.provider != LIBRARY]
        print(f"{len(left)} kernels of {LIBRARY} are left out: give --cmsis-nn DIR or CMSIS_NN_DIR.", file=sys.stderr)
    if not kernels:
        print(f"No kernel to measure is called {options.kernels}: `tinyc kernels` lists them.", file=sys.stderr)
        return 2
    print(f"{'kernel':<40}{'core':<15}{'calls':>6}{'median':>9}{'worst':>9}  instructions of")
    try:
        for core in options.cores.split(","):
            _one_core(kernels, core, library, details=options.calls, write=options.write)
    except TinycError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measures what kernels cost, and fits their costs.toml.")
    parser.add_argument("--kernels", default="*", help="names or patterns with commas (default: all)")
    parser.add_argument("--cores", default=",".join(CORES), help="names with commas (default: %(default)s)")
    parser.add_argument("--cmsis-nn", type=Path, metavar="DIR", help="a copy of Arm's library (default: $CMSIS_NN_DIR)")
    parser.add_argument("--calls", action="store_true", help="tell of each call how far the fit is from it")
    parser.add_argument("--write", action="store_true", help=f"update each family's {FILE}")
    return parser.parse_args()


def fitted_kernels(patterns: Sequence[str]) -> list[Kernel]:
    """The kernels that declare their work, of names that match; those with a `cost` of their own are not fitted."""
    wanted = [KERNELS.get(name) for name in KERNELS if any(fnmatch(name, pattern) for pattern in patterns)]
    return [kernel for kernel in wanted if type(kernel).cost is Kernel.cost]


def _one_core(kernels: Sequence[Kernel], core: str, library: Path | None, *, details: bool, write: bool) -> None:
    target = targets.load(core)
    for kernel, calls in measure(kernels, target, library).items():
        found = fit(kernel, calls, target)
        rates = ", ".join(f"{part} {rate:g}" for part, rate in found.rates.items())
        off = np.abs(found.errors)
        errors = f"{np.median(off):>9.1%}{off.max():>9.1%}"
        print(f"{kernel.name:<40}{core:<15}{len(calls):>6}{errors}  {rates}", flush=True)
        for call, error in zip(calls, found.errors, strict=True) if details else ():
            shapes = ", ".join(str(t.shape) for t in call.site.sig.inputs[:2] if t)
            print(f"  {error:>+8.1%} of {call.instructions:>9,}  {call.site.op} on {shapes}")
        if write:
            update(kernel.folder / FILE, kernel.name, core, found.rates)


# ---------------------------------------------------------------------- measuring
def measure(
    kernels: Sequence[Kernel], target: Target, library: Path | None, *, sites: int | None = None
) -> dict[Kernel, list[Measured]]:
    """Every call of kernel_sites.py that each kernel serves (the first `sites`), executed once on the emulated core."""
    graph, chosen = Graph("costs"), {}
    inputs: dict[int, list[Value | None]] = {}
    samples: list[Array] = []
    for kernel in kernels:
        for case in served(kernel, target)[:sites]:
            operands = inputs.get(id(case))
            if operands is None:
                operands = inputs[id(case)] = _operands(graph, case, samples)
            node = graph.add(case.op, operands, case.node().output.type, name=f"y{len(chosen)}")
            chosen[node.output.name] = kernel
    graph.outputs = [graph.nodes[-1].output]
    project = _project(graph, {name: kernel.name for name, kernel in chosen.items()}, target)
    packed = tuple(sample.tobytes() for sample in samples)
    result = run_emulated(project, [packed], core=target.name, cmsis_nn=library, profile=True)
    assert result.operators is not None
    found: dict[Kernel, list[Measured]] = {kernel: [] for kernel in kernels}
    for node, count in zip(graph.nodes, result.operators, strict=True):
        found[chosen[node.output.name]].append(Measured(Site.of(node), count))
    return {kernel: calls for kernel, calls in found.items() if calls}


def served(kernel: Kernel, target: Target) -> list[Case]:
    """The calls that a kernel does not refuse."""
    cases = [case for name, op in operators().items() if issubclass(op, kernel.op) for case in SITES.get(name, ())]
    return [case for case in cases if kernel.refuses(Site.of(case.node()), target) is None]


def _operands(graph: Graph, case: Case, samples: list[Array]) -> list[Value | None]:
    """A case's operands in the common graph, with something to read in each."""
    made: list[Value | None] = []
    for index, operand in enumerate(case.operands):
        if operand is None:
            made.append(None)
        elif operand[1] is None:
            made.append(graph.add_input(f"x{len(samples)}_{index}", operand[0]))
            samples.append(random_array(operand[0], np.random.default_rng(index)))
        else:
            made.append(graph.add_constant(f"c{len(graph.constants)}", *operand))
    return made


def _project(graph: Graph, kernels: Mapping[str, str], target: Target) -> CProject:
    """A program of all calls: inputs apart from each other, behind them all outputs in one place, then all scratch."""
    program = lower(graph, Schedule(tuple(kernels), dict(kernels)), target)
    offsets, end = _offsets(program)
    plan = Plan(offsets, end, end, end, True, 0, 0.0, "in order", timeline(program))
    return emit_project(program, plan, target, name="costs")


def _offsets(program: Program) -> tuple[dict[str, int], int]:
    """Where each buffer lies, and where the last one ends."""
    kinds: tuple[list[str], ...] = ([], [], [])
    for name, buffer in program.buffers.items():
        kinds[0 if buffer.is_input else 2 if buffer.is_scratch else 1].append(name)
    offsets, end = {}, 0
    for name in kinds[0]:
        offsets[name], end = end, _aligned(end + program.buffers[name].bytes)
    for names in kinds[1:]:
        offsets |= dict.fromkeys(names, end)
        end += _aligned(max((program.buffers[name].bytes for name in names), default=0))
    return offsets, end


def _aligned(at: int) -> int:
    return -(-at // ALIGN) * ALIGN


# ---------------------------------------------------------------------- fitting
def fit(kernel: Kernel, calls: Sequence[Measured], target: Target) -> Fit:
    """The instructions of each part of the work that come closest to all calls."""
    works = [kernel.work(call.site, target) for call in calls]
    parts = list(dict.fromkeys(part for work in works for part in work))
    counts = np.array([[work.get(part, 0.0) for part in parts] for work in works])
    idle = [part for part, count in zip(parts, counts.sum(axis=0), strict=True) if not count]
    if idle:
        raise UsageError(f"No call of kernel_sites.py does {', '.join(idle)} of {kernel.name}: add one that does")
    measured = np.array([call.instructions for call in calls], float)
    rates = [float(f"{rate:.{DIGITS}g}") for rate in non_negative(counts / measured[:, None], np.ones(len(calls)))]
    errors = counts @ rates / measured - 1
    return Fit(dict(zip(parts, rates, strict=True)), tuple(errors.tolist()))


def non_negative(a: Array, b: Array) -> Array:
    """x ≥ 0 with the least |a·x − b|: the active sets of Lawson and Hanson (1974), chapter 23."""
    scale = np.linalg.norm(a, axis=0)
    a, x = a / scale, np.zeros(a.shape[1])
    used, barred = np.zeros(len(x), bool), np.zeros(len(x), bool)
    while True:
        slope = np.where(used | barred, 0.0, a.T @ (b - a @ x))
        added = int(slope.argmax())
        if slope[added] < 1e-9:
            return np.asarray(x / scale)
        used[added] = True
        wanted = _least_squares(a, b, used)
        barred[added] = wanted[added] <= 0  # so nearly a sum of others that rounding decides
        used[added] = not barred[added]
        if barred[added]:
            continue
        barred[:] = False
        while wanted[used].min() <= 0:
            below = used & (wanted <= 0)
            x += (x[below] / (x[below] - wanted[below])).min() * (wanted - x)
            used &= x > 1e-12
            wanted = _least_squares(a, b, used)
        x = wanted


def _least_squares(a: Array, b: Array, used: Array) -> Array:
    """x with the least |a·x − b| of the columns in use, 0 for others."""
    x = np.zeros(a.shape[1])
    x[used] = np.linalg.lstsq(a[:, used], b, rcond=None)[0]
    return x


# ---------------------------------------------------------------------- writing
def update(path: Path, kernel: str, core: str, rates: Mapping[str, float]) -> None:
    """Put a kernel's instructions on one core into a family's file; the rest of it stays."""
    table = {name: {part: dict(cores) for part, cores in parts.items()} for name, parts in read(path).items()}
    parts = table.setdefault(kernel, {})
    for cores in parts.values():
        cores.pop(core, None)
    for part, rate in rates.items():
        parts.setdefault(part, {})[core] = rate
    path.write_text(HEADER + "".join(_lines(table)), "utf-8")


def _lines(table: Mapping[str, Mapping[str, Mapping[str, float]]]) -> Iterator[str]:
    for kernel, parts in sorted(table.items()):
        yield f'\n["{kernel}"]\n'
        for part, cores in sorted(parts.items()):
            if cores:
                numbers = ", ".join(f"{core} = {cores[core]!r}" for core in sorted(cores, key=_place))
                yield f"{part if part.isalnum() else repr(part)} = {{ {numbers} }}\n"


def _place(core: str) -> tuple[int, str]:
    return (CORES.index(core) if core in CORES else len(CORES)), core


if __name__ == "__main__":
    sys.exit(main())
