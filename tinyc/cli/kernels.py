"""List the kernels, by the operator that they serve; with MODEL, each operator's, what they cost and why not."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tinyc.cli.console import Answer, Console, table
from tinyc.cli.figures import fallback_lines
from tinyc.cli.options import add_compilation, add_target, compile_model
from tinyc.cli.passes import first_sentence

if TYPE_CHECKING:
    from tinyc.program.kernel import Kernel

HELP = "list kernels, or what each would cost in a model"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("model", metavar="MODEL", type=Path, nargs="?", help="show this model's operators and kernels")
    add_target(parser, required=False)
    add_compilation(parser)


def run(args: argparse.Namespace, console: Console) -> Answer:
    return _of_model(args, console) if args.model else _all()


def _all() -> Answer:
    import tinyc.kernels  # noqa: F401  registers ours
    from tinyc.program.kernel import KERNELS

    rows = [_describe(kernel, KERNELS.owner(kernel.name)) for kernel in KERNELS.values()]
    rows.sort(key=lambda row: (row["operators"], row["name"]))
    cells = [(", ".join(row["operators"]), row["name"], row["owner"], row["summary"]) for row in rows]
    return Answer({"kernels": rows}, table(("operators", "name", "from", "does"), cells))


def _describe(kernel: Kernel, owner: str) -> dict[str, Any]:
    """A kernel that is declared for a base class serves every operator derived from it."""
    from tinyc.ir.operator import operators

    served = sorted(name for name, op in operators().items() if issubclass(op, kernel.op))
    return {
        "name": kernel.name,
        "provider": kernel.provider,
        "operators": served,
        "owner": owner,
        "summary": first_sentence(type(kernel).__doc__),
    }


def _of_model(args: argparse.Namespace, console: Console) -> Answer:
    """Per operator the kernel chosen, then the others: what each is estimated to cost, or why it does not serve."""
    from tinyc.report.summary import fell_back, operator_table

    compiled = compile_model(args, console)
    keys = ("name", "operator", "kernel", "estimated_instructions", "alternatives")
    rows = [{key: row[key] for key in keys} for row in operator_table(compiled)]
    cells = []
    for row in rows:
        cells.append((row["name"], row["kernel"], f"{row['estimated_instructions']:,}", "<- chosen"))
        cells += [("", other["kernel"], *_estimate(other)) for other in row["alternatives"]]
    others = fell_back(compiled)
    data = {"model": compiled.imported.name, "target": compiled.target.name, "operators": rows, "fell_back": others}
    head = ("operator", "kernel", "instructions (estimated)", "")
    return Answer(data, [*table(head, cells), *fallback_lines(others)])


def _estimate(other: dict[str, Any]) -> tuple[str, str]:
    served = other["refusal"] is None
    return (f"{other['estimated_instructions']:,}", "") if served else ("-", str(other["refusal"]))
