"""Show the memory plan alone: what is live at every operator, the peak, and the least possible."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tinyc.cli.console import Answer, Console, Line, table
from tinyc.cli.figures import headline, verdict
from tinyc.cli.options import add_compilation, add_model, add_target, compile_model
from tinyc.errors import UsageError

if TYPE_CHECKING:
    from tinyc.codegen import CProject
    from tinyc.compiler import Compiled

HELP = "show the memory plan of a model"
BAR = 30  # characters of a full arena


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_model(parser)
    add_target(parser, required=True)
    parser.add_argument(
        "--graph", metavar="FILE", type=Path, help="also write the graph as text there, as scheduled, with its segments"
    )
    parser.add_argument("--html", metavar="FILE", type=Path, help="also write the report page, memory over time, there")
    parser.add_argument("--svg", metavar="FILE", type=Path, help="also write the picture of memory over time there")
    add_compilation(parser)


def run(args: argparse.Namespace, console: Console) -> Answer:
    from tinyc.report import does_not_fit, front, full_report

    compiled = compile_model(args, console)
    project = compiled.project()
    with console.step("what less SRAM costs"):
        points = front(compiled)
    data = full_report(compiled, project) | {"front": points, "seconds": round(compiled.seconds, 3)}
    pictures = _write_files(args, compiled, project)
    lines = [*headline(data), *_timeline(data), _bounds(data), *_front(data), *_patches(data, args), *pictures]
    return Answer(data, lines, does_not_fit(compiled, project))


def _timeline(data: dict[str, Any]) -> list[Line | str]:
    """A row per step, with a bar as long as the bytes that are live."""
    arena = max(1, data["total_bytes"])
    peak = data["peak"]["live_bytes"] if data["peak"] else 0
    rows = [
        (
            number,
            step["operator"],
            step["live_bytes"],
            "#" * round(BAR * step["live_bytes"] / arena) + (" <- peak" if step["live_bytes"] == peak else ""),
        )
        for number, step in enumerate(data["timeline"])
    ]
    return table(("step", "operator", "live bytes", ""), rows)


def _bounds(data: dict[str, Any]) -> str:
    return (
        f"  arena {data['arena_bytes']:,} ({verdict(data)}) | lower bound {data['lower_bound_bytes']:,} | "
        f"activations alone {data['max_live_bytes']:,} | largest scratch {data['scratch_bytes']:,}"
    )


def _front(data: dict[str, Any]) -> list[Line | str]:
    """What less SRAM costs: a row per schedule that no other beats."""
    rows = [
        (
            point["arena_bytes"],
            f"{point['instructions']:,} ({point['instructions'] / max(1, data['front'][0]['instructions']) - 1:+.1%})",
            f"{point['mac_overhead']:.1%}",
            point["segments"],
            "<- this plan" if point["chosen"] else "",
        )
        for point in data["front"]
    ]
    return table(("arena bytes", "estimated instructions", "MACs repeated", "segments", ""), rows)


def _patches(data: dict[str, Any], args: argparse.Namespace) -> Iterator[str]:
    """Where patches with recomputed halos were tried in vain, a sentence that says so."""
    from tinyc.schedule.patches import LEAST_OVERHEAD

    tried = args.objective == "sram" and args.max_mac_overhead >= LEAST_OVERHEAD
    if tried and not any(point["mac_overhead"] > 0 for point in data["front"]):
        yield f"  no plan that repeats up to {args.max_mac_overhead:.0%} of the MACs needs less SRAM than these"


def _write_files(args: argparse.Namespace, compiled: Compiled, project: CProject) -> Iterator[str]:
    """Write the graph, the page and the picture where they are asked for; a line for each."""
    from tinyc.ir.text import print_graph
    from tinyc.report import memory_map, memory_svg, report_page

    if args.graph:
        yield _write(args.graph, print_graph(compiled.segmented, weights=False))
    if args.html:
        yield _write(args.html, report_page(compiled, project))
    if args.svg:
        yield _write(args.svg, memory_svg(memory_map(compiled)) + "\n")


def _write(path: Path, text: str) -> str:
    try:
        path.write_text(text, encoding="utf-8", newline="\n")
    except OSError as error:
        why = error.strerror or error
        raise UsageError(f"cannot write {path}: {why}. Name a file in a folder that exists.") from error
    return f"  wrote {path}"
