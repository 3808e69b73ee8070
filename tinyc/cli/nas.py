"""Search for networks that fit a target, with the compiler's own planner: plan one, select a space, or search it."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from concurrent.futures import Executor
from contextlib import contextmanager, nullcontext
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tinyc.cli.console import Answer, Console, Line, table
from tinyc.cli.options import natural, positive
from tinyc.errors import DoesNotFit, UsageError

if TYPE_CHECKING:
    from tinyc.nas import PlanReport
    from tinyc.nas.outcome import Evaluator, Outcome
    from tinyc.nas.report import Budget
    from tinyc.nas.search import Progress
    from tinyc.nas.spaces import Space

HELP = "search for networks that fit"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    jobs = parser.add_subparsers(dest="job", metavar="JOB", required=True)
    _plan_arguments(jobs.add_parser("plan", help="plan one network of a space", allow_abbrev=False))
    _select_arguments(jobs.add_parser("select", help="choose resolution and width", allow_abbrev=False))
    _search_arguments(jobs.add_parser("search", help="evolve networks under the budget", allow_abbrev=False))


def _common(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", default=argparse.SUPPRESS, help="print one JSON object")
    parser.add_argument("--space", metavar="S", default="cnn", help="space, or module:name of your own (default: cnn)")
    parser.add_argument("--target", metavar="T", required=True, help="core, board, or path of your own .toml")
    parser.add_argument("--sram", metavar="BYTES", type=positive, help="budget of SRAM (default: the board's)")
    parser.add_argument("--flash", metavar="BYTES", type=positive, help="budget of flash (default: the board's)")
    parser.add_argument("--macs", metavar="N", type=positive, help="budget of multiply-accumulates")
    parser.add_argument("--instructions", metavar="N", type=positive, help="budget of estimated instructions")
    parser.add_argument("--objective", choices=("sram", "speed", "balanced"), default="sram",
                        help="as of build (default: sram)")
    parser.add_argument("--input", choices=("stored", "stream"), default="stored",
                        help="as of build (default: stored)")
    parser.add_argument("--library", choices=("stand-in", "cmsis-nn"), default="stand-in",
                        help="the CMSIS-NN whose code counts: the one that tinyc ships, or Arm's (default: stand-in)")
    parser.add_argument("--seed", metavar="N", type=natural, default=0, help="of everything random (default: 0)")


def _plan_arguments(parser: argparse.ArgumentParser) -> None:
    _common(parser)
    parser.add_argument("--spec", metavar="JSON", help="the network, as search prints it (default: a sample by --seed)")


def _select_arguments(parser: argparse.ArgumentParser) -> None:
    _common(parser)
    parser.add_argument("--cells", metavar="A,B", help="cells of the grid, such as w0.5-r144 (default: all)")
    parser.add_argument("--samples", metavar="N", type=positive, default=50, help="networks per cell (default: 50)")
    parser.add_argument("--rank", choices=("p80", "mean"), default="p80", help="MACs of those that fit (default: p80)")
    parser.add_argument("--min-share", metavar="X", type=float, default=0.5,
                        help="share of a cell's networks that must fit; 0 as in the paper (default: 0.5)")
    parser.add_argument("--workers", metavar="N", type=positive, default=1, help="processes (default: 1)")
    parser.add_argument("--svg", metavar="FILE", type=Path, help="write a picture of the grid there")


def _search_arguments(parser: argparse.ArgumentParser) -> None:
    _common(parser)
    parser.add_argument("--generations", metavar="N", type=positive, default=20, help="(default: 20)")
    parser.add_argument("--population", metavar="N", type=positive, default=50, help="(default: 50)")
    parser.add_argument("--tries", metavar="N", type=positive, default=2000,
                        help="proposals in a row that do not fit before the search gives up (default: 2000)")
    parser.add_argument("--goals", metavar="A,B", default="",
                        help="figures to keep small beside the score (sram, flash, macs, instructions): a front")
    parser.add_argument("--score", metavar="MODULE:NAME", default="tinyc.nas.outcome:most_macs",
                        help="function of spec and report, more is better (default: the MACs of the network)")
    parser.add_argument("--workers", metavar="N", type=positive, default=1, help="processes (default: 1)")
    parser.add_argument("--checkpoint", metavar="FILE", type=Path, help="kept up to date; a killed search resumes")
    parser.add_argument("--svg", metavar="FILE", type=Path, help="write a picture of the front there")


def run(args: argparse.Namespace, console: Console) -> Answer:
    return {"plan": _plan, "select": _select, "search": _search}[args.job](args, console)


def _plan(args: argparse.Namespace, console: Console) -> Answer:
    from random import Random

    evaluator = _evaluator(args)
    space = evaluator.space
    spec = space.from_json(args.spec) if args.spec else space.sample(Random(args.seed))
    report = evaluator.plan(spec)
    data = {"spec": json.loads(space.to_json(spec))} | report.describe()
    lines = [Line(space.to_json(spec)), *_figures(report)]
    missed = [v for v in report.violations if v.value > 0]
    told = [f"{v.figure} {v.need:,} exceeds {v.limit:,} by {v.value:,}: {v.hint}" for v in missed]
    return Answer(data, lines, DoesNotFit("\n".join(told)) if told else None)


def _figures(report: PlanReport) -> list[Line | str]:
    proof = "the least possible" if report.optimal else f"lower bound {report.lower_bound:,}"
    flash = report.flash
    return [
        f"  SRAM {report.sram:,} bytes ({proof}; scratch {report.scratch:,}), peak at {report.peak_operator}",
        f"  flash {flash.total:,} bytes: weights {flash.weights:,}, tables {flash.tables:,}, code about {flash.code:,}",
        f"  {report.macs:,} MACs, about {report.instructions:,} instructions, {report.segments} segments",
    ]


def _select(args: argparse.Namespace, console: Console) -> Answer:
    from tinyc.nas.pictures import selection_svg
    from tinyc.nas.select import select_space

    evaluator = _evaluator(args)
    cells = _cells(evaluator.space, args.cells)
    with console.step(f"{len(cells)} cells of {args.samples} networks"), _executor(args.workers) as executor:
        found = select_space(
            cells, evaluator, samples=args.samples, seed=args.seed, min_share=args.min_share, rank=args.rank,
            executor=executor,
        )
    _write(args.svg, selection_svg(found))
    rows = [(name, f"{share:.0%}", *(f"{m / 1e6:.1f}" for m in macs)) for name, share, *macs in found.table()]
    head = ("cell", "fit", "p50 MMACs", "p80 MMACs", "mean MMACs")
    data = {
        "chosen": found.chosen.name, "by_rank_alone": found.by_rank_alone.name, "explanation": found.explanation,
        "cells": [{"name": n, "share": s, "p50": a, "p80": b, "mean": c} for n, s, a, b, c in found.table()],
    }
    return Answer(data, [*table(head, rows), found.explanation])


def _cells(space: Space[Any], names: str | None) -> dict[str, Space[Any]]:
    if not hasattr(space, "cells"):
        raise UsageError(f"the space {space.name!r} has no grid of cells; give it a method `cells`, or take another")
    cells = space.cells()
    wanted = names.split(",") if names else list(cells)
    unknown = [name for name in wanted if name not in cells]
    if unknown:
        raise UsageError(f"there is no cell {unknown[0]!r}; there are: {', '.join(cells)}")
    return {name: cells[name] for name in wanted}


def _search(args: argparse.Namespace, console: Console) -> Answer:
    from tinyc.nas.evolution import Settings
    from tinyc.nas.pictures import front_svg
    from tinyc.nas.search import search

    evaluator = _evaluator(args, args.score)
    goals = tuple(name for name in args.goals.split(",") if name)
    half = args.population // 2
    settings = Settings(args.population, args.population - half, half, goals=goals, tries=args.tries)
    with _executor(args.workers) as executor:
        found = search(
            evaluator.space, evaluator.score, evaluator.budget, target=args.target, objective=args.objective,
            input=args.input, library=args.library, generations=args.generations, settings=settings, seed=args.seed,
            executor=executor, checkpoint=args.checkpoint, progress=lambda p: console.note(_told(p)),
        )
    _write(args.svg, front_svg(found.front, found.outcomes))
    rows = [(f"{o.score:.4g}", *o.figures.values(), evaluator.space.to_json(o.spec)) for o in found.front]
    data = {
        "best": _outcome(found.best), "front": [_outcome(o) for o in found.front], "plans": len(found.outcomes),
        "feasible": sum(o.feasible for o in found.outcomes), "generations": found.generations,
    }
    best = Line(f"best: {found.best.score:.4g} {evaluator.space.to_json(found.best.spec)}", "bold")
    return Answer(data, [*table(("score", *found.best.figures, "network"), rows), best])


def _told(progress: Progress[Any]) -> str:
    return (
        f"generation {progress.generation}: best {progress.best.score:.4g}, {progress.plans:,} plans, "
        f"{progress.feasible_share:.0%} feasible, {progress.plans_per_second:.1f} plans/s"
    )


def _outcome(outcome: Outcome[Any]) -> dict[str, Any]:
    data = outcome.to_data()
    return {"spec": data["spec"], "score": data["score"], **data["figures"]}


# ---------------------------------------------------------------------- arguments
def _evaluator(args: argparse.Namespace, score: str = "tinyc.nas.outcome:most_macs") -> Evaluator[Any]:
    from tinyc import targets
    from tinyc.nas.outcome import Evaluator

    targets.load(args.target)
    return Evaluator(
        _space(args.space), _named(score), args.target, _budget(args), args.objective, args.input, args.library
    )


def _budget(args: argparse.Namespace) -> Budget:
    from tinyc.nas.report import Budget

    return Budget(args.sram, args.flash, args.macs, args.instructions)


def _space(name: str) -> Space[Any]:
    from tinyc.nas.spaces import Space, find_space

    if ":" not in name:
        return find_space(name)
    found = _named(name)
    space = found() if isinstance(found, type) else found
    if not isinstance(space, Space):
        raise UsageError(f"{name} is no search space: expected a class derived from tinyc.nas.spaces.Space")
    return space


def _named(text: str) -> Any:
    """The object that module:name names."""
    module, _, name = text.partition(":")
    try:
        return getattr(import_module(module), name)
    except (ImportError, AttributeError, ValueError) as error:
        raise UsageError(f"cannot find {text!r} ({error}). Expected module:name, importable from here.") from error


@contextmanager
def _executor(workers: int) -> Iterator[Executor | None]:
    from tinyc.nas.workers import Workers

    with Workers(workers) if workers > 1 else nullcontext() as executor:
        yield executor


def _write(path: Path | None, text: str) -> None:
    if path is None:
        return
    try:
        path.write_text(text, encoding="utf-8", newline="\n")
    except OSError as error:
        why = error.strerror or error
        raise UsageError(f"cannot write {path}: {why}. Name a file in a folder that exists.") from error
