"""The text form of graphs: printer and parser are inverse, and errors name the line."""

from __future__ import annotations

import numpy as np
import pytest

from tinyc.ir.interpreter import evaluate
from tinyc.ir.text import TextError, parse_graph, print_graph
from tinyc.ir.verifier import verify

GRAPH = """graph @"a model" {
  %x = input : int8[1,4,4,2] q(0.5;3) from "serving/x:0"
  @w = const : int8[3,1,1,2] q(axis=0;0.1,0.2,1e-07;0,0,0) hex"010203fd0506"
  @unknown = const : int32[3]
  %c = conv2d(%x, @w, none) {stride=(2, 2), clamp=(-5, 100)} : int8[1,2,2,3] q(1.5;-128) from "a/b" as "node"
  %"d:0" = reshape(%c) {shape=(1, 12)} : int8[1,12] q(1.5;-128)
  return %"d:0", %c
}
"""


def test_a_graph_prints_as_it_was_written() -> None:
    graph = parse_graph(GRAPH)
    verify(graph)
    assert print_graph(graph) == GRAPH


TOKENS = """graph @tokens {
  %x = input : int8[1,5,8] q(0.5;3)
  @beta = const : int32[8] q(0.125;0)
  %n = layer_norm(%x, none, @beta) {epsilon=0.0009765625} : int8[1,5,8] q(0.25;-1)
  %s = batch_matmul(%n, %x) {transpose_b=True, rounds_once=True} : int8[1,5,5] q(2;0)
  %d = squared_difference(%s, %s) : int8[1,5,5] q(4;-128)
  %r = rsqrt(%d) : int8[1,5,5] q(1;-128)
  %g = gelu(%r) {approximate=True} : int8[1,5,5] q(1;0)
  return %g
}
"""


def test_operators_of_transformers_print_as_they_were_written() -> None:
    graph = parse_graph(TOKENS)
    verify(graph)
    assert print_graph(graph) == TOKENS


def test_comments_and_spacing_do_not_matter() -> None:
    spaced = GRAPH.replace(", ", " ,\n   // a remark\n ")
    assert print_graph(parse_graph(spaced)) == GRAPH


def test_weights_can_be_left_out() -> None:
    text = print_graph(parse_graph(GRAPH), weights=False)
    assert "hex" not in text
    assert parse_graph(text).constants["w"].data is None


def test_an_abstract_constant_cannot_be_computed_with() -> None:
    graph = parse_graph(GRAPH)
    with pytest.raises(ValueError, match="'unknown' is abstract"):
        evaluate(graph, [np.zeros((1, 4, 4, 2), np.int8)])


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("conv2d(", "convolve(", r"line 5: there is no operator 'convolve'"),
        ("(%x, @w", "(%y, @w", r"line 5: 'y' is not defined"),
        ("stride=", "strides=", r"line 5: conv2d: .*strides"),
        ("int8[1,4,4,2]", "int9[1,4,4,2]", r"line 2: 'int9' is no element type"),
        ('hex"010203fd0506"', 'hex"0102"', r"line 3: expected 6 bytes of data, got 2"),
        ("return", "&", r"line 7: cannot read '&"),
        ("\n}", "\n} extra", r"line 8: text after"),
        ("graph @", "network @", r"line 1: expected 'graph @name"),
    ],
)
def test_errors_name_the_line_and_what_was_expected(old: str, new: str, message: str) -> None:
    assert old in GRAPH
    with pytest.raises(TextError, match=message):
        parse_graph(GRAPH.replace(old, new, 1))
