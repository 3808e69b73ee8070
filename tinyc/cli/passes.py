"""List the graph passes, the default ones in the order in which they run; other packages' included."""

from __future__ import annotations

import argparse
from dataclasses import fields
from typing import TYPE_CHECKING, Any

from tinyc.cli.console import Answer, Console, table

if TYPE_CHECKING:
    from tinyc.ir.transform import Pass

HELP = "list graph passes"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """No arguments of its own."""


def run(args: argparse.Namespace, console: Console) -> Answer:
    from tinyc.ir.transform import PASSES
    from tinyc.passes import DEFAULT_PIPELINE

    order = [p.name for p in DEFAULT_PIPELINE]
    rows = [_describe(PASSES.get(name), PASSES.owner(name), order) for name in PASSES]
    rows.sort(key=lambda row: (row["default_steps"] or [len(order)], row["name"]))
    cells = [
        (
            row["name"],
            ", ".join(map(str, row["default_steps"])) or "-",
            row["opt_level"],
            ", ".join(f"{k}={v}" for k, v in row["options"].items()) or "-",
            row["owner"],
            row["summary"],
        )
        for row in rows
    ]
    data = {"passes": rows, "default_pipeline": [str(p) for p in DEFAULT_PIPELINE]}
    return Answer(data, table(("name", "steps", "level", "options", "from", "does"), cells))


def _describe(cls: type[Pass], owner: str, order: list[str]) -> dict[str, Any]:
    options = {f.name: str(f.default) for f in fields(cls)}
    return {
        "name": cls.name,
        "opt_level": cls.opt_level,
        "default_steps": [i for i, name in enumerate(order, 1) if name == cls.name],
        "options": options,
        "owner": owner,
        "changes_numbers": cls.changes_numbers,
        "summary": first_sentence(cls.__doc__),
    }


def first_sentence(doc: str | None) -> str:
    """The first sentence of a docstring."""
    paragraph = " ".join((doc or "").strip().split("\n\n")[0].split())
    return paragraph.partition(". ")[0].removesuffix(".")
