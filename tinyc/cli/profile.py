"""Count executed instructions per operator on the emulated core, by class; stack and code size included."""

from __future__ import annotations

import argparse
from time import perf_counter
from typing import TYPE_CHECKING, Any

from tinyc.cli.console import Answer, Console, Line, table
from tinyc.cli.figures import fallback_lines
from tinyc.cli.options import (
    add_cmsis_nn,
    add_compilation,
    add_model,
    add_target,
    cmsis_nn_folder,
    compile_model,
)

if TYPE_CHECKING:
    from tinyc.compiler import Compiled
    from tinyc.simulate import RunResult

HELP = "count instructions per operator on the emulated core"
LEVELS = ("1", "2", "3", "s")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_model(parser)
    add_target(parser, required=True)
    parser.add_argument(
        "--optimize", metavar="LEVEL", choices=LEVELS, default="3",
        help="the C compiler's level: 3 for speed, s for size, 1 or 2 (default: 3)",
    )  # fmt: skip
    add_cmsis_nn(parser)
    add_compilation(parser)


def run(args: argparse.Namespace, console: Console) -> Answer:
    from tinyc.verification import execute, make_samples

    started = perf_counter()
    cmsis_nn = cmsis_nn_folder(args)
    compiled = compile_model(args, console)
    level = f"-O{args.optimize}"
    with console.step(f"counting instructions on the emulated {compiled.target.core}"):
        samples = make_samples(compiled, 1)
        result = execute(compiled, samples, on="emulator", cmsis_nn=cmsis_nn, profile=True, optimize=level)
    data = _data(compiled, result) | {
        "optimize": level,
        "cmsis_nn": None if cmsis_nn is None else str(cmsis_nn),
        "seconds": round(perf_counter() - started, 3),
    }
    return Answer(data, _lines(data))


def _data(compiled: Compiled, result: RunResult) -> dict[str, Any]:
    from tinyc.report.summary import fell_back

    instructions, macs = result.instructions or 0, compiled.graph.macs
    return {
        "model": compiled.imported.name,
        "target": compiled.target.name,
        "core": compiled.target.core,
        "instructions": instructions,
        "macs": macs,
        "instructions_per_mac": round(instructions / macs, 4) if macs else None,
        "stack_bytes": result.stack_bytes,
        "text_bytes": result.text_bytes,
        "rodata_bytes": result.rodata_bytes,
        "ram_bytes": result.ram_bytes,
        "arena_bytes": compiled.plan.arena_bytes,
        "total_bytes": compiled.plan.total_bytes,
        "operators": _operators(compiled, result),
        "code": _code(compiled, result),
        "fell_back": fell_back(compiled),
        "note": result.note,
    }


def _operators(compiled: Compiled, result: RunResult) -> list[dict[str, Any]]:
    from tinyc.report.operators import executed
    from tinyc.report.summary import alternatives

    measured = zip(executed(compiled.program), result.operators or (), result.classes or (), strict=True)
    return [
        {
            "name": found.name,
            "kernel": found.kernel,
            "macs": found.macs,
            "instructions": count,
            "classes": dict(classes),
            "estimated_instructions": found.instructions(compiled.target),
            "alternatives": alternatives(found, compiled),
        }
        for found, count, classes in measured
    ]


def _code(compiled: Compiled, result: RunResult) -> list[dict[str, Any]]:
    """Bytes by source, and which of the kernels in use bring that source."""
    users: dict[str, set[str]] = {}
    for kernel in {call.kernel for call in compiled.program.calls()}:
        for source in kernel.sources:
            users.setdefault(f"kernels/{source.rpartition('/')[2]}", set()).add(kernel.name)
    return [
        {
            "source": part.source,
            "kernels": sorted(users.get(part.source, ())),
            "text_bytes": part.text_bytes,
            "rodata_bytes": part.rodata_bytes,
        }
        for part in result.code
    ]


def _lines(data: dict[str, Any]) -> list[Line | str]:
    rate = "" if data["instructions_per_mac"] is None else f", {data['instructions_per_mac']:.2f} per MAC"
    provider = "CMSIS-NN at " + data["cmsis_nn"] if data["cmsis_nn"] else "the portable stand-in for CMSIS-NN"
    level = "" if data["optimize"] == "-O3" else f" | {data['optimize']}"
    return [
        Line(f"{data['model']} on {data['target']}: {data['instructions']:,} instructions{rate}", "bold"),
        f"  stack {data['stack_bytes']:,} | code {data['text_bytes']:,} | "
        f"constants {data['rodata_bytes']:,} | arena {data['total_bytes']:,} bytes | {provider}{level}",
        *([f"  note: {data['note']}"] if data["note"] else []),
        *fallback_lines(data["fell_back"]),
        *_operator_table(data),
        "",
        *_code_table(data),
    ]


def _operator_table(data: dict[str, Any]) -> list[Line | str]:
    """A row per operator: its share of all instructions, and the shares of each class in its own."""
    from tinyc.simulate.trace import CLASSES

    rows = [
        (o["name"], o["kernel"], o["macs"], o["instructions"], _share(o["instructions"], data["instructions"]),
         *(_share(o["classes"][kind], o["instructions"]) for kind in CLASSES))
        for o in data["operators"]
    ]
    return table(("operator", "kernel", "MACs", "instructions", "share", *CLASSES), rows)


def _share(part: int, whole: int) -> str:
    return f"{100 * part / max(1, whole):5.1f} %"


def _code_table(data: dict[str, Any]) -> list[Line | str]:
    rows = [(p["source"], p["text_bytes"], p["rodata_bytes"], ", ".join(p["kernels"])) for p in data["code"]]
    return table(("source", "code", "constants", "kernels"), rows)
