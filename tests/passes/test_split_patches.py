"""split-patches: the graph it makes, its refusals, its meaning on random networks, and MCUNetV2's own figures."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.images import image_networks
from tests.support.passes import assert_same_meaning, check_pass, read
from tinyc.compiler import Compiled, compile
from tinyc.errors import UsageError
from tinyc.ir.graph import Graph
from tinyc.ir.transform import parse_pipeline
from tinyc.ir.verifier import verify
from tinyc.memory import pack
from tinyc.ops import Add, Conv2D, DepthwiseConv2D
from tinyc.passes import SplitPatches
from tinyc.program.lifetimes import blocks, trails
from tinyc.program.program import Range, Segment
from tinyc.schedule import Schedule

CHAIN = """
    %x = input : int8[1,6,6,2] q(0.5;3)
    @w = const : int8[2,3,3,2] q(0.1;0)
    @d = const : int8[1,3,3,2] q(0.1;0)
    %a = conv2d(%x, @w, none) {padding=(1,1,1,1)} : int8[1,6,6,2] q(2;0)
    %b = depthwise_conv2d(%a, @d, none) {stride=(2,2), padding=(0,0,1,1)} : int8[1,3,3,2] q(2;0)
    %c = add(%b, %b) : int8[1,3,3,2] q(2;0)
    return %c
"""


def test_patches_take_their_halo_and_pad_at_true_borders_only() -> None:
    check_pass("split-patches{grid=2x1,until=b}", CHAIN, """
        %x = input : int8[1,6,6,2] q(0.5;3)
        @w = const : int8[2,3,3,2] q(0.1;0)
        @d = const : int8[1,3,3,2] q(0.1;0)
        %x0 = strided_slice(%x) {begin=(0,0,0,0), stride=(1,1,1,1), shape=(1,4,6,2)} : int8[1,4,6,2] q(0.5;3)
        %a0 = conv2d(%x0, @w, none) {padding=(1,1,0,1)} : int8[1,3,6,2] q(2;0)
        %b0 = depthwise_conv2d(%a0, @d, none) {stride=(2,2), padding=(0,0,0,1)} : int8[1,1,3,2] q(2;0)
        %x1 = strided_slice(%x) {begin=(0,1,0,0), stride=(1,1,1,1), shape=(1,5,6,2)} : int8[1,5,6,2] q(0.5;3)
        %a1 = conv2d(%x1, @w, none) {padding=(0,1,1,1)} : int8[1,4,6,2] q(2;0)
        %b1 = depthwise_conv2d(%a1, @d, none) {stride=(2,2), padding=(0,0,1,1)} : int8[1,2,3,2] q(2;0)
        %j = concatenation(%b0, %b1) {axis=1} : int8[1,3,3,2] q(2;0)
        %c = add(%j, %j) : int8[1,3,3,2] q(2;0)
        return %c
    """)


@pytest.mark.parametrize(
    ("pipeline", "message"),
    [
        ("split-patches", "until=NAME is no operator of g; the first are: a, b, c"),
        ("split-patches{until=nothing}", "until=nothing is no operator"),
        ("split-patches{grid=4x1,until=b}", "a grid of 4x1 does not divide 3x3 pixels"),
        ("split-patches{grid=0x1,until=b}", "a grid of 0x1 does not divide"),
    ],
)
def test_refusals(pipeline: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        parse_pipeline(pipeline)[0].run(read(CHAIN))


def test_a_split_inside_a_residual_block_is_refused() -> None:
    text = CHAIN.replace("add(%b, %b)", "add(%b, %e)").replace(
        "%c =", "%e = max_pool2d(%a) {stride=(2,2), extent=(2,2)} : int8[1,3,3,2] q(2;0)\n    %c ="
    )
    with pytest.raises(UsageError, match=r"'a' is made inside the patches and read after them by 'e' \(a split inside"):
        parse_pipeline("split-patches{until=b}")[0].run(read(text))


@given(image_networks(), st.data())
def test_patches_keep_the_integers(graph: Graph, data: st.DataObject) -> None:
    node = data.draw(st.sampled_from(graph.nodes))
    grid = (data.draw(st.integers(1, 3)), data.draw(st.integers(1, 3)))
    for value in (*graph.inputs, *(v for n in graph.nodes for v in n.outputs)):
        value.source = value.name
    before = graph.copy()
    try:
        SplitPatches(grid, node.output.name).run(graph)
    except UsageError as error:
        assert str(error).startswith("split-patches: ")
        return
    verify(graph)
    assert_same_meaning(before, graph)


def activations(compiled: Compiled, after: int = -1) -> int:
    """Bytes of whole activations from the step after `after` on, with MCUNetV2's two updates in place.

    Depthwise convolutions over their input; a projection and the add that follows over the residual, row by row. Line
    buffers and scratch are not counted, as there.
    """
    program = compiled.program
    buffers = program.buffers
    lines = [line for s in program.body if isinstance(s, Segment) for line in s.lines]
    rows = {line.place.buffer for line in lines if line.depth < line.rows}
    todo = [b for b in blocks(program) if b.last > after and not buffers[b.name].is_scratch and b.name not in rows]
    names = {b.name for b in todo}
    others = {
        c.outputs[0].buffer
        for c in program.calls() if isinstance(c.outputs[0], Range) and not isinstance(c.site.op, DepthwiseConv2D)
    }
    overlaps = [t for t in trails(program) if t.lower not in others and {t.lower, t.upper} <= names]
    return pack(todo, [replace(t, distance=0) for t in overlaps]).peak


def with_adds_in_place(compiled: Compiled) -> Schedule:
    """The same schedule, with every convolution and the add that follows and alone reads it as one segment."""
    nodes = compiled.graph.nodes
    pairs = [
        (node.output.name, user.output.name)
        for node, user in zip(nodes, nodes[1:], strict=False)
        if isinstance(node.op, Conv2D) and isinstance(user.op, Add) and compiled.graph.sole_user(node.output) is user
    ]
    return replace(compiled.schedule, kernels={}, segments=tuple(pairs))


def test_mcunetv2s_figures(shared_models: Path) -> None:
    """Published for MobileNetV2 (MCUNetV2): 1372 kB in place; 172 kB after 4x4 patches over 12 convolutions."""
    model = shared_models / "mobilenet_v2_1.0_224.tflite"
    plain = compile(model, "cortex-m4")
    assert activations(plain) == 1_404_928
    convolutions = [n for n in plain.graph.nodes if n.op.name in ("conv2d", "depthwise_conv2d")]
    pipeline = parse_pipeline(f"default,split-patches{{grid=4x4,until={convolutions[11].output.name}}}")
    patched = compile(model, "cortex-m4", pipeline=pipeline)
    assert patched.graph.macs / plain.graph.macs == pytest.approx(1.093, abs=0.0005)
    in_place = compile(model, "cortex-m4", pipeline=pipeline, schedule=with_adds_in_place(patched))
    joined = max(i for i, s in enumerate(in_place.plan.timeline) if s.node == f"{convolutions[11].name}.joined")
    assert activations(in_place, joined) == 175_616
