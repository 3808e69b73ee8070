"""List the cores and boards that can be compiled for; other packages' included."""

from __future__ import annotations

import argparse

from tinyc.cli.console import Answer, Console, table

HELP = "list cores and boards"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """No arguments of its own."""


def run(args: argparse.Namespace, console: Console) -> Answer:
    from tinyc.targets import describe

    rows = describe()
    head = ("name", "core", "SIMD", "SRAM bytes", "flash bytes", "from", "description")
    cells = [
        (
            row["name"],
            row["core"],
            row["simd"],
            _size(row["sram_bytes"]),
            _size(row["flash_bytes"]),
            row["owner"],
            row["description"],
        )
        for row in rows
    ]
    return Answer({"targets": list(rows)}, table(head, cells))


def _size(value: object) -> str:
    return f"{value:,}" if isinstance(value, int) else "-"
