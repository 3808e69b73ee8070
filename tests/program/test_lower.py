"""Lowering, lifetimes and the arena interpreter."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tinyc.compiler import Compiled, Options, compile_graph
from tinyc.ir.graph import Graph
from tinyc.ir.interpreter import evaluate
from tinyc.ir.text import parse_graph
from tinyc.ir.types import Array
from tinyc.program.interpreter import execute
from tinyc.program.lifetimes import lifetimes, trails
from tinyc.program.program import Call, Loop, Program
from tinyc.program.verifier import InvalidProgram, verify
from tinyc.schedule import Schedule

RESIDUAL = """graph @residual {
  %x = input : int8[3,5,5,4] q(0.05;3)
  @w = const : int8[4,3,3,4] q(0.01;0)
  @b = const : int32[4]
  %c = conv2d(%x, @w, @b) {padding=(1, 1, 1, 1)} : int8[3,5,5,4] q(0.15;-28)
  %e = add(%c, %x) : int8[3,5,5,4] q(0.2;5)
  %f = reshape(%e) {shape=(3, 100)} : int8[3,100] q(0.2;5)
  return %f
}
"""


def filled(text: str, seed: int = 0) -> Graph:
    """A graph from text, with random data for its abstract constants."""
    graph, random = parse_graph(text), np.random.default_rng(seed)
    for value in graph.constants.values():
        if value.data is None:
            value.data = random.integers(-127, 128, value.type.shape).astype(value.type.dtype.numpy)
    return graph


def codes(graph: Graph, seed: int = 1) -> list[Array]:
    random = np.random.default_rng(seed)
    return [random.integers(-128, 128, v.type.shape).astype(np.int8) for v in graph.inputs]


def run(compiled: Compiled, inputs: list[Array], seed: int = 0) -> list[Array]:
    return execute(compiled.program, compiled.plan.offsets, compiled.plan.arena_bytes, inputs, seed)


@pytest.fixture
def compiled() -> Compiled:
    """The residual network on Arm's kernels, whatever the build would choose."""
    kernels = {"c": "cmsis-nn/convolve_s8", "e": "cmsis-nn/elementwise_add_s8"}
    return compile_graph(filled(RESIDUAL), "cortex-m7", Options(schedule=Schedule(("c", "e", "f"), kernels)))


def test_the_arena_computes_what_the_graph_means(compiled: Compiled) -> None:
    inputs = codes(compiled.imported)
    for seed in range(3):
        np.testing.assert_array_equal(run(compiled, inputs, seed), evaluate(compiled.imported, inputs))


def test_a_reshape_costs_nothing_and_a_batch_is_a_loop(compiled: Compiled) -> None:
    loop, add = compiled.program.body
    assert isinstance(loop, Loop) and loop.count == 3
    assert isinstance(add, Call) and add.node == "e"
    (conv,) = loop.body
    assert isinstance(conv, Call) and conv.site.sig.input(0).shape == (1, 5, 5, 4)


def test_lifetimes_are_exact(compiled: Compiled) -> None:
    lives = {compiled.program.buffers[name].label: life for name, life in lifetimes(compiled.program).items()}
    assert lives == {"x": (0, 1), "c": (0, 1), "e": (1, 1), "scratch of c": (0, 0)}


def test_an_add_may_be_written_over_either_dying_input(compiled: Compiled) -> None:
    labels = {name: b.label for name, b in compiled.program.buffers.items()}
    found = {(labels[t.lower], labels[t.upper], t.distance) for t in trails(compiled.program)}
    assert found == {("e", "c", 0), ("e", "x", 0)}
    assert compiled.plan.arena_bytes == 304 + compiled.plan.scratch_bytes + 304  # two maps of 300, aligned, and scratch


def test_a_plan_that_overlaps_shows_as_a_wrong_answer(compiled: Compiled) -> None:
    inputs = codes(compiled.imported)
    squeezed = {name: 0 for name in compiled.plan.offsets}
    wrong = execute(compiled.program, squeezed, compiled.plan.arena_bytes, inputs)
    assert not np.array_equal(wrong, evaluate(compiled.imported, inputs))


def test_an_arena_that_is_too_small_is_refused(compiled: Compiled) -> None:
    offsets = compiled.plan.offsets
    used = max(offsets[name] + buffer.bytes for name, buffer in compiled.program.buffers.items())
    with pytest.raises(IndexError, match="of an arena of"):
        execute(compiled.program, offsets, used - 1, codes(compiled.imported))


def test_a_slice_of_a_batch_is_cut_with_it() -> None:
    """Found by fuzzing: in a loop over images, the shape that a slice announces is that of one image."""
    text = """graph @sliced {
      %x = input : int8[2,1,1,2] q(1;0)
      %y = strided_slice(%x) {begin=(0,0,0,1), stride=(1,1,1,1), shape=(2,1,1,1)} : int8[2,1,1,1] q(1;0)
      return %y
    }"""
    compiled = compile_graph(parse_graph(text), "cortex-m4")
    image = np.array([1, 2, 3, 4], np.int8).reshape(2, 1, 1, 2)
    assert run(compiled, [image])[0].reshape(-1).tolist() == [2, 4]


def test_an_output_that_became_a_constant_is_copied_into_the_arena() -> None:
    text = """graph @fixed {
      %x = input : int8[1,4] q(1;0)
      @k = const : int8[1,4] q(1;0) hex"01020304"
      %a = add(%x, %x) : int8[1,4] q(2;0)
      return @k, %a
    }"""
    compiled = compile_graph(parse_graph(text), "cortex-m0plus")
    outputs = run(compiled, [np.array([[5, 6, 7, 8]], np.int8)])
    assert outputs[0].tolist() == [[1, 2, 3, 4]] and outputs[1].tolist() == [[5, 6, 7, 8]]


def test_a_network_that_only_passes_its_input_on() -> None:
    graph = parse_graph("graph @id {\n %x = input : int8[2,3] q(1;0)\n return %x\n}")
    compiled = compile_graph(graph, "cortex-m4")
    assert compiled.plan.arena_bytes == 16  # 6, aligned
    assert run(compiled, [np.arange(6, dtype=np.int8).reshape(2, 3)])[0].tolist() == [[0, 1, 2], [3, 4, 5]]


# ---------------------------------------------------------------------- the verifier
def broken(program: Program, **changes: object) -> Program:
    loop = program.body[0]
    assert isinstance(loop, Loop)
    call = loop.body[0]
    assert isinstance(call, Call)
    return replace(program, body=(replace(loop, body=(replace(call, **changes),)), *program.body[1:]))


def test_the_verifier_sees_ranges_that_leave_their_buffer(compiled: Compiled) -> None:
    loop = compiled.program.body[0]
    assert isinstance(loop, Loop) and isinstance(loop.body[0], Call)
    out = loop.body[0].outputs[0]
    for changed, message in (
        (replace(out, start=1), "leaves its buffer of 300 bytes"),
        (replace(out, bytes=99), "has 99 bytes, its type 100"),
        (replace(out, buffer="nowhere"), "there is no buffer %nowhere"),
        (replace(out, steps=(("row", 4),)), "uses loop variable row outside its loop"),
    ):
        with pytest.raises(InvalidProgram, match=message):
            verify(broken(compiled.program, outputs=(changed,)))


def test_the_verifier_sees_what_is_read_before_it_is_written(compiled: Compiled) -> None:
    with pytest.raises(InvalidProgram, match="which nothing has written"):
        verify(replace(compiled.program, body=compiled.program.body[1:]))
    with pytest.raises(InvalidProgram, match="is never written"):
        verify(replace(compiled.program, body=()))


def test_text_shows_every_statement(compiled: Compiled) -> None:
    text = str(compiled.program)
    assert "loop image 0..3 {" in text
    assert "cmsis-nn/convolve_s8(%0[0+100image:+100], @w, @b) -> %1[0+100image:+100]" in text
    assert "output %3[0:+300] : int8[3,100] q(0.2;5)  // f" in text
