"""`plan`: what the compiler would allocate for a network that nobody has trained yet.

There is no second planner: `compile_graph` runs on stand-in weights, and the figures are read from what it decided.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import astuple, replace
from typing import Protocol, runtime_checkable

import tinyc
from tinyc.codegen.emit import emit_calls
from tinyc.compiler import Compiled, InputMode, Objective, Options, compile_graph
from tinyc.ir.graph import Graph
from tinyc.nas.code_size import Library, code_bytes
from tinyc.nas.hashing import content_hash
from tinyc.nas.hints import hint
from tinyc.nas.network import with_weights
from tinyc.nas.report import Budget, Flash, Moment, Placed, PlanReport, Violation
from tinyc.report.summary import timeline
from tinyc.schedule.cost import estimated_instructions, executed_macs
from tinyc.targets import Memory, Target
from tinyc.targets import load as load_target
from tinyc.targets.target import ARENA_KINDS


@runtime_checkable
class Buildable(Protocol):
    """A spec that knows its network."""

    def graph(self) -> Graph: ...


def plan(
    network: Graph | Buildable, target: str | Target = "cortex-m7", *, objective: Objective = "sram",
    input: InputMode = "stored", budget: Budget | None = None, library: Library = "stand-in",
) -> PlanReport:
    """What a network needs on a target: exact SRAM, flash, work, and by how much it misses a budget.

    `network` is a graph, whose constants need no data, or anything with a method `graph()`. A limit that the budget
    leaves open is the target's, where that has one. `library` is the CMSIS-NN that the code estimate counts. Raises the
    errors of tinyc.errors: an operator that no kernel serves, an input that cannot be streamed.
    """
    started = time.perf_counter()
    machine = load_target(target) if isinstance(target, str) else target
    asked = limits(machine, budget or Budget())
    graph = network if isinstance(network, Graph) else network.graph()
    options = Options(objective=objective, input_mode=input)
    compiled = compile_graph(with_weights(graph), _with_limits(machine, asked), options)
    facts = (tinyc.__version__, machine.core, machine.cpu_flags, objective, input, astuple(asked), library)
    report = _report(compiled, _flash(compiled, library), content_hash(graph, facts))
    violations = tuple(_violations(report, asked))
    return replace(report, violations=violations, seconds=time.perf_counter() - started)


def limits(target: Target, asked: Budget) -> Budget:
    """What was asked for, and the target's own sizes where nothing was."""
    sram = target.sram_bytes if asked.sram is None else asked.sram
    flash = (target.flash_bytes or None) if asked.flash is None else asked.flash
    return replace(asked, sram=sram, flash=flash)


def _with_limits(target: Target, budget: Budget) -> Target:
    """The target with exactly the SRAM of the budget: `balanced` streams no more than that asks for."""
    if budget.sram is None or budget.sram == target.sram_bytes:
        return target
    others = [bank for bank in target.memories if bank.kind not in ARENA_KINDS]
    return replace(target, memories=(*others, Memory("budget", "sram", 0x20000000, budget.sram, 0)))


def _flash(compiled: Compiled, library: Library) -> Flash:
    calls = emit_calls(compiled.program, compiled.plan, compiled.target, name="network")
    return Flash(calls.pool.weights_bytes, calls.pool.tables_bytes, code_bytes(calls, library))


def _report(compiled: Compiled, flash: Flash, hash: str) -> PlanReport:
    """The figures of a compilation, without limits."""
    found, options = compiled.plan, compiled.options
    moments = tuple(
        Moment(step["operator"], step["live_bytes"], tuple(Placed(**buffer) for buffer in step["live"]))
        for step in timeline(compiled)
    )
    return PlanReport(
        found.arena_bytes, flash, executed_macs(compiled.program),
        estimated_instructions(compiled.program, compiled.target),
        compiled.imported.name, compiled.target.name, options.objective, options.input_mode,
        found.max_live_bytes, found.lower_bound_bytes, found.optimal, found.scratch_bytes,
        len(compiled.schedule.segments), moments, (), hash,
    )


def _violations(report: PlanReport, budget: Budget) -> Iterator[Violation]:
    """One value for every limit that there is, in the order of the budget's fields."""
    for figure, need in report.figures().items():
        limit = getattr(budget, figure)
        if limit is not None:
            yield Violation(figure, need, limit, hint(figure, report) if need > limit else "")
