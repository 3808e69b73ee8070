"""The pipeline, top to bottom: model file → Graph → Schedule → Program → Plan → C project."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

from tinyc.codegen import CProject, emit_project
from tinyc.errors import UsageError
from tinyc.ir.graph import Graph
from tinyc.ir.transform import Instrument, Pass, PassContext, Redefined, Sequential, parse_pipeline
from tinyc.ir.verifier import verify as verify_graph
from tinyc.memory import PackingError
from tinyc.memory.regions import Bank
from tinyc.program.banks import ONE, available, layouts, weights_bank
from tinyc.program.lower import lower, with_segments
from tinyc.program.plan import Plan, least_arena, make_plan
from tinyc.program.preference import Preference
from tinyc.program.program import Program
from tinyc.program.segment import inline_segments
from tinyc.program.verifier import verify as verify_program
from tinyc.schedule import Schedule, Scheduler
from tinyc.schedule.alternatives import alternatives
from tinyc.schedule.patches import LEAST_OVERHEAD, patches
from tinyc.schedule.second_pass import second_passes
from tinyc.targets import Target
from tinyc.targets import load as load_target

if TYPE_CHECKING:
    from tinyc.report.notebook import Report
    from tinyc.verification.execute import Place

Io = Literal["int8", "asis"]
Objective = Literal["sram", "speed", "balanced"]
InputMode = Literal["stored", "stream"]
Planned = tuple[Schedule, Program, Plan]
ROOM = (1.0, 0.95, 0.85, 0.7)  # parts of the peak that steps which need not be tight may fill, until packing is easy


@dataclass(frozen=True)
class Options:
    """Everything that a user can decide about a compilation."""

    io: Io = "int8"  # "asis" keeps float QUANTIZE/DEQUANTIZE at the ends
    input_mode: InputMode = "stored"  # "stream": the caller pushes the image row by row
    objective: Objective = "balanced"  # least SRAM, fewest instructions, or the fastest that fits the board
    name: str | None = None  # C prefix; the model's name where not given
    pipeline: Sequence[Pass] | None = None  # passes instead of the default ones
    disabled_pass: Sequence[str] = ()
    opt_level: int = 2
    instruments: Sequence[Instrument] = ()
    max_mac_overhead: float = 0.1  # part of the multiply-accumulates that may be repeated to need less SRAM
    schedule: Schedule | None = None  # decisions to keep
    time_limit: float | None = None  # seconds for the exact packer, instead of a fixed effort
    kernels: str | Sequence[str] = "auto"  # a provider to prefer, OPERATOR=KERNEL, or several (see Preference)
    profile: bool = False  # the C project can count the cycles of every operator on the board
    memory: str = "one"  # one arena; "auto": spread over the board's banks; or "BANK=BYTES,BANK=BYTES"
    weights_in: str | None = None  # the bank for constants, "BANK", or for the most used ones, "BANK=BYTES"

    def __post_init__(self) -> None:
        if self.io not in get_args(Io):
            raise UsageError(f"expected io 'int8' or 'asis', got {self.io!r}")
        if self.input_mode not in get_args(InputMode):
            raise UsageError(f"expected input 'stored' or 'stream', got {self.input_mode!r}")
        if self.objective not in get_args(Objective):
            raise UsageError(f"expected objective 'sram', 'speed' or 'balanced', got {self.objective!r}")
        if self.schedule and self.schedule.kernels and self.preference.provider:
            raise UsageError(
                "a schedule names the kernel of every operator, so no provider can be preferred beside it; "
                "ask for OPERATOR=KERNEL, or leave the schedule out"
            )

    @property
    def preference(self) -> Preference:
        """What `kernels` asks for. Raises UsageError for a provider or kernel that there is none of."""
        return Preference.parse(self.kernels)


@dataclass(frozen=True)
class Compiled:
    """A network with every decision made. `imported` is the graph as the file has it, `graph` after the passes."""

    name: str
    imported: Graph
    graph: Graph
    target: Target
    options: Options
    schedule: Schedule
    program: Program
    plan: Plan
    passes: tuple[str, ...]
    seconds: float
    source: bytes | None = field(default=None, repr=False)  # the model file, where there was one
    redefined: Redefined | None = field(default=None, repr=False)  # where passes gave the network other integers

    @property
    def segmented(self) -> Graph:
        """The graph in the order of the schedule, each of whose segments is one operator."""
        return with_segments(self.graph, self.schedule)

    def project(self) -> CProject:
        """The C project, in memory."""
        return emit_project(
            self.program, self.plan, self.target, name=self.name, profile=self.options.profile,
            weights_in=self.options.weights_in,
        )

    def check_fits(self) -> None:
        """Raises DoesNotFit, naming the peak operator and what would help, where the target has too little memory."""
        from tinyc.report import does_not_fit

        failure = does_not_fit(self, self.project())
        if failure is not None:
            raise failure

    def report(self) -> Report:
        """Where SRAM and flash go; draws itself in a notebook."""
        from tinyc.report import make_report

        return make_report(self)

    def write(self, folder: str | Path, *, force: bool = False) -> None:
        """Write the C project into a folder that is empty or new (or holds an earlier build, with `force`).

        Raises DoesNotFit where the target has too little memory, UsageError where the folder holds something else.
        """
        from tinyc.output import check_folder, write_folder
        from tinyc.report import output_files

        check_folder(Path(folder), force=force)
        self.check_fits()
        write_folder(Path(folder), output_files(self, self.project()), force=force)

    def run(self, x: Any, on: Place = "host") -> Any:
        """Run the generated C once; `x` is the input (or a tuple of them), as int8 codes or as real numbers."""
        from tinyc.verification.execute import run

        return run(self, x, on)


def compile(
    model: str | Path, target: str = "cortex-m7", options: Options | None = None, **more: Any
) -> Compiled:
    """Compile a model file for a target (a name, or the path of a .toml). Raises the errors of tinyc.errors.

    Options are given as an object, or by name: compile("m.tflite", "stm32f746", objective="sram").
    """
    from tinyc.frontend import import_model, read_model

    started = time.perf_counter()
    path = Path(model)
    options = _options(options, more)
    source = read_model(path)
    graph = import_model(source, path.stem, path)
    return compile_graph(graph, target, options, source=source, started=started)


def _options(options: Options | None, more: Mapping[str, Any]) -> Options:
    unknown = sorted(set(more) - {f.name for f in fields(Options)})
    if unknown:
        raise UsageError(f"there is no option {unknown[0]!r}; there are: {', '.join(f.name for f in fields(Options))}")
    return replace(options or Options(), **more)


def compile_graph(
    graph: Graph, target: str | Target = "cortex-m7", options: Options | None = None,
    *, source: bytes | None = None, started: float | None = None,
) -> Compiled:
    """Compile a graph; the graph itself is left as it is."""
    started, options = time.perf_counter() if started is None else started, options or Options()
    machine = target if isinstance(target, Target) else load_target(target)
    check_banks(options, machine)
    imported, graph = graph, graph.copy()
    context = run_passes(graph, options)
    options = keep_segments(graph, options)
    graph, (schedule, program, plan) = plan_best(graph, machine, options, imported.macs)
    return Compiled(
        options.name or imported.name, imported, graph, machine, options, schedule, program, plan,
        (*context.ran, *schedule.passes), time.perf_counter() - started, source, context.redefined,
    )


def keep_segments(graph: Graph, options: Options) -> Options:
    """Options that keep the segments which passes formed in a graph; in the graph, their operators take their place.

    Raises UsageError where a schedule that was given has other ones.
    """
    segments, heights = inline_segments(graph)
    if not segments:
        return options
    given = options.schedule
    if given is None:
        order = tuple(node.output.name for node in graph.nodes)
        return replace(options, schedule=Schedule(order, {}, segments, options.input_mode == "stream", heights))
    if (given.segments, dict(given.heights)) != (segments, heights):
        raise UsageError("the schedule has other segments than the passes form; leave out one of the two")
    return options


def check_banks(options: Options, target: Target) -> None:
    """Raises UsageError where the options name memories that the target does not have, before any work is done."""
    layouts(options.memory, target)
    if options.weights_in is not None:
        weights_bank(options.weights_in, target)


def plan_best(graph: Graph, target: Target, options: Options, macs: int) -> tuple[Graph, Planned]:
    """Plan a graph and, where SRAM is short, what passes make of it that spend multiply-accumulates to need less.

    `macs` are those of the network, of which `options.max_mac_overhead` may be repeated.
    """
    if options.schedule:
        graph = after_passes(graph, options.schedule.passes)
        schedule, program, plan = plan_memory(graph, target, options)
        return graph, (replace(schedule, passes=options.schedule.passes), program, plan)
    best = graph, plan_memory(graph, target, options)
    if not _is_short(best[1], target, options):
        return best
    for pass_ in _repeating(graph, target, options, macs, best[1][2].total_bytes):
        other = after_passes(graph, [str(pass_)])
        schedule, program, plan = plan_memory(other, target, options)
        if plan.need < best[1][2].need:
            best = other, (replace(schedule, passes=(str(pass_),)), program, plan)
        if not _is_short(best[1], target, options):
            break
    return best


def _repeating(graph: Graph, target: Target, options: Options, macs: int, total_bytes: int) -> Iterator[Pass]:
    """Passes that repeat work within the overhead allowed, after which a network may need less than `total_bytes`."""
    limit, stream = macs * (1 + options.max_mac_overhead), options.input_mode == "stream"
    budget = available(options.memory, target) if options.objective == "balanced" else None
    if "rematerialise" not in options.disabled_pass:
        yield from alternatives(graph, target, total_bytes, limit, budget)
    if "compute-twice" not in options.disabled_pass:
        yield from second_passes(graph, target, limit, stream_input=stream)[:1]
    if "split-patches" not in options.disabled_pass and options.max_mac_overhead >= LEAST_OVERHEAD:
        yield from patches(graph, target, limit, stream_input=stream)[:1]


def _is_short(found: Planned, target: Target, options: Options) -> bool:
    """Whether less SRAM is worth more work: always, or where the board has less than the plan needs."""
    short = beyond(found[2], target, options) > 0
    return options.objective == "sram" or (options.objective == "balanced" and short)


def beyond(plan: Plan, target: Target, options: Options) -> int:
    """Bytes that a plan needs beyond what the board has, or beyond the budgets of its banks."""
    if options.memory != ONE:
        return plan.excess_bytes
    return 0 if target.sram_bytes is None else max(0, plan.arena_bytes - target.sram_bytes)


def after_passes(graph: Graph, passes: Sequence[str]) -> Graph:
    """A copy of a graph after more passes, given as text."""
    changed = graph.copy()
    for pass_ in parse_pipeline(",".join(passes)):
        pass_.run(changed)
    verify_graph(changed)
    return changed


def plan_memory(graph: Graph, target: Target, options: Options) -> Planned:
    """Schedule, lower and place a graph. For a board, the fastest schedule that fits its SRAM."""
    budget = {"sram": 0, "speed": None, "balanced": available(options.memory, target)}[options.objective]
    scheduler = Scheduler(
        graph, target, options.schedule, stream_input=options.input_mode == "stream", preference=options.preference
    )
    while True:
        found = _plan(scheduler, budget, options)
        excess = beyond(found[2], target, options)
        if not budget or excess == 0 or options.schedule:
            break
        budget = max(0, budget - excess)  # gaps, which the choice of segments does not see
    by_name = {node.output.name: node for node in graph.nodes}
    graph.reorder(by_name[name] for name in found[0].order)
    return found


def _plan(scheduler: Scheduler, budget: float | None, options: Options) -> Planned:
    """Schedule, lower and pack; where packing leaves gaps, again with more room at the steps that need not be tight.

    Known places and first fit are tried on every attempt before the packer searches: `tinyc.nas` does the same.
    """
    banks, tried = layouts(options.memory, scheduler.target), list[Planned]()
    for schedule in _attempts(scheduler, budget, options):
        if all(schedule != other[0] for other in tried):
            program = lower(scheduler.graph, schedule, scheduler.target)
            verify_program(program)
            tried.append((schedule, program, _first_plan(program, schedule, banks, options)))
            if _is_tight(tried[-1]):
                return tried[-1]
    best = min(tried, key=lambda found: found[2].need)
    for schedule, program, _ in tried:
        if options.memory == ONE and least_arena(program) >= best[2].arena_bytes:
            continue
        found = schedule, program, make_plan(program, layouts=banks, time_limit=options.time_limit)
        best = min(best, found, key=lambda found: found[2].need)
        if _is_tight(best):
            break
    return best


def _first_plan(program: Program, schedule: Schedule, banks: Sequence[Sequence[Bank]], options: Options) -> Plan:
    """A plan by known places, or else by first fit. Places that a user gave may be of another schedule."""
    try:
        return make_plan(program, layouts=banks, nodes=0, places=schedule.places)
    except PackingError:
        if not options.schedule:
            raise
        return make_plan(program, layouts=banks, nodes=0)


def _is_tight(found: Planned) -> bool:
    """Whether packing left no gap."""
    return found[2].total_bytes <= (found[0].expected_bytes or 0)


def _attempts(scheduler: Scheduler, budget: float | None, options: Options) -> Iterator[Schedule]:
    """Schedules to pack until one leaves no gap: those of which places are known before those that first fit must find
    some for, and last the one of which only the need counts (see `placed`)."""
    is_least, waiting = budget == 0 and not options.schedule, list[Schedule]()
    for room in ROOM if is_least else ROOM[:1]:
        schedule = scheduler.schedule(budget, room)
        if schedule.places:
            yield schedule
        else:
            waiting.append(schedule)
    yield from waiting
    tightest = scheduler.tightest() if is_least else None
    if tightest is not None:
        yield tightest


def before_choice(imported: Graph, options: Options) -> Graph:
    """A graph after the pipeline, before the passes that a plan may choose."""
    graph = imported.copy()
    run_passes(graph, options)
    inline_segments(graph)
    return graph


def run_passes(graph: Graph, options: Options) -> PassContext:
    """Rewrite the graph in place; which passes ran, and what those that change numbers made of it."""
    from tinyc.passes import DEFAULT_PIPELINE, DropFloatEnds

    ends = (DropFloatEnds(),) if options.io == "int8" else ()
    pipeline = (*ends, *(DEFAULT_PIPELINE if options.pipeline is None else options.pipeline))
    asked = [pass_.name for pass_ in options.pipeline or ()]
    with PassContext(options.opt_level, options.disabled_pass, asked, instruments=options.instruments) as context:
        Sequential(pipeline)(graph)
    copy_constant_outputs(graph)
    verify_graph(graph)
    return context


def copy_constant_outputs(graph: Graph) -> None:
    """The caller reads outputs in the arena: one that became a constant is copied there."""
    from tinyc.ops import Reshape

    for value in [v for v in dict.fromkeys(graph.outputs) if v.is_constant]:
        node = graph.add(Reshape(value.type.shape), [value], value.type, name=f"{value.name}.copy")
        node.output.source = value.source
        graph.outputs = [node.output if v is value else v for v in graph.outputs]
