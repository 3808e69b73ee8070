"""List the kernels, by the operator that they serve; other packages' included."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from tinyc.cli.console import Answer, Console, table
from tinyc.cli.passes import first_sentence

if TYPE_CHECKING:
    from tinyc.program.kernel import Kernel

HELP = "list kernels"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """No arguments of its own."""


def run(args: argparse.Namespace, console: Console) -> Answer:
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
