"""The picture of the arena over time and the report page: geometry against the plan, words, markup, determinism."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tinyc
from tests.cli.models import LARGE, RESIDUAL, STREAMED
from tests.conftest import ROOT
from tests.support.graphs import graphs
from tests.support.passes import read
from tinyc.compiler import Compiled, Options, compile_graph
from tinyc.ir.graph import Graph
from tinyc.ir.types import DType, Quant, TensorType
from tinyc.program.lifetimes import lifetimes
from tinyc.report import MemoryMap, full_report, memory_map, memory_svg, report_page
from tinyc.report.markup import shorten
from tinyc.report.memory_map import peak_sentences, role
from tinyc.report.operators import executed

SVG = "{http://www.w3.org/2000/svg}"
VOID = {"meta", "rect", "line", "path", "td"}
HOSTILE = "</text><script>alert('1')</script> & \"x\" \x00\x1b\u202e\ud800"


def built(text: str, **options: object) -> Compiled:
    return compile_graph(read(text), "cortex-m7", Options(**options))  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def residual() -> Compiled:
    return built(RESIDUAL)


@pytest.fixture(scope="module")
def streamed() -> Compiled:
    return built(STREAMED, objective="sram", input_mode="stream")


def page_of(compiled: Compiled) -> str:
    return report_page(compiled, compiled.project())


# ---------------------------------------------------------------------- reading a picture
def parsed(memory: MemoryMap) -> ET.Element:
    return ET.fromstring(memory_svg(memory))


def of_class(root: ET.Element, name: str) -> list[ET.Element]:
    return [e for e in root.iter() if name in e.get("class", "").split()]


def figure(element: ET.Element, key: str) -> float:
    return float(element.attrib[key])


def words(root: ET.Element) -> str:
    return " ".join("".join(e.itertext()) for e in root.iter(f"{SVG}text"))


def boxes(root: ET.Element) -> dict[str, ET.Element]:
    found = {e.attrib["data-buffer"]: e for e in root.iter() if "data-buffer" in e.attrib}
    assert len(found) == sum("data-buffer" in e.attrib for e in root.iter())
    return found


def check_geometry(compiled: Compiled) -> None:
    """Every buffer's rectangle against the plan, by the axes that are drawn."""
    root, plan, program = parsed(memory_map(compiled)), compiled.plan, compiled.program
    (axis,), (arena,) = of_class(root, "axis"), of_class(root, "arena")
    zero, top = figure(axis, "y1"), figure(arena, "y1")
    left, right = figure(axis, "x1"), figure(axis, "x2")
    operators = [len(list(filter(lambda o, n=n: o.step == n, executed(program)))) for n in range(len(program.body))]
    column, pixel = (right - left) / sum(operators), (zero - top) / plan.arena_bytes
    found, lives = boxes(root), lifetimes(program)
    assert found.keys() == lives.keys() == plan.offsets.keys()
    for name, (first, last) in lives.items():
        box, size = found[name], program.buffers[name].bytes
        assert figure(box, "x") == pytest.approx(left + column * sum(operators[:first]), abs=0.1)
        assert figure(box, "width") == pytest.approx(column * sum(operators[first : last + 1]), abs=0.1)
        assert figure(box, "height") == pytest.approx(pixel * size, abs=0.1)
        assert zero - figure(box, "y") == pytest.approx(pixel * (plan.offsets[name] + size), abs=0.1)


# ---------------------------------------------------------------------- the picture
def test_every_buffer_lies_where_the_plan_put_it(residual: Compiled, streamed: Compiled) -> None:
    check_geometry(residual)
    check_geometry(streamed)


@settings(max_examples=25)
@given(graphs(max_nodes=8), st.sampled_from(["sram", "speed"]))
def test_any_network_is_drawn(graph: Graph, objective: str) -> None:
    compiled = compile_graph(graph, "cortex-m4", Options(objective=objective))  # type: ignore[arg-type]
    check_geometry(compiled)
    check_html(page_of(compiled))


def test_kinds_have_their_own_look(streamed: Compiled) -> None:
    found = {name: box.attrib["class"] for name, box in boxes(parsed(memory_map(streamed))).items()}
    for name, buffer in streamed.program.buffers.items():
        kinds = {"input": buffer.is_input, "output": buffer.is_output, "scratch": buffer.is_scratch}
        for kind, holds in (kinds | {"state": buffer.is_state}).items():
            assert (kind in found[name].split()) == holds
    assert "box line" in found.values() and "box state" in found.values()
    text = memory_svg(memory_map(streamed))
    assert ".scratch{fill:url(#tinyc-hatch)}" in text and 'id="tinyc-hatch"' in text
    assert re.search(r"\.box\{fill-opacity:0?\.\d+", text)  # overlaps show


def test_a_segment_is_a_band_as_wide_as_its_operators(streamed: Compiled) -> None:
    root = parsed(memory_map(streamed))
    (axis,), (edge,) = of_class(root, "axis"), of_class(root, "band-edge")
    share = len(streamed.schedule.segments[0]) / len(executed(streamed.program))
    across = figure(axis, "x2") - figure(axis, "x1")
    assert figure(edge, "x2") - figure(edge, "x1") == pytest.approx(share * across, abs=1.5)
    assert "streamed input" in words(root)
    assert not of_class(parsed(memory_map(built(STREAMED, objective="speed"))), "band-edge")


def test_lines_for_arena_bound_and_limit(residual: Compiled) -> None:
    memory = memory_map(residual)
    assert memory.optimal and "arena = lower bound" in words(parsed(memory))
    assert not of_class(parsed(memory), "limit") and not of_class(parsed(memory), "bound")
    loose = replace(memory, lower_bound_bytes=memory.arena_bytes // 2, optimal=False)
    tight = replace(loose, limit_bytes=memory.arena_bytes * 5 // 4, target="board")
    root = parsed(tight)
    (axis,), (arena,), (bound,), (limit,) = (of_class(root, name) for name in ("axis", "arena", "bound", "limit"))
    height = figure(axis, "y1") - figure(arena, "y1")
    assert figure(axis, "y1") - figure(bound, "y1") == pytest.approx(height / 2, abs=1)
    assert figure(axis, "y1") - figure(limit, "y1") == pytest.approx(height * 5 / 4, abs=1)
    assert "SRAM of board" in words(root) and "lower bound" in words(root)
    far = replace(memory, limit_bytes=100 * memory.arena_bytes)
    assert not of_class(parsed(far), "limit")


def test_the_peak_is_marked_and_explained(residual: Compiled) -> None:
    memory = memory_map(residual)
    data = full_report(residual, residual.project())
    assert memory.peak is not None
    step = memory.steps[memory.peak]
    assert (step.title, step.live_bytes) == (data["peak"]["operator"], data["peak"]["live_bytes"])
    text = words(parsed(memory))
    assert f"peak, {step.live_bytes:,} bytes live at step {memory.peak}" in text
    for tensor in data["peak"]["live"][:4]:
        assert f"{tensor['name']} {tensor['bytes']:,}" in text
    assert f"The arena takes {memory.arena_bytes:,} bytes" in text
    (bar,) = [e for e in parsed(memory).iter(f"{SVG}rect") if e.get("class") == "at-peak"]
    assert f"{step.live_bytes:,} bytes are live" in bar[0].text  # type: ignore[operator]


def test_why_buffers_are_live(residual: Compiled, streamed: Compiled) -> None:
    memory = memory_map(residual)
    why = {b.label: role(memory, b, 0) for b in memory.live(0)}
    assert why["image"] == "read here, and needed again" and why["conv"] == "written here"
    waiting = replace(memory.live(0)[0], kind="activation", touched=(0, 2), first=0, last=2)
    assert role(memory, waiting, 1) == f"waits for {memory.steps[2].title}"
    assert role(memory, replace(waiting, touched=(0,)), 1) == "kept for the caller"
    lines = memory_map(streamed)
    why = {b.kind: role(lines, b, 0) for b in lines.live(0)}
    assert re.fullmatch(r"line buffer, \d+ of 16 rows", why["line"])
    assert why["state"] == "kept from one push of rows to the next"


def test_sentences_add_up(residual: Compiled) -> None:
    memory = memory_map(residual)
    _, live, arena = peak_sentences(replace(memory, arena_bytes=memory.arena_bytes + 48, optimal=False))
    assert f"the lower bound is {memory.lower_bound_bytes:,}" in arena
    slack = memory.arena_bytes + 48 - memory.steps[memory.peak or 0].live_bytes
    assert f"{slack:,} more for alignment and gaps" in arena
    twice = replace(memory, buffers=(*memory.buffers, *memory.live(memory.peak or 0)))
    assert "of these are shared" in peak_sentences(twice)[1] and "shared" not in live


def test_a_network_without_operators() -> None:
    graph = Graph("wire")
    graph.outputs = [graph.add_input("x", TensorType((1, 4), DType.int8, Quant.per_tensor(1.0, 0)))]
    compiled = compile_graph(graph, "cortex-m4")
    memory = replace(memory_map(compiled), steps=())
    root = parsed(memory)
    assert "Nothing runs" in words(root) and len(boxes(root)) == len(memory.buffers)


# ---------------------------------------------------------------------- markup
class Reader(HTMLParser):
    """Checks that elements are closed in the order in which they were opened; collects texts and tags."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.open.append(tag)
        self.tags.append((tag, dict(attrs)))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in VOID, tag  # HTML reads <p/> as an opened paragraph
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def check_html(page: str) -> Reader:
    reader = Reader()
    reader.feed(page)
    reader.close()
    assert reader.open == []
    assert not {"script", "link", "img", "iframe"} & {tag for tag, _ in reader.tags}
    assert "http" not in page and "src=" not in page and "@import" not in page
    assert not re.search(r"url\((?!#tinyc-hatch\))", page)
    return reader


def test_page_has_all_figures(streamed: Compiled) -> None:
    project = streamed.project()
    data = full_report(streamed, project)
    text = check_html(report_page(streamed, project)).text
    for row in data["operator_table"]:
        assert row["name"] in text and row["kernel"] in text
        assert f"{row['macs']:,}" in text and f"{row['estimated_instructions']:,}" in text
    sizes = [data[key] for key in ("arena_bytes", "macs", "estimated_instructions")]
    for size in (*sizes, project.weights_bytes, project.tables_bytes):
        assert f"{size:,}" in text
    assert "a segment, operators 0 to 2 run together row by row" in text and "as the caller pushes" in text
    assert "Live at the peak: step 0" in text and "moving rows and taking turns in segments" in text


def test_estimates_are_those_of_the_kernels(residual: Compiled, streamed: Compiled) -> None:
    calls = list(residual.program.calls())
    rows = full_report(residual, residual.project())["operator_table"]
    assert [row["estimated_instructions"] for row in rows] == [
        round(call.kernel.cost(call.site, residual.target)) for call in calls
    ]
    for operator in executed(streamed.program):  # row by row: as many calls as the output has rows
        assert sum(count for count, _ in operator.runs) == 16


def test_names_from_a_model_stay_text(residual: Compiled) -> None:
    memory = memory_map(residual)
    buffers = tuple(replace(b, label=HOSTILE) for b in memory.buffers)
    steps = tuple(replace(s, operators=(HOSTILE,)) for s in memory.steps)
    hostile = replace(memory, model=HOSTILE, target=HOSTILE, buffers=buffers, steps=steps)
    picture = memory_svg(hostile)
    picture.encode("utf-8")
    root = ET.fromstring(picture)
    assert not list(root.iter(f"{SVG}script")) and "<script" not in picture
    assert "</text><script>alert" in "".join(root.itertext())
    graph = read(RESIDUAL)
    graph.name = HOSTILE
    for node in graph.nodes:
        node.name = HOSTILE
    page = page_of(compile_graph(graph, "cortex-m4", Options(name="net")))
    page.encode("utf-8")
    assert "</text><script>alert('1')" in check_html(page).text


def test_beyond_the_limit_is_red() -> None:
    compiled = compile_graph(read(LARGE), "stm32f746")
    assert page_of(compiled).count('class="over"') == 1
    root = parsed(memory_map(compiled))
    (arena,), (limit,) = of_class(root, "arena"), of_class(root, "limit")
    assert figure(limit, "y1") > figure(arena, "y1")  # y grows downwards
    assert page_of(compile_graph(read(RESIDUAL), "stm32f746")).count('class="over"') == 0


@given(st.text(max_size=60), st.integers(2, 40))
def test_shortened_names_keep_both_ends(name: str, longest: int) -> None:
    short = shorten(name, longest)
    assert short == name if len(name) <= longest else len(short) == longest
    if short != name and "…" not in name:
        head, tail = short.split("…")
        assert name.startswith(head) and name.endswith(tail)


def test_dark_screens_and_paper(residual: Compiled) -> None:
    picture, page = memory_svg(memory_map(residual)), page_of(residual)
    for text in (picture, page):
        assert "@media screen and (prefers-color-scheme:dark)" in text  # so paper keeps the light colours
    assert "@media print" in page
    dark = picture.split("prefers-color-scheme:dark){")[1].split("</style>")[0]
    light = picture.split("@media")[0]
    rule = re.compile(r"(\.tinyc-memory [.\w-]+)\{(?:fill|stroke):(#\w+)\}")
    assert dict(rule.findall(dark)).keys() == dict(rule.findall(light)).keys() >= {".tinyc-memory .ground"}
    assert dict(rule.findall(dark))[".tinyc-memory text"] != dict(rule.findall(light))[".tinyc-memory text"]


# ---------------------------------------------------------------------- files
SCRIPT = "import sys, tinyc; c = tinyc.compile(sys.argv[1]); from tinyc.report import report_page; \
sys.stdout.buffer.write(report_page(c, c.project()).encode())"


def test_equal_inputs_give_equal_pages() -> None:
    model = ROOT / "docs" / "example" / "digits.tflite"
    pages = [
        subprocess.run([sys.executable, "-c", SCRIPT, str(model)], cwd=ROOT, check=True, capture_output=True,
                       env={**os.environ, "PYTHONHASHSEED": seed}).stdout
        for seed in ("1", "2")
    ]
    assert pages[0] == pages[1] and len(pages[0]) > 10_000
    assert str(ROOT).encode() not in pages[0]


def test_mobilenet_is_small_enough_to_mail(shared_models: Path) -> None:
    compiled = tinyc.compile(shared_models / "mobilenet_v2_1.0_224.tflite", objective="sram", time_limit=0.2)
    page = page_of(compiled)
    assert len(page.encode()) < 300_000
    check_html(page)
    check_geometry(compiled)
