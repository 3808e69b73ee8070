"""Compile a model into a C project, and show where SRAM and flash go."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tinyc.cli.console import Answer, Console, Line
from tinyc.cli.options import add_cmsis_nn, add_compilation, add_model, add_target, cmsis_nn_folder, compile_model
from tinyc.errors import UsageError

if TYPE_CHECKING:
    from tinyc.compiler import Compiled

HELP = "compile a model into a C project"
LIVE_SHOWN = 5


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_model(parser)
    add_target(parser, required=True)
    parser.add_argument("-o", "--output", metavar="DIR", type=Path, help="output folder (default: ./MODEL_TARGET)")
    parser.add_argument("--force", action="store_true", help="replace what an earlier build wrote into the output folder")
    parser.add_argument("--name", metavar="NAME", help="prefix of the C functions (default: the model's name)")
    add_cmsis_nn(parser)
    add_compilation(parser)


def run(args: argparse.Namespace, console: Console) -> Answer:
    from tinyc import targets
    from tinyc.output import check_folder, write_folder
    from tinyc.report import does_not_fit, output_files, summary

    _check_name(args.name)
    folder = args.output or Path(f"{args.model.stem}_{targets.load(args.target).name}")
    check_folder(folder, force=args.force)
    cmsis_nn = cmsis_nn_folder(args)
    compiled = compile_model(args, console)
    project = compiled.project()
    data = summary(compiled, project) | {"seconds": round(compiled.seconds, 3)}
    failure = does_not_fit(compiled, project)
    if failure is not None:
        return Answer(data, headline(compiled, data), failure)
    files = output_files(compiled, project, cmsis_nn=cmsis_nn)
    write_folder(folder, files, force=args.force)
    written = {"output": str(folder), "files": sorted(files), "cmsis_nn": None if cmsis_nn is None else str(cmsis_nn)}
    return Answer(data | written, [*headline(compiled, data), _files_line(folder, files)])


def _check_name(name: str | None) -> None:
    from tinyc.codegen.text import identifier

    if name is not None and identifier(name) != name:
        raise UsageError(f"--name {name!r} is no prefix for C functions; use letters a-z, digits and _, such as {identifier(name)}")


def headline(compiled: Compiled, data: dict[str, Any]) -> list[Line | str]:
    """Three lines: what became of the operators, where SRAM and flash go, what is live at the peak."""
    title = f"{data['model']}  {data['operators_in_model']} operators -> {data['operators']} after {len(data['passes'])} passes"
    machine = data["target"] if data["target"] == data["core"] else f"{data['core']} {data['target']}"
    flash = data["flash"]
    return [
        Line(f"{title}  {data['seconds']:.1f} s", "bold"),
        f"  {machine}   SRAM {_of(data['arena_bytes'], data['sram_bytes'])} ({verdict(data)})   "
        f"flash {_of(flash['weights'] + flash['tables'], data['flash_bytes'])} (weights {flash['weights']:,}, "
        f"tables {flash['tables']:,}, code apart)",
        *([f"  peak at {peak_text(data['peak'])}"] if data["peak"] else []),
    ]


def verdict(data: dict[str, Any]) -> str:
    """Whether the arena is proven smallest, else how far the lower bound is."""
    if data["optimal"]:
        return "optimal"
    gap = data["arena_bytes"] - data["lower_bound_bytes"]
    return f"{gap:,} above the lower bound of {data['lower_bound_bytes']:,}"


def peak_text(peak: dict[str, Any]) -> str:
    """The operator where the most is live, and what that is."""
    live = [f"{tensor['name']} {tensor['bytes']:,}" for tensor in peak["live"]]
    more = [f"{len(live) - LIVE_SHOWN} more"] if len(live) > LIVE_SHOWN else []
    return f"{peak['operator']}: {' | '.join([*live[:LIVE_SHOWN], *more])}"


def _of(used: int, limit: int | None) -> str:
    return f"{used:,}" if limit is None else f"{used:,} of {limit:,}"


def _files_line(folder: Path, files: dict[str, str]) -> str:
    own = sorted(name for name in files if "/" not in name)
    folders = sorted({name.split("/")[0] + "/" for name in files if "/" in name})
    return f"  {folder}/  {' '.join([*own, *folders])}"
