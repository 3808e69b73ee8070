"""Segments in the Graph: their text, their meaning for every tiling, and what is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.examples import examples
from tests.support.forms import check_arena, samples
from tests.support.images import image_networks, random_segments, token_networks
from tests.support.networks import NETWORKS
from tests.support.passes import assert_same_meaning, check_pass, read
from tinyc.cli import main
from tinyc.compiler import Options, compile_graph
from tinyc.errors import UsageError
from tinyc.ir.access import Elementwise, Window
from tinyc.ir.graph import Graph
from tinyc.ir.interpreter import evaluate
from tinyc.ir.text import TextError, parse_graph, print_graph
from tinyc.ir.transform import parse_pipeline
from tinyc.ir.verifier import InvalidGraph, verify
from tinyc.passes import FormSegments
from tinyc.program.lines import SegmentLines
from tinyc.program.lower import with_segments
from tinyc.program.program import Segment
from tinyc.program.segment import form_segments, inline_segments
from tinyc.schedule import Schedule

MODEL = Path(__file__).parents[2] / "docs" / "example" / "digits.tflite"

WRAPPED = """graph @g {
  %x = input : int8[1,8,6,2] q(0.5;3)
  @w = const : int8[2,3,3,2] q(0.1;0) hex"WEIGHTS"
  @k.1 = const : int8[2,1,1,2] q(0.1;0) hex"01020304"
  %c, %y = segment(%x, @w, @k.1 as @"a/k") {heights=(2, 1, 3)} : int8[1,8,6,2] q(1;0), int8[1,8,6,2] q(2;0) {
    %c = conv2d(%x, @w, none) {padding=(1, 1, 1, 1)} : int8[1,8,6,2] q(1;0) from "a/conv:0" as "conv"
    %"d:0" = conv2d(%c, @"a/k", none) : int8[1,8,6,2] q(1;0)
    %sum = add(%"d:0", %x) : int8[1,8,6,2] q(2;0)
    return %c, %sum
  }
  %z = add(%c, %y) : int8[1,8,6,2] q(2;0)
  return %z, %y
}
""".replace("WEIGHTS", bytes(range(1, 37)).hex())

RESIDUAL = """
    %x = input : int8[1,8,6,2] q(0.5;3)
    @w = const : int8[2,3,3,2] q(0.1;0)
    @k = const : int8[2,1,1,2] q(0.1;0)
    %a = conv2d(%x, @w, none) {padding=(1,1,1,1)} : int8[1,8,6,2] q(1;0)
    %b = conv2d(%a, @k, none) : int8[1,8,6,2] q(1;0)
    %c = conv2d(%b, @w, none) {padding=(1,1,1,1)} : int8[1,8,6,2] q(1;0)
    %d = add(%c, %a) : int8[1,8,6,2] q(2;0)
    %f = reshape(%d) {shape=(1, 96)} : int8[1,96] q(2;0)
    %s = softmax(%f) : int8[1,96] q(0.00390625;-128)
    return %s
"""


# ---------------------------------------------------------------------- text
def test_a_segment_prints_as_it_was_written() -> None:
    graph = parse_graph(WRAPPED)
    verify(graph)
    assert print_graph(graph) == WRAPPED
    assert parse_graph(WRAPPED).nodes[0].op == graph.nodes[0].op != parse_graph(
        WRAPPED.replace('"a/conv:0"', '"another"')
    ).nodes[0].op


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("%sum = add(%\"d:0\", %x)", "%sum = add(%\"d:0\", %z)", r"line 8: 'z' is not defined"),
        ("conv2d(%x, @w, none)", "conv2d(%x, @u, none)", r"line 6: 'u' is not defined"),
        ("(%x, @w, @k.1", "(@w, %x, @k.1", r"line 5: constants must be the last operands"),
        ('@k.1 as @"a/k"', '@k.1 as @w', r"line 5: a body must see every operand under a name of its own"),
        ("    return %c, %sum\n  }\n", "    return %c, %sum\n  } {\n", r"line 10"),
    ],
)
def test_errors_of_a_body_name_the_line(old: str, new: str, message: str) -> None:
    assert old in WRAPPED
    with pytest.raises(TextError, match=message):
        parse_graph(WRAPPED.replace(old, new, 1))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("heights=(2, 1, 3)", "heights=(2, 1)", r"expected a height for each of 3 operators, got \(2, 1\)"),
        ("heights=(2, 1, 3)", "heights=(2, 0, 3)", r"expected heights of 1 row or more"),
        ("return %c, %sum", "return %sum, %sum", "must have results, each of them once"),
        ("return %c, %sum", "return %x, %sum", "passes 'x' on and does not make it"),
        ("q(1;0), int8[1,8,6,2] q(2;0) {", "q(1;0), int8[1,8,6,2] q(3;0) {", "makes 'sum' as .* and the result is"),
        ("%sum = add(%\"d:0\", %x) :", "%sum = softmax(%x) :", "in its body, softmax 'sum'"),
        ("%sum = add(%\"d:0\", %x) : int8[1,8,6,2] q(2;0)",
         "%r = reshape(%x) {shape=(1, 8, 6, 2)} : int8[1,8,6,2] q(0.5;3)\n%sum = add(%r, %x) : int8[1,8,6,2] q(2;0)",
         "expected a height for each of 4 operators"),
        (" {heights=(2, 1, 3)} : int8[1,8,6,2] q(1;0), int8[1,8,6,2] q(2;0) {", """
         : int8[1,8,6,2] q(1;0), int8[1,8,6,2] q(2;0) {
         %r = reshape(%x) {shape=(1, 8, 6, 2)} : int8[1,8,6,2] q(0.5;3)""",
         "reshape 'r' cannot be part of a segment: it reads no input row by row"),
    ],
)
def test_the_verifier_sees_what_is_wrong_with_a_segment(old: str, new: str, message: str) -> None:
    assert old in WRAPPED
    with pytest.raises(InvalidGraph, match=message):
        verify(parse_graph(WRAPPED.replace(old, new, 1)))


def test_constants_are_listed_only_where_the_body_does_not_tell() -> None:
    graph = read(RESIDUAL)
    FormSegments("a", "d").run(graph)
    text = print_graph(graph)
    assert "%d = segment(%x) : " in text and print_graph(parse_graph(text)) == text
    assert [v.name for v in parse_graph(text).nodes[0].inputs if v] == ["x", "w", "k"]
    node = graph.nodes[0]
    graph.replace(node, inputs=[node.input(0), graph.add_constant("u", node.input(1).type, None), node.input(2)])
    text = print_graph(graph)
    assert "%d = segment(%x, @u as @w, @k) : " in text and print_graph(parse_graph(text)) == text


# ---------------------------------------------------------------------- meaning
def check_wrapped(graph: Graph, schedule: Schedule, seed: int) -> None:
    """The graph with its segments means what it meant without, survives its text, and can be undone."""
    wrapped = with_segments(graph, schedule)
    verify(wrapped)
    assert print_graph(parse_graph(print_graph(wrapped))) == print_graph(wrapped)
    for inputs in samples(graph, seed):
        for a, b in zip(evaluate(wrapped, inputs), evaluate(graph, inputs), strict=True):
            np.testing.assert_array_equal(a, b)
    heights = {name: height for name, height in schedule.heights.items() if height > 1}
    assert inline_segments(wrapped) == (schedule.segments, heights)
    verify(wrapped)
    assert sorted(print_graph(wrapped).splitlines()) == sorted(print_graph(graph).splitlines())


@st.composite
def segmented(draw: st.DrawFn) -> tuple[Graph, Schedule]:
    graph = draw(st.one_of(image_networks(), token_networks()))
    return graph, random_segments(draw, graph)


@examples(150)
@given(segmented(), st.integers(0, 2**16))
def test_a_segment_means_what_its_operators_mean(case: tuple[Graph, Schedule], seed: int) -> None:
    check_wrapped(*case, seed)


@pytest.mark.parametrize("name", NETWORKS)
def test_the_segments_that_the_search_chooses_mean_what_the_network_means(name: str) -> None:
    compiled = compile_graph(NETWORKS[name](), "cortex-m4", Options(objective="sram", input_mode="stream"))
    assert compiled.schedule.segments
    for inputs in samples(compiled.imported, 5):
        for a, b in zip(evaluate(compiled.segmented, inputs), evaluate(compiled.imported, inputs), strict=True):
            np.testing.assert_array_equal(a, b)


def test_its_lines_are_those_of_the_program() -> None:
    """One knowledge: the operator's line buffers hold as many rows as those that lowering makes."""
    compiled = compile_graph(NETWORKS["detector"](), "cortex-m4", Options(objective="sram"))
    found = []
    for node in compiled.segmented.nodes:
        if node.op.name == "segment":
            stages = [stage for _, stage in node.op.stages]  # type: ignore[attr-defined]
            found.append(SegmentLines(stages, node.op.body.graph).held)  # type: ignore[attr-defined]
    made = [[line.depth for line in s.lines] for s in compiled.program.body if isinstance(s, Segment)]
    assert found == made and made


@pytest.mark.parametrize("line", range(1, 4))
def test_a_line_that_is_too_shallow_shows(monkeypatch: pytest.MonkeyPatch, line: int) -> None:
    graph = read(RESIDUAL)
    wrapped = graph.copy()
    FormSegments("a", "d").run(wrapped)
    enough = SegmentLines.held
    assert isinstance(enough, property) and enough.fget is not None

    def short(lines: SegmentLines) -> list[int]:
        return [rows - (number == line) for number, rows in enumerate(enough.fget(lines))]

    monkeypatch.setattr(SegmentLines, "held", property(short))
    (inputs, *_) = samples(graph, 1)
    assert not np.array_equal(evaluate(wrapped, inputs)[0], evaluate(graph, inputs)[0])


def test_its_access_map_is_that_of_all_paths() -> None:
    """Two 3x3 windows and the other path of the residual: two rows and columns around; weights are read as inside."""
    graph = read(RESIDUAL)
    FormSegments("a", "d").run(graph)
    node = graph.nodes[0]
    image, w, k = node.access()
    assert image is not None and image.axes[1:3] == (Window(1, 5, 1, 1, 2), Window(2, 5, 1, 1, 2))
    assert k is not None and w is not None and image.axes[0] == Elementwise(0)
    assert node.macs == 8 * 6 * (36 + 4 + 36)


# ---------------------------------------------------------------------- the passes
def test_form_segments_and_inline_segments_are_inverse() -> None:
    check_pass("form-segments{first=b,last=d,rows=3}", RESIDUAL, """
        %x = input : int8[1,8,6,2] q(0.5;3)
        @w = const : int8[2,3,3,2] q(0.1;0)
        @k = const : int8[2,1,1,2] q(0.1;0)
        %a = conv2d(%x, @w, none) {padding=(1,1,1,1)} : int8[1,8,6,2] q(1;0)
        %d = segment(%a) {heights=(3, 3, 3)} : int8[1,8,6,2] q(2;0) {
            %b = conv2d(%a, @k, none) : int8[1,8,6,2] q(1;0) from "b"
            %c = conv2d(%b, @w, none) {padding=(1,1,1,1)} : int8[1,8,6,2] q(1;0) from "c"
            %d = add(%c, %a) : int8[1,8,6,2] q(2;0) from "d"
            return %d
        }
        %f = reshape(%d) {shape=(1, 96)} : int8[1,96] q(2;0)
        %s = softmax(%f) : int8[1,96] q(0.00390625;-128)
        return %s
    """)
    check_pass("form-segments{first=b,last=d,rows=3x1x2},inline-segments", RESIDUAL, RESIDUAL)


@pytest.mark.parametrize(("first", "last"), [("a", "b"), ("a", "c"), ("b", "c"), ("b", "d"), ("c", "d"), ("d", "d")])
def test_a_residual_block_may_be_split_anywhere(first: str, last: str) -> None:
    """The other path is a line buffer, a tensor that is there, or a second result."""
    graph = read(RESIDUAL)
    wrapped = graph.copy()
    FormSegments(first, last, (2,)).run(wrapped)
    verify(wrapped)
    assert_same_meaning(graph, wrapped)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("last=d", "form-segments: first=NAME is no operator of g; the first are: a, b"),
        ("first=a", "form-segments: last=NAME is no operator"),
        ("first=d,last=a", "'a' runs before 'd'; exchange first= and last="),
        ("first=a,last=d,rows=2x2", "a number for each of 4 operators, got rows=2x2"),
        ("first=a,last=d,rows=0", "got rows=0"),
        ("first=c,last=s", "form-segments: a segment with 's' would need 'f' before it is there: that is made outside"),
        ("first=s,last=s", "softmax 's' cannot be part of a segment: only one image of rows and columns"),
    ],
)
def test_what_form_segments_refuses(options: str, message: str) -> None:
    graph = read(RESIDUAL)
    (pass_,) = parse_pipeline(f"form-segments{{{options}}}")
    with pytest.raises(UsageError, match=message):
        pass_.run(graph)
    verify(graph)


def test_a_residual_block_without_its_longer_path_is_refused() -> None:
    """The first convolution and the add, while what lies between runs as a whole and after both."""
    graph = read(RESIDUAL)
    before = print_graph(graph)
    with pytest.raises(UsageError, match="a segment with 'd' would need 'c' before it is there: that is made"):
        form_segments(graph, [("a", "d")], {})
    assert print_graph(graph) == before


# ---------------------------------------------------------------------- in a compilation
@pytest.mark.parametrize("mode", ["stored", "stream"])
def test_a_compilation_keeps_the_segments_that_passes_form(mode: str) -> None:
    passes = parse_pipeline("form-segments{first=a,last=b,rows=2},form-segments{first=c,last=d}")
    graph = read(RESIDUAL)
    compiled = compile_graph(graph, "cortex-m4", Options(pipeline=passes, input_mode=mode))  # type: ignore[arg-type]
    assert compiled.schedule.segments == (("a", "b"), ("c", "d"))
    assert compiled.schedule.heights == {"a": 2, "b": 2}
    assert compiled.program.pushed is not None if mode == "stream" else compiled.program.pushed is None
    check_arena(compiled, samples(graph, 3))
    again = compile_graph(graph, "cortex-m4", Options(pipeline=(), schedule=compiled.schedule))
    assert again.schedule == compiled.schedule


def test_a_schedule_with_other_segments_is_refused() -> None:
    other = Schedule(("a", "b", "c", "d", "f", "s"), {}, (("a", "b"),))
    options = Options(pipeline=parse_pipeline("form-segments{first=a,last=c}"), schedule=other)
    with pytest.raises(UsageError, match="the schedule has other segments than the passes form"):
        compile_graph(read(RESIDUAL), "cortex-m4", options)


def test_plan_writes_the_graph_with_its_segments(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "graph.txt"
    command = ["plan", str(MODEL), "--target", "cortex-m4", "--objective", "sram", "--graph", str(file)]
    assert main(command) == 0
    assert str(file) in capsys.readouterr().out
    graph = parse_graph(file.read_text(encoding="utf-8"))
    verify(graph)
    assert any(node.op.name == "segment" for node in graph.nodes)
