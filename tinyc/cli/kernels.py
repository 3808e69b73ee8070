"""List the kernels, by the operator that they serve; other packages' included."""

from __future__ import annotations

import argparse
from typing import Any

from tinyc.cli.console import Answer, Console, table
from tinyc.cli.passes import first_sentence

HELP = "list kernels"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """No arguments of its own."""


def run(args: argparse.Namespace, console: Console) -> Answer:
    import tinyc.kernels  # noqa: F401  registers ours
    from tinyc.program.kernel import KERNELS

    rows: list[dict[str, Any]] = [
        {
            "name": kernel.name,
            "provider": kernel.provider,
            "operator": kernel.op.name,
            "owner": KERNELS.owner(kernel.name),
            "summary": first_sentence(type(kernel).__doc__),
        }
        for kernel in KERNELS.values()
    ]
    rows.sort(key=lambda row: (row["operator"], row["name"]))
    cells = [(row["operator"], row["name"], row["owner"], row["summary"]) for row in rows]
    return Answer({"kernels": rows}, table(("operator", "name", "from", "does"), cells))
