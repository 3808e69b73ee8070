"""Patches with recomputed halos as points of the search."""

from __future__ import annotations

from pathlib import Path

from tests.support.forms import check_arena, samples
from tests.support.networks import Net
from tinyc.cli import main
from tinyc.compiler import Options, compile_graph
from tinyc.ir.graph import Graph
from tinyc.schedule.patches import patches
from tinyc.targets import load


def wide() -> Graph:
    """A small image, and line buffers of many channels over its whole width: strips need a part of them."""
    net = Net(9, (48, 48, 1))
    net.convolve(32, 3)
    net.spatial(7)
    net.convolve(4, 5, 4)
    return net.done()


def test_strips_are_taken_where_the_overhead_allows_them() -> None:
    exact, repeating = (
        compile_graph(wide(), "cortex-m4", Options(objective="sram", max_mac_overhead=most)) for most in (0.1, 0.6)
    )
    assert not exact.schedule.passes
    assert [text.partition("{")[0] for text in repeating.schedule.passes] == ["split-patches"]
    assert repeating.plan.arena_bytes < 0.8 * exact.plan.arena_bytes
    assert exact.graph.macs < repeating.graph.macs <= 1.6 * exact.graph.macs
    check_arena(repeating, samples(repeating.imported, 3))


def test_what_exceeds_the_overhead_is_left_out() -> None:
    graph = compile_graph(wide(), "cortex-m4", Options(objective="speed")).graph
    allowed = patches(graph, load("cortex-m4"), 1.6 * graph.macs)
    assert allowed and not patches(graph, load("cortex-m4"), 1.01 * graph.macs)


def test_plan_says_where_no_patches_help(capsys: object) -> None:
    model = Path(__file__).parents[2] / "docs" / "example" / "digits.tflite"
    assert main(["plan", str(model), "--target", "cortex-m4", "--objective", "sram", "--max-mac-overhead", "0.3"]) == 0
    assert "no plan that repeats up to 30% of the MACs" in capsys.readouterr().out  # type: ignore[attr-defined]
