"""The figures of a compilation as data ready for JSON: what `build --json` prints and report.json holds.

Nothing here depends on time, machine or folder, so equal inputs give equal reports.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from tinyc.report.operators import Executed, executed
from tinyc.schedule.cost import estimated_instructions, executed_macs

if TYPE_CHECKING:
    from tinyc.codegen import CProject
    from tinyc.compiler import Compiled
    from tinyc.program.plan import Step

Data = dict[str, Any]


def summarise(compiled: Compiled, project: CProject) -> Data:
    """The headline figures; every size in bytes. `project` is what `compiled.project()` gave."""
    plan, target = compiled.plan, compiled.target
    return {
        "model": compiled.imported.name,
        "name": project.name,
        "target": target.name,
        "core": target.core,
        "arena_bytes": plan.arena_bytes,
        "max_live_bytes": plan.max_live_bytes,
        "lower_bound_bytes": plan.lower_bound_bytes,
        "optimal": plan.optimal,
        "method": plan.method,
        "scratch_bytes": plan.scratch_bytes,
        "total_bytes": plan.total_bytes,
        "memory": compiled.options.memory,
        "regions": regions(compiled),
        "sram_bytes": target.sram_bytes,
        "flash_bytes": target.flash_bytes or None,  # a board that describes none sets no limit
        "flash": {"weights": project.weights_bytes, "tables": project.tables_bytes},
        "weights_in": placed_constants(project),
        "macs": compiled.imported.macs,
        "mac_overhead": mac_overhead(compiled),
        "estimated_instructions": estimated_instructions(compiled.program, target),
        "input_mode": compiled.options.input_mode,
        "io": compiled.options.io,
        "objective": compiled.options.objective,
        "operators": len(project.operators),
        "segments": len(compiled.schedule.segments),
        "order": order(compiled),
        "operators_in_model": len(compiled.imported.nodes),
        "passes": list(compiled.passes),
        "kernels": dict(sorted(Counter(o.kernel for o in executed(compiled.program)).items())),
        "fell_back": fell_back(compiled),
        "peak": peak(compiled),
    }


def regions(compiled: Compiled) -> list[Data]:
    """The memories that hold buffers, the arena first; a budget is null where there is no limit."""
    plan = compiled.plan
    return [
        {
            "name": region.name,
            "bytes": region.bytes,
            "budget": region.budget if plan.spread else compiled.target.sram_bytes,
            "lower_bound_bytes": region.lower_bound_bytes,
            "optimal": region.optimal,
            "buffers": [compiled.program.buffers[name].label for name in region.buffers],
        }
        for region in plan.regions
    ]


def placed_constants(project: CProject) -> Data | None:
    """The bank that a user chose for constants, and how many bytes go there."""
    placed = project.constants
    return None if placed is None else {"name": placed.name, "bytes": placed.bytes, "constants": len(placed.symbols)}


def fell_back(compiled: Compiled) -> list[str]:
    """Names of the operators for which the provider that was asked for has no kernel; another's serves them."""
    preference = compiled.options.preference
    return [o.name for o in executed(compiled.program) if preference.falls_back(o.call.kernel)]


def order(compiled: Compiled) -> Data:
    """Whether the order of execution was searched, and whether none other is known to need less layer by layer."""
    search = compiled.schedule.search
    return {"searched": search is not None and search.searched, "exact": search is not None and search.exact}


def front(compiled: Compiled) -> list[Data]:
    """The Pareto front, from the fewest instructions to the least SRAM; `chosen` marks the plan that was compiled.

    Places every point within a time limit: a slow machine may show a larger arena.
    """
    from tinyc.compiler import before_choice
    from tinyc.schedule.front import Point, undominated
    from tinyc.schedule.front import front as points

    graphs = [(compiled.graph, compiled.schedule.passes)]
    if compiled.schedule.passes:  # what it would take without them
        graphs.append((before_choice(compiled.imported, compiled.options), ()))
    others = [
        point for graph, passes in graphs
        for point in points(graph, compiled.target, compiled.options, macs=compiled.imported.macs, passes=passes)
        if point.schedule != compiled.schedule
    ]
    instructions = estimated_instructions(compiled.program, compiled.target)
    own = Point(compiled.plan.total_bytes, mac_overhead(compiled), instructions, compiled.schedule)
    return [
        {
            "arena_bytes": point.arena_bytes,
            "mac_overhead": point.mac_overhead,
            "instructions": point.instructions,
            "segments": len(point.schedule.segments),
            "chosen": point is own,
        }
        for point in undominated([own, *others])
    ]


def full_report(compiled: Compiled, project: CProject) -> Data:
    """`summarise`, the timeline, and one row per operator: what report.json holds."""
    return summarise(compiled, project) | {
        "timeline": timeline(compiled),
        "operator_table": operator_table(compiled),
    }


def timeline(compiled: Compiled) -> list[Data]:
    """What is live while each statement runs, in order of execution."""
    return [_step(compiled, step) for step in compiled.plan.timeline]


def peak(compiled: Compiled) -> Data | None:
    """The row of the timeline where the most is live; None for a network without operators."""
    return max(timeline(compiled), key=lambda step: step["live_bytes"], default=None)


def _step(compiled: Compiled, step: Step) -> Data:
    plan = compiled.plan
    buffers = sorted((compiled.program.buffers[name] for name in step.buffers), key=lambda b: -b.bytes)
    places = [(plan.region_of(b.name), plan.offsets[b.name], b.bytes) for b in buffers]
    live = [
        {"name": b.label, "bytes": b.bytes, "offset": offset}
        | ({"region": plan.regions[region].name} if plan.elsewhere else {})
        for b, (region, offset, _) in zip(buffers, places, strict=True)
    ]
    return {"operator": step.node, "live_bytes": _distinct_bytes(places), "live": live}


def _distinct_bytes(places: Iterable[tuple[int, int, int]]) -> int:
    """Bytes that (region, offset, size) cover; where an output overlaps its input, they count once."""
    covered, last, end = 0, -1, 0
    for region, offset, size in sorted(places):
        end = end if region == last else 0
        covered += max(0, offset + size - max(end, offset))
        last, end = region, max(end, offset + size)
    return covered


def operator_table(compiled: Compiled) -> list[Data]:
    """One row per operator, in order. In a segment, output bytes are those of one row, live bytes of all of it."""
    live = [step["live_bytes"] for step in timeline(compiled)]
    return [
        {
            "name": found.name,
            "operator": found.call.site.op.name,
            "kernel": found.kernel,
            "macs": found.macs,
            "estimated_instructions": found.instructions(compiled.target),
            "alternatives": alternatives(found, compiled),
            "output_bytes": sum(kind.bytes for kind in found.call.site.sig.outputs),
            "scratch_bytes": found.call.scratch.bytes if found.call.scratch else 0,
            "step": found.step,
            "live_bytes": live[found.step],
        }
        for found in executed(compiled.program)
    ]


def alternatives(operator: Executed, compiled: Compiled) -> list[Data]:
    """The kernels that do not run: what each was estimated to cost, or why it does not serve the operator."""
    return [
        {"kernel": other.kernel, "estimated_instructions": other.instructions, "refusal": other.refusal}
        for other in operator.alternatives(compiled.target)
    ]


def mac_overhead(compiled: Compiled) -> float:
    """Multiply-accumulates executed beyond those of the network as imported, as a fraction of the latter."""
    needed = compiled.imported.macs
    return executed_macs(compiled.program) / needed - 1.0 if needed else 0.0
