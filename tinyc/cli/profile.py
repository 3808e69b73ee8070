"""Count executed instructions per operator on the emulated core, stack and code size included."""

from __future__ import annotations

import argparse
from time import perf_counter
from typing import TYPE_CHECKING, Any

from tinyc.cli.console import Answer, Console, Line, table
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


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_model(parser)
    add_target(parser, required=True)
    add_cmsis_nn(parser)
    add_compilation(parser)


def run(args: argparse.Namespace, console: Console) -> Answer:
    from tinyc.verification import execute, make_samples

    started = perf_counter()
    cmsis_nn = cmsis_nn_folder(args)
    compiled = compile_model(args, console)
    with console.step(f"counting instructions on the emulated {compiled.target.core}"):
        result = execute(compiled, make_samples(compiled, 1), on="emulator", cmsis_nn=cmsis_nn, profile=True)
    data = _data(compiled, result) | {
        "cmsis_nn": None if cmsis_nn is None else str(cmsis_nn),
        "seconds": round(perf_counter() - started, 3),
    }
    return Answer(data, _lines(data))


def _data(compiled: Compiled, result: RunResult) -> dict[str, Any]:
    from tinyc.report.operators import executed

    counts = result.operators or ()
    operators = [
        {"name": found.name, "kernel": found.kernel, "macs": found.macs, "instructions": count}
        for found, count in zip(executed(compiled.program), counts, strict=True)
    ]
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
        "operators": operators,
        "note": result.note,
    }


def _lines(data: dict[str, Any]) -> list[Line | str]:
    rate = "" if data["instructions_per_mac"] is None else f", {data['instructions_per_mac']:.2f} per MAC"
    share = 100 / max(1, data["instructions"])
    rows = [
        (o["name"], o["kernel"], o["macs"], o["instructions"], f"{share * o['instructions']:.1f} %")
        for o in data["operators"]
    ]
    provider = "CMSIS-NN at " + data["cmsis_nn"] if data["cmsis_nn"] else "the portable stand-in for CMSIS-NN"
    return [
        Line(f"{data['model']} on {data['target']}: {data['instructions']:,} instructions{rate}", "bold"),
        f"  stack {data['stack_bytes']:,} | code {data['text_bytes']:,} | "
        f"constants {data['rodata_bytes']:,} | arena {data['arena_bytes']:,} bytes | {provider}",
        *([f"  note: {data['note']}"] if data["note"] else []),
        *table(("operator", "kernel", "MACs", "instructions", "share"), rows),
    ]
