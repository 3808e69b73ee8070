"""Compile a model into a C project, and show where SRAM and flash go."""

from __future__ import annotations

import argparse
from pathlib import Path

from tinyc.cli.console import Answer, Console
from tinyc.cli.figures import headline
from tinyc.cli.options import (
    add_cmsis_nn,
    add_compilation,
    add_model,
    add_target,
    cmsis_nn_folder,
    compile_model,
)
from tinyc.errors import UsageError

HELP = "compile a model into a C project"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_model(parser)
    add_target(parser, required=True)
    parser.add_argument("-o", "--output", metavar="DIR", type=Path, help="output folder (default: ./MODEL_TARGET)")
    parser.add_argument(
        "--force", action="store_true", help="replace what an earlier build wrote into the output folder"
    )
    parser.add_argument("--name", metavar="NAME", help="prefix of the C functions (default: the model's name)")
    parser.add_argument(
        "--profile", action="store_true", help="also write C that counts every operator's cycles on the board, as CSV"
    )
    add_cmsis_nn(parser)
    add_compilation(parser)


def run(args: argparse.Namespace, console: Console) -> Answer:
    from tinyc import targets
    from tinyc.output import check_folder, write_folder
    from tinyc.report import does_not_fit, output_files, summarise

    _check_name(args.name)
    folder = args.output or Path(f"{args.model.stem}_{targets.load(args.target).name}")
    check_folder(folder, force=args.force)
    cmsis_nn = cmsis_nn_folder(args)
    compiled = compile_model(args, console)
    project = compiled.project()
    data = summarise(compiled, project) | {"seconds": round(compiled.seconds, 3)}
    failure = does_not_fit(compiled, project)
    if failure is not None:
        return Answer(data, headline(data), failure)
    files = output_files(compiled, project, cmsis_nn=cmsis_nn)
    write_folder(folder, files, force=args.force)
    written = {
        "output": str(folder),
        "files": sorted(files),
        "cmsis_nn": None if cmsis_nn is None else str(cmsis_nn),
    }
    return Answer(data | written, [*headline(data), _files_line(folder, files)])


def _check_name(name: str | None) -> None:
    from tinyc.codegen.text import identifier

    if name is not None and identifier(name) != name:
        raise UsageError(
            f"--name {name!r} is no prefix for C functions; use letters a-z, digits and _, such as {identifier(name)}"
        )


def _files_line(folder: Path, files: dict[str, str]) -> str:
    own = sorted(name for name in files if "/" not in name)
    folders = sorted({name.split("/")[0] + "/" for name in files if "/" in name})
    return f"  {folder}/  {' '.join([*own, *folders])}"
