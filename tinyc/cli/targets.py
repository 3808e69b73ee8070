"""List the cores and boards that can be compiled for; other packages' included."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Mapping
from typing import Any

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
    banks = [(row["name"], _banks(row["memories"])) for row in rows if row["memories"]]
    lines = [*table(head, cells), "", *table(("board", "banks, the fastest first"), banks)]
    return Answer({"targets": list(rows)}, lines)


def _banks(memories: Any) -> str:
    """What --memory and --weights-in can name."""
    banks: Iterable[Mapping[str, Any]] = sorted(memories, key=lambda bank: bank["speed"])
    return ", ".join(f"{bank['name']} {_short(bank['bytes'])}" for bank in banks)

def _short(bytes: int) -> str:
    for unit, size in (("G", 1 << 30), ("M", 1 << 20), ("K", 1 << 10)):
        if bytes % size == 0:
            return f"{bytes // size}{unit}"
    return f"{bytes}"


def _size(value: object) -> str:
    return f"{value:,}" if isinstance(value, int) else "-"
