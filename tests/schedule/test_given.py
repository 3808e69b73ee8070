"""schedule.json: written by a build, edited by a person, given back."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.support.images import Images
from tinyc import ops
from tinyc.compiler import Compiled, Options, compile_graph
from tinyc.errors import UsageError
from tinyc.ir.graph import Graph
from tinyc.ir.interpreter import evaluate
from tinyc.program.interpreter import execute
from tinyc.program.kernel import candidates
from tinyc.program.lower import one_image
from tinyc.schedule import Schedule


def network() -> Graph:
    """Worth streaming: wide in the middle; its end is seen through a view."""
    net = Images(5, (16, 8, 4))
    net.conv(1, (1, 1), (1, 1), (0, 0, 0, 0), 24)
    net.depthwise(3, (1, 1), (1, 1, 1, 1))
    net.conv(1, (1, 1), (1, 1), (0, 0, 0, 0), 4)
    net.emit(ops.Reshape((1, 512)), [net.last], net.last.type.quant)
    net.graph.outputs = [net.last]
    return net.graph


@pytest.fixture
def streamed() -> Compiled:
    compiled = compile_graph(network(), "cortex-m4", Options(objective="sram"))
    assert compiled.schedule.segments
    return compiled


def written(compiled: Compiled, folder: Path) -> dict[str, Any]:
    compiled.write(folder)
    return json.loads((folder / "schedule.json").read_text(encoding="utf-8"))


def given_back(compiled: Compiled, data: dict[str, Any]) -> Compiled:
    schedule = Schedule.from_json(json.dumps(data))
    again = compile_graph(compiled.imported, compiled.target.name, Options(schedule=schedule))
    assert again.schedule == schedule
    inputs = [np.random.default_rng(1).integers(-128, 128, (1, 16, 8, 4)).astype(np.int8)]
    got = execute(again.program, again.plan.offsets, again.plan.arena_bytes, inputs)
    np.testing.assert_array_equal(got, evaluate(compiled.imported, inputs))
    return again


def test_unchanged_it_gives_the_same_build(streamed: Compiled, tmp_path: Path) -> None:
    again = given_back(streamed, written(streamed, tmp_path))
    again.write(tmp_path / "again")
    files = [p.relative_to(tmp_path / "again") for p in (tmp_path / "again").rglob("*") if p.is_file()]
    different = {str(f) for f in files if (tmp_path / f).read_bytes() != (tmp_path / "again" / f).read_bytes()}
    assert different <= {"report.json", "report.html", "manifest.json"}  # these tell the objective and the search


def test_without_a_segment(streamed: Compiled, tmp_path: Path) -> None:
    again = given_back(streamed, written(streamed, tmp_path) | {"segments": []})
    assert again.plan.arena_bytes > streamed.plan.arena_bytes


def test_with_another_kernel(tmp_path: Path) -> None:
    compiled = compile_graph(network(), "cortex-m4")
    data = written(compiled, tmp_path)
    node = next(n for n in compiled.graph.nodes if isinstance(n.op, ops.DepthwiseConv2D))
    site, _ = one_image(node)
    others = [k.name for k in candidates(site) if k.refuses(site, compiled.target) is None]
    other = next(name for name in others if name != data["kernels"][node.output.name])
    data["kernels"][node.output.name] = other
    assert other in {call.kernel.name for call in given_back(compiled, data).program.calls()}


def test_an_order_that_cannot_be_executed_is_refused(streamed: Compiled) -> None:
    names = streamed.schedule.order
    wrong = replace(streamed.schedule, order=names[::-1], segments=())
    with pytest.raises(UsageError, match="the order of the schedule cannot be executed: .* would run before"):
        compile_graph(streamed.imported, "cortex-m4", Options(schedule=wrong))
