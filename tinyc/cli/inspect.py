"""Show what a model file holds, and everything in it that is not supported, with the reason."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

from tinyc.cli.console import Answer, Console, Line, table
from tinyc.cli.options import add_model
from tinyc.errors import ModelError

if TYPE_CHECKING:
    from tinyc.frontend.tflite.inspection import Inspection, TensorInfo

HELP = "show a model file, and what in it is unsupported and why"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_model(parser)
    parser.add_argument("--tensors", action="store_true", help="list every tensor, not only inputs and outputs")


def run(args: argparse.Namespace, console: Console) -> Answer:
    from tinyc.frontend import inspect, read_model

    found = inspect(read_model(args.model))
    data = {"model": args.model.stem, "supported": found.supported, **asdict(found)}
    data["operators"] = [asdict(op) | {"supported": op.supported} for op in found.operators]
    problems = _problems(found)
    failure = ModelError(problems) if problems else None
    return Answer(data, _lines(args.model.name, found, all_tensors=args.tensors), failure)


def _problems(found: Inspection) -> list[str]:
    """Those of the model as a whole, then those of its operators, each a sentence that names where."""
    return [*found.problems, *(reason for op in found.operators for reason in op.reasons)]


def _lines(name: str, found: Inspection, *, all_tensors: bool) -> list[Line | str]:
    unsupported = sum(not op.supported for op in found.operators)
    verdict = (
        "supported" if found.supported else f"{unsupported} operators unsupported" if unsupported else "unsupported"
    )
    constants = sum(tensor.constant_bytes for tensor in found.tensors)
    operators = [(op.index, op.code, ", ".join(op.outputs), "yes" if op.supported else "NO") for op in found.operators]
    shown = found.tensors if all_tensors else (*found.inputs, *found.outputs)
    return [
        Line(
            f"{name}  {len(found.operators)} operators, {len(found.tensors)} tensors, "
            f"{constants:,} bytes of constants: {verdict}",
            "bold",
        ),
        *_tensors(shown),
        *table(("#", "operator", "output", "supported"), operators),
    ]


def _tensors(tensors: Sequence[TensorInfo]) -> list[Line | str]:
    rows = [(t.name, f"{t.type.lower()}[{','.join(map(str, t.shape))}]", t.scales, t.constant_bytes) for t in tensors]
    return table(("tensor", "type", "scales", "constant bytes"), rows)
