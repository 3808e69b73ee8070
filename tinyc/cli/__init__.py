"""The command line: one module per command, loaded cheaply; docs/command-line.md describes them.

A command module offers `HELP`, `add_arguments(parser)` and `run(args, console) -> Answer`.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from types import ModuleType
from typing import NoReturn

from tinyc.cli.console import Console
from tinyc.errors import TinycError, UsageError

COMMANDS = ("build", "plan", "verify", "profile", "inspect", "quantize", "nas", "targets", "passes", "kernels")
EXIT_CODES = (
    "exit codes: 0 ok, 1 internal error, 2 usage, 3 model invalid or unsupported, 4 does not fit, "
    "5 mismatch, 6 toolchain missing"
)


class InternalError(TinycError):
    """A defect of tinyc, in one sentence."""


class Parser(argparse.ArgumentParser):
    """argparse, whose complaints are ours."""

    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message}. {self.format_usage().strip()}")


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code. `argv` is without the program's name."""
    words = sys.argv[1:] if argv is None else list(argv)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")  # a name that the terminal cannot spell is no reason to fail
    console = Console(json="--json" in words)
    try:
        code = _run(words, console)
        sys.stdout.flush()
        return code
    except BrokenPipeError:  # the reader (head, less) has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except KeyboardInterrupt:
        console.note("tinyc: interrupted")
        return 130


def _run(words: Sequence[str], console: Console) -> int:
    try:
        args = parser().parse_args(words)
        return console.answer(command(args.command).run(args, console))
    except TinycError as error:
        return console.error(error)
    except (BrokenPipeError, KeyboardInterrupt):
        raise
    except Exception as error:
        return console.error(InternalError(_internal(error)))


def _internal(error: Exception) -> str:
    import traceback

    if os.environ.get("TINYC_DEBUG"):
        return "internal error\n" + "".join(traceback.format_exception(error)).rstrip()
    where = traceback.extract_tb(error.__traceback__)[-1]
    said = f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"
    return (
        f"internal error, a defect of tinyc ({said}, in {os.path.basename(where.filename)} line "
        f"{where.lineno}). Run again with TINYC_DEBUG=1 in the environment for the traceback, and report it "
        "with the model."
    )


def parser() -> Parser:
    """The whole command line."""
    from tinyc import __version__

    top = Parser(
        prog="tinyc",
        description="Compiles neural networks for Arm Cortex-M.",
        epilog=EXIT_CODES,
        allow_abbrev=False,
    )
    top.add_argument("--version", action="version", version=f"tinyc {__version__}")
    commands = top.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name in COMMANDS:
        module = command(name)
        sub = commands.add_parser(
            name, help=module.HELP, description=module.__doc__, epilog=EXIT_CODES, allow_abbrev=False
        )
        sub.add_argument("--json", action="store_true", help="print one JSON object on standard output")
        module.add_arguments(sub)
    return top


def command(name: str) -> ModuleType:
    """The module of a command."""
    return import_module(f"tinyc.cli.{name}")
