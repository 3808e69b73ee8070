"""Arguments that several commands share, and what they become."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING

from tinyc.errors import DoesNotFit, UsageError

if TYPE_CHECKING:
    from tinyc.cli.console import Console
    from tinyc.compiler import Compiled, Options
    from tinyc.ir.transform import PrintIR
    from tinyc.schedule import Schedule

DEFAULT_TARGET = "cortex-m7"


def add_model(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("model", metavar="MODEL", type=Path, help="the model file")


def add_target(parser: argparse.ArgumentParser, *, required: bool) -> None:
    default = "" if required else f" (default: {DEFAULT_TARGET})"
    parser.add_argument(
        "--target",
        metavar="T",
        required=required,
        default=None if required else DEFAULT_TARGET,
        help=f"core, board, or path of your own .toml; `tinyc targets` lists them{default}",
    )


def add_compilation(parser: argparse.ArgumentParser) -> None:
    """The options that decide how a model is compiled."""
    group = parser.add_argument_group("compilation")
    group.add_argument(
        "--io",
        choices=("int8", "asis"),
        default="int8",
        help="int8: the network's ends are int8 codes; asis: as in the model file (default: int8)",
    )
    group.add_argument(
        "--objective",
        choices=("sram", "speed", "balanced"),
        default="balanced",
        help="sram: the least SRAM; speed: the fewest instructions; balanced: the fastest that fits the "
        "board, which on a bare core is speed (default: balanced)",
    )
    group.add_argument(
        "--input",
        choices=("stored", "stream"),
        default="stored",
        help="stored: the input lies in the arena; stream: the caller pushes its rows (default: stored)",
    )
    group.add_argument(
        "--max-mac-overhead",
        metavar="X",
        type=_fraction,
        default=0.1,
        help="multiply-accumulates that the schedule may repeat, as a fraction; from 0.2 on, patches with recomputed "
        "halos are tried as well (default: 0.1)",
    )
    _add_decisions(group)
    _add_passes(group)


def _add_decisions(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--kernels",
        metavar="K",
        action="append",
        default=[],
        help="auto: the cheapest; cmsis-nn or tinyc: that provider's wherever it has one; OPERATOR=KERNEL: this one; "
        "repeatable, or several with commas (default: auto)",
    )
    group.add_argument(
        "--schedule", metavar="FILE", type=Path, help="keep the decisions of an earlier build's schedule.json"
    )
    group.add_argument(
        "--memory",
        metavar="M",
        default="one",
        help="one: a single arena; auto: spread over the board's banks on the chip; DTCM=64K,AXI_SRAM=300K: over "
        "these, so many bytes of each, the preferred first (default: one)",
    )
    group.add_argument(
        "--weights-in",
        metavar="BANK",
        help="put the constants into a section for this bank of the board; BANK=BYTES: those read most, as far as that "
        "goes (default: where the linker puts constants)",
    )
    group.add_argument(
        "--time-limit",
        metavar="S",
        type=_seconds,
        help="seconds to search for the smallest arena (default: a fixed effort, the same on every machine)",
    )


def _add_passes(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "-p", "--pipeline", metavar="PASSES", help='passes instead of the default ones: "a,b{option=value}"'
    )
    group.add_argument(
        "--disable-pass", metavar="P", action="append", default=[], help="leave this pass out; repeatable"
    )
    group.add_argument(
        "--print-after",
        metavar="PASSES",
        help="show the graph (on standard error) after these passes, or after `all` that change it",
    )


def add_cmsis_nn(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--cmsis-nn",
        metavar="DIR",
        type=Path,
        help="link this copy of Arm's CMSIS-NN, not the portable stand-in (default: $CMSIS_NN_DIR where set)",
    )


def cmsis_nn_folder(args: argparse.Namespace) -> Path | None:
    """The copy of CMSIS-NN asked for, by option or environment. Raises UsageError where it is none."""
    from tinyc.simulate.workspace import find_cmsis_nn

    given: Path | None = args.cmsis_nn
    if given is None and os.environ.get("CMSIS_NN_DIR"):
        given = Path(os.environ["CMSIS_NN_DIR"])
    if given is not None:
        find_cmsis_nn(given)
    return given


def compile_model(args: argparse.Namespace, console: Console) -> Compiled:
    """Compile as the command line says. Raises the errors of tinyc.errors."""
    from tinyc import targets
    from tinyc.compiler import compile

    targets.load(args.target)  # a misspelt target is told before a slow model is read
    options = _options(args, console)
    with console.step(f"compiling {args.model.name} for {args.target}"):
        compiled = compile(args.model, args.target, options)
    _check_overhead(compiled, args.max_mac_overhead)
    return compiled


def _check_overhead(compiled: Compiled, limit: float) -> None:
    from tinyc.report.summary import mac_overhead

    overhead = mac_overhead(compiled)
    if overhead > limit:
        raise DoesNotFit(
            f"the schedule of {compiled.name} repeats {overhead:.1%} of the network's multiply-accumulates, "
            f"but --max-mac-overhead allows {limit:.1%}. Allow more, or change the schedule."
        )


def _options(args: argparse.Namespace, console: Console) -> Options:
    from tinyc.compiler import Options
    from tinyc.ir.transform import parse_pipeline

    return Options(
        io=args.io,
        objective=args.objective,
        max_mac_overhead=args.max_mac_overhead,
        input_mode=args.input,
        name=getattr(args, "name", None),
        pipeline=None if args.pipeline is None else parse_pipeline(args.pipeline),
        disabled_pass=tuple(args.disable_pass),
        instruments=(_printer(args.print_after, console),) if args.print_after else (),
        schedule=_schedule(args.schedule) if args.schedule else None,
        time_limit=args.time_limit,
        kernels=tuple(args.kernels) or "auto",
        profile=getattr(args, "profile", False),
        memory=args.memory,
        weights_in=args.weights_in,
    )


def _printer(names: str, console: Console) -> PrintIR:
    from tinyc.ir.transform import PrintIR, find_pass

    if names == "all":
        return PrintIR(console.note)
    wanted = frozenset(name.strip() for name in names.split(","))
    for name in wanted:
        find_pass(name)
    return PrintIR(console.note, wanted)


def _schedule(path: Path) -> Schedule:
    from tinyc.schedule import Schedule

    try:
        return Schedule.from_json(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"cannot read the schedule {path}: {getattr(error, 'strerror', None) or error}") from error
    except UsageError as error:
        raise UsageError(f"{path}: {error}") from None


def _seconds(text: str) -> float:
    value = float(text)
    if not 0.0 <= value < float("inf"):
        raise argparse.ArgumentTypeError("expected a number of seconds, 0 or more")
    return value


def _fraction(text: str) -> float:
    value = float(text)
    if not 0.0 <= value < float("inf"):
        raise argparse.ArgumentTypeError("expected a fraction, 0 or more")
    return value


def positive(text: str) -> int:
    """A whole number of 1 or more, for argparse."""
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError("expected a whole number of 1 or more")
    return value


def natural(text: str) -> int:
    """A whole number of 0 or more, for argparse."""
    value = int(text)
    if value < 0:
        raise argparse.ArgumentTypeError("expected a whole number of 0 or more")
    return value
