"""Quantise a float ONNX model to int8 with onnxruntime's quantiser, and show what it costs in accuracy."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING

from tinyc.cli.console import Answer, Console, Line, table
from tinyc.cli.options import add_model
from tinyc.errors import ModelError

if TYPE_CHECKING:
    from tinyc.quantization import OutputError, QuantizedModel

HELP = "quantise a float ONNX model to int8"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_model(parser)
    parser.add_argument(
        "--calibrate", metavar="DATA", type=Path, required=True,
        help="typical inputs as float32: an .npz file with an array per input, samples along the first axis, or a "
        "folder of .npy files",
    )  # fmt: skip
    parser.add_argument("--check", metavar="DATA", type=Path, help="measure the error on these inputs instead")
    parser.add_argument(
        "-o", "--output", metavar="OUT.onnx", type=Path, help="the file to write (default: ./MODEL_int8.onnx)"
    )
    parser.add_argument("--force", action="store_true", help="replace the output file where it exists")
    parser.add_argument(
        "--method", choices=("minmax", "percentile", "entropy"), default="minmax",
        help="range of an activation: all that was seen, all but rare outliers, or least loss of information "
        "(default: minmax)",
    )  # fmt: skip
    parser.add_argument(
        "--per-channel", action=argparse.BooleanOptionalAction, default=True,
        help="a scale per output channel of the weights (default), or one for all",
    )  # fmt: skip
    parser.add_argument(
        "--activations", choices=("int8", "uint8"), default="int8", help="element type of activations (default: int8)"
    )
    parser.add_argument(
        "--no-preprocess", action="store_true", help="leave out onnxruntime's folding and simplifying before it"
    )


def run(args: argparse.Namespace, console: Console) -> Answer:
    from tinyc.quantization import QuantizeOptions, check_output, quantize, read_samples

    started = perf_counter()
    output: Path = args.output or Path(f"{args.model.stem}_int8.onnx")
    check_output(output, force=args.force)
    options = QuantizeOptions(args.method, args.per_channel, args.activations, not args.no_preprocess)
    data = read_samples(args.calibrate)
    check = None if args.check is None else read_samples(args.check)
    with console.step(f"quantising {args.model.name}"):
        found = quantize(args.model, data, options, check=check)
    found.save(output, force=args.force)
    report = {
        "model": args.model.stem,
        "output": str(output),
        "bytes": len(found.model),
        **asdict(options),
        "calibrated": found.calibrated,
        "compared": found.compared,
        "outputs": [asdict(error) for error in found.outputs],
        "supported": not found.problems,
        "seconds": round(perf_counter() - started, 3),
    }
    return Answer(report, _lines(output, found), _refusal(output, found))


def _refusal(output: Path, found: QuantizedModel) -> ModelError | None:
    if not found.problems:
        return None
    return ModelError([f"{output} was written, but `tinyc build` refuses it:", *found.problems])


def _lines(output: Path, found: QuantizedModel) -> list[Line | str]:
    head = f"{output}  {len(found.model):,} bytes; ranges from {found.calibrated} samples"
    return [
        Line(head, "bold"),
        f"  against the float model, on {found.compared} samples:",
        *table(("output", "max error", "mean error", "SQNR", "same top 1"), [_row(error) for error in found.outputs]),
    ]


def _row(error: OutputError) -> tuple[str, ...]:
    return (
        error.name,
        f"{error.max_abs_error:.4g}",
        f"{error.mean_abs_error:.4g}",
        "-" if error.sqnr_db is None else f"{error.sqnr_db:.1f} dB",
        "-" if error.top1_agreement is None else f"{error.top1_agreement:.1%}",
    )
