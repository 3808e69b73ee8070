"""Build a model, run it, and compare every output with its reference: TensorFlow Lite Micro, or onnxruntime."""

from __future__ import annotations

import argparse
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING

from tinyc.cli.console import Answer, Console, Line, table
from tinyc.cli.figures import fallback_lines
from tinyc.cli.options import (
    add_cmsis_nn,
    add_compilation,
    add_model,
    add_target,
    cmsis_nn_folder,
    compile_model,
    natural,
    positive,
)

if TYPE_CHECKING:
    from tinyc.compiler import Compiled
    from tinyc.verification import Verification
    from tinyc.verification.engine import ByDesign
    from tinyc.verification.layers import Layer
    from tinyc.verification.samples import Sample

HELP = "build, run, and compare with the reference"
SAMPLES = 20


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_model(parser)
    add_target(parser, required=False)
    parser.add_argument(
        "--on",
        choices=("host", "emulator"),
        default="host",
        help="host: this machine, with sanitizers; emulator: the target's core in QEMU (default: host)",
    )
    parser.add_argument(
        "-n",
        "--samples",
        metavar="N",
        type=positive,
        help=f"number of inputs (default: {SAMPLES}, or all of --inputs)",
    )
    parser.add_argument("--seed", metavar="S", type=natural, default=0, help="seed of the random inputs (default: 0)")
    parser.add_argument(
        "--inputs", metavar="X.npz", type=Path, help="compare on these inputs instead of generated ones"
    )
    parser.add_argument(
        "--per-layer", action="store_true", help="compare every operator, and name the first that differs"
    )
    add_cmsis_nn(parser)
    add_compilation(parser)


def run(args: argparse.Namespace, console: Console) -> Answer:
    from tinyc.verification import verify

    started = perf_counter()
    cmsis_nn = cmsis_nn_folder(args)
    compiled = compile_model(args, console)
    samples = _samples(args, compiled)
    with console.step(f"comparing {len(samples)} inputs on the {args.on}"):
        found = verify(compiled, samples, on=args.on, per_layer=args.per_layer, cmsis_nn=cmsis_nn)
    data = {
        "model": compiled.imported.name,
        "target": compiled.target.name,
        **found.to_dict(),
        "arena_bytes": compiled.plan.arena_bytes,
        "total_bytes": compiled.plan.total_bytes,
        "cmsis_nn": None if cmsis_nn is None else str(cmsis_nn),
        "seconds": round(perf_counter() - started, 3),
    }
    return Answer(data, _lines(compiled, found), found.failure)


def _samples(args: argparse.Namespace, compiled: Compiled) -> list[Sample]:
    from tinyc.verification import load_samples, make_samples

    if args.inputs is not None:
        return load_samples(compiled, args.inputs, args.samples)
    return make_samples(compiled, args.samples or SAMPLES, args.seed)


def _lines(compiled: Compiled, found: Verification) -> list[Line | str]:
    from tinyc.report.summary import fell_back

    total = found.found
    agree = "all equal" if not total.unequal else f"{total.unequal:,} differ, by up to {total.max_abs_diff}"
    if total.unequal and found.tolerance:
        agree += f" ({total.mismatches:,} by more than the {found.tolerance} codes allowed)"
    place = "host, with sanitizers" if found.on == "host" else f"emulated {compiled.target.core}"
    lines: list[Line | str] = [
        Line(f"{compiled.imported.name}  {total.compared:,} outputs of {found.samples} inputs: {agree}", "bold"),
        f"  reference {found.reference} | on {place} | init refuses one byte less, canaries around "
        f"{' and '.join(f'{region.bytes:,}' for region in compiled.plan.regions)} bytes intact",
    ]
    notes = [f"  note: {found.note}"] if found.note else []
    if found.by_design is not None:
        lines.append(f"  {_by_design(found.by_design)}")
    return [*lines, *notes, *fallback_lines(fell_back(compiled)), *_layer_table(found)]


def _by_design(distance: ByDesign) -> str:
    """How far a network is from its model file, in words."""
    found, passes = distance.found, " and ".join(distance.passes)
    differ = f"{found.unequal:,} of {found.compared:,} outputs differ, by up to {found.max_abs_diff}"
    how_far = f"{differ}, by design" if found.unequal else "all equal"
    return f"against {distance.reference}: {how_far}: {passes} changes numbers"


def _layer_table(found: Verification) -> list[Line | str]:
    rows = [(layer.operator, layer.kernel, _layer(layer)) for layer in found.layers or ()]
    return table(("operator", "kernel", "against the reference"), rows)


def _layer(layer: Layer) -> str:
    if layer.found is None:
        return "streamed, never whole" if layer.tensor else "not in the model file"
    wrong, all_ = layer.found.unequal, layer.found.compared
    return f"{wrong:,} of {all_:,} differ, by up to {layer.found.max_abs_diff}" if wrong else "equal"
