"""decompose-patch-embedding: the graph it makes, its refusals, its integers on random convolutions, and their C."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tests.cli.test_commands import needs_emulator
from tests.program.test_forms import check_arena, check_host, samples
from tests.support.operator_cases import clamp_of
from tests.support.passes import assert_same_meaning, check_pass, read
from tinyc.compiler import Compiled, Options, compile_graph
from tinyc.errors import UsageError
from tinyc.ir.graph import Graph
from tinyc.ir.interpreter import evaluate
from tinyc.ir.transform import parse_pipeline
from tinyc.ir.types import DType, Quant, TensorType
from tinyc.ir.verifier import verify
from tinyc.ops import Conv2D
from tinyc.passes import DecomposePatchEmbedding
from tinyc.program.program import Call, Segment
from tinyc.verification import execute, make_samples
from tinyc.verification.execute import unpack

CONV = """
    %x = input : int8[1,6,8,2] q(0.5;3)
    @w = const : int8[3,3,4,2] q(0.125;0)
    @b = const : int32[3]
    %y = conv2d(%x, @w, @b) {stride=(3,4), clamp=(-100,127)} : int8[1,2,2,3] q(2;-7)
    return %y
"""
PARTS = """
    %x = input : int8[1,6,8,2] q(0.5;3)
    @w0 = const : int8[3,2,3,2] q(0.125;0)
    @w1 = const : int8[3,2,1,2] q(0.125;0)
    @w2 = const : int8[3,1,3,2] q(0.125;0)
    @w3 = const : int8[3,1,1,2] q(0.125;0)
    @b = const : int32[3]
    %s0 = conv2d_sums(%x, @w0) {stride=(3,4), padding=(0,0,-1,-1)} : int32[1,2,2,3] q(0.0625;0)
    %s1 = conv2d_sums(%x, @w1, %s0) {stride=(3,4), padding=(0,-3,-1,0)} : int32[1,2,2,3] q(0.0625;0)
    %s2 = conv2d_sums(%x, @w2, %s1) {stride=(3,4), padding=(-2,0,0,-1)} : int32[1,2,2,3] q(0.0625;0)
    %s3 = conv2d_sums(%x, @w3, %s2) {stride=(3,4), padding=(-2,-3,0,0)} : int32[1,2,2,3] q(0.0625;0)
    %y = requantize_sums(%s3, @b) {clamp=(-100,127)} : int8[1,2,2,3] q(2;-7)
    return %y
"""


def test_parts_of_a_window() -> None:
    check_pass("decompose-patch-embedding{field=2x3}", CONV, PARTS)


def test_a_field_as_wide_as_the_window() -> None:
    tall = CONV.replace("int8[3,3,4,2]", "int8[3,6,4,2]").replace("(3,4)", "(6,4)").replace("[1,2,2,3]", "[1,1,2,3]")
    tall = tall.replace("@w, @b", "@w, none").replace("    @b = const : int32[3]\n", "")
    check_pass("decompose-patch-embedding", tall, """
        %x = input : int8[1,6,8,2] q(0.5;3)
        @w0 = const : int8[3,4,4,2] q(0.125;0)
        @w1 = const : int8[3,2,4,2] q(0.125;0)
        @b = const : int32[3]
        %s0 = conv2d_sums(%x, @w0) {stride=(6,4), padding=(0,0,-2,0)} : int32[1,1,2,3] q(0.0625;0)
        %s1 = conv2d_sums(%x, @w1, %s0) {stride=(6,4), padding=(-4,0,0,0)} : int32[1,1,2,3] q(0.0625;0)
        %y = requantize_sums(%s1, @b) {clamp=(-100,127)} : int8[1,1,2,3] q(2;-7)
        return %y
    """)


@pytest.mark.parametrize(
    ("text", "field", "message"),
    [
        (CONV, "0x2", "field=0x2 is not ROWSxCOLUMNS, such as 4x4"),
        (CONV, "4", "field=4 is not ROWSxCOLUMNS"),
        (CONV, "3x4", "'y' has a window of 3x4, no larger than the field of 3x4"),
        (CONV.replace("(3,4)", "(1,4)").replace("int8[1,2,2,3]", "int8[1,4,2,3]"), "2x2",
         "nothing of g can be decomposed: it has no convolution whose stride is its window"),
        (CONV.replace("{stride", "{padding=(1,0,2,0), stride").replace("int8[1,2,2,3]", "int8[1,3,2,3]"), "2x2",
         "'y' pads its image by (1, 0, 2, 0), and sums of codes have no padding"),
        (CONV.replace("{stride", "{dilation=(2,1), stride").replace("int8[1,2,2,3]", "int8[1,1,2,3]"), "2x2",
         "'y' has a dilation of 2x1, so its patches are interleaved"),
        (CONV.replace("[3,3,4,2]", "[2,3,4,1]").replace("int32[3]", "int32[2]").replace("2,2,3]", "2,2,2]"), "2x2",
         "'y' has groups"),
    ],
)  # fmt: skip
def test_refusals(text: str, field: str, message: str) -> None:
    graph = read(text)
    with pytest.raises(UsageError, match=re.escape(message)):
        parse_pipeline(f"decompose-patch-embedding{{field={field}}}")[0].run(graph)
    assert str(graph) == str(read(text))


def test_weights_that_are_not_known_are_refused() -> None:
    graph = read(CONV)
    graph.nodes[0].input(1).data = None
    with pytest.raises(UsageError, match="'y' has weights or a bias that are not known"):
        DecomposePatchEmbedding((2, 2)).run(graph)


def test_one_convolution_of_two_is_enough() -> None:
    text = CONV.replace("return", """@v = const : int8[5,2,2,3] q(0.125;0)
    %z = conv2d(%y, @v, none) {stride=(2,2)} : int8[1,1,1,5] q(9;0)
    return""").replace("return %y", "return %z")
    graph = read(text)
    before = graph.copy()
    assert DecomposePatchEmbedding((2, 4)).run(graph)
    assert [n.op.name for n in graph.nodes] == ["conv2d_sums", "conv2d_sums", "requantize_sums", "conv2d"]
    assert_same_meaning(before, graph)


# ---------------------------------------------------------------------- random convolutions
@st.composite
def embeddings(draw: st.DrawFn, *, small: bool = True) -> Graph:
    """A convolution whose stride is its window, with weights and biases up to where sums wrap in 32 bits."""
    most = 4 if small else 9
    window = draw(st.integers(1, most)), draw(st.integers(2, most))
    tokens = draw(st.integers(2, 3)), draw(st.integers(1, 3))
    channels, outputs = draw(st.sampled_from([3, 1, 2, 5])), draw(st.sampled_from([1, 2, 3, 8]))
    spare = draw(st.integers(0, 2))  # pixels right of and below the last patch, which are not read
    rng, graph = np.random.default_rng(draw(st.integers(0, 2**32 - 1))), Graph("embedding")
    rows, columns = (n * k + min(spare, k - 1) for n, k in zip(tokens, window, strict=True))
    shape = (1, rows, columns, channels)
    zero = draw(st.sampled_from([-128, 127, 0, 3]))
    x = graph.add_input("x", TensorType(shape, DType.int8, Quant.per_tensor(0.02, zero)))
    count = draw(st.sampled_from([1, outputs]))
    scales = tuple(float(np.float32(s)) for s in 2.0 ** rng.uniform(-9, -5, count))
    quant = Quant(scales, (0,) * count, 0 if count > 1 else None)
    w = graph.add_constant("w", TensorType((outputs, *window, channels), DType.int8, quant),
                           rng.integers(-128, 128, (outputs, *window, channels)))  # fmt: skip
    far = draw(st.sampled_from([0, 2000, 2**31 - 1]))
    bias = graph.add_constant("b", TensorType((outputs,), DType.int32), rng.integers(-far, far + 1, outputs))
    y = Quant.per_tensor(0.02 * max(scales) * 2.0 ** draw(st.integers(4, 14)), draw(st.sampled_from([-128, 0, 9])))
    op = Conv2D(window, clamp=clamp_of(draw, TensorType((1,), DType.int8, y)), rounds_once=draw(st.booleans()))
    operands = [x, w, bias] if draw(st.booleans()) else [x, w]
    ((result, dtype),) = op.infer(*(v.type for v in operands))
    graph.outputs = [graph.add(op, operands, TensorType(result, dtype, y)).output]
    for value in (*graph.inputs, *graph.outputs):
        value.source = value.name
    return graph


@given(embeddings(small=False), st.integers(1, 5), st.integers(1, 5))
def test_the_integers_stay(graph: Graph, rows: int, columns: int) -> None:
    verify(graph)
    before = graph.copy()
    window = graph.nodes[0].input(1).type.shape[1:3]
    if window[0] <= rows and window[1] <= columns:
        with pytest.raises(UsageError, match="no larger than the field"):
            DecomposePatchEmbedding((rows, columns)).run(graph)
        return
    assert DecomposePatchEmbedding((rows, columns)).run(graph)
    verify(graph)
    assert graph.macs == before.macs
    assert_same_meaning(before, graph)


# ---------------------------------------------------------------------- C
def compiled(graph: Graph, target: str, field: str, **options: Any) -> Compiled:
    pipeline = parse_pipeline(f"decompose-patch-embedding{{field={field}}},default")
    return compile_graph(graph, target, Options(pipeline=pipeline, **options))


def patches() -> Graph:
    """Patches of 8x8 pixels; fields that do not divide them leave parts of fewer rows and columns."""
    return read("""
        %x = input : int8[1,24,32,3] q(0.02;-9)
        @w = const : int8[10,8,8,3] q(0.01;0)
        @b = const : int32[10]
        %y = conv2d(%x, @w, @b) {stride=(8,8), rounds_once=True} : int8[1,3,4,10] q(0.3;5)
        return %y
    """)


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(("target", "field"), [("cortex-m4", "3x5"), ("cortex-m55", "4x4")])
def test_the_c_gives_the_convolutions_integers(target: str, field: str, stream: bool) -> None:
    found = compiled(patches(), target, field, input_mode="stream" if stream else "stored")
    inputs = samples(found.imported, 1)
    check_arena(found, inputs)
    check_host(found, inputs, sanitize=True)


@needs_emulator
@pytest.mark.parametrize(("core", "stream"), [("cortex-m4", False), ("cortex-m4", True), ("cortex-m55", False)])
def test_the_same_on_emulated_cores(core: str, stream: bool) -> None:
    found = compiled(patches(), core, "3x5", input_mode="stream" if stream else "stored")
    images = make_samples(found, 3)
    for image, outputs in zip(images, execute(found, images, on="emulator").outputs, strict=True):
        (wanted,) = evaluate(found.imported, list(image))
        np.testing.assert_array_equal(unpack(outputs, found.program.outputs)[0], wanted)


def test_sums_are_added_up_in_place() -> None:
    found = compiled(patches(), "cortex-m4", "4x4", objective="speed")
    places = {
        found.plan.offsets[call.outputs[0].buffer] for call in found.program.body
        if isinstance(call, Call) and call.site.op.name == "conv2d_sums"
    }
    image, sums, scratch = 24 * 32 * 3, 3 * 4 * 10 * 4, 2 * 4 * (4 * 3)
    assert len(places) == 1 and found.plan.arena_bytes == image + sums + scratch


def test_a_streamed_image_is_a_line_of_the_fields_rows() -> None:
    """Parts of four rows need four rows of the image at a time, and a row of sums each."""
    segment = compiled(patches(), "cortex-m4", "4x8", input_mode="stream", objective="sram").program.body[0]
    assert isinstance(segment, Segment)
    held = [(line.label.split(",")[0], line.depth) for line in segment.lines]
    assert held[0] == ("x", 4) and [depth for _, depth in held[1:3]] == [1, 1]


@given(embeddings(), st.integers(1, 3), st.integers(1, 3), st.booleans())
def test_random_ones_in_an_arena(graph: Graph, rows: int, columns: int, stream: bool) -> None:
    """The program at its planned offsets, in memory full of garbage."""
    window = graph.nodes[0].input(1).type.shape[1:3]
    assume(window[0] > rows or window[1] > columns)
    mode = "stream" if stream else "stored"
    found = compiled(graph, "cortex-m4", f"{rows}x{columns}", input_mode=mode)
    check_arena(found, samples(graph, 0))


@pytest.mark.long
@settings(max_examples=100)
@given(embeddings(), st.integers(1, 3), st.integers(1, 3))
def test_random_ones_as_c(graph: Graph, rows: int, columns: int) -> None:
    window = graph.nodes[0].input(1).type.shape[1:3]
    assume(window[0] > rows or window[1] > columns)
    check_host(compiled(graph, "cortex-m4", f"{rows}x{columns}"), samples(graph, 0), sanitize=True)
