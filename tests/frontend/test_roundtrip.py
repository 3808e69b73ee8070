"""Graph → .tflite → Graph is the identity but for names, for every operator that TFLite has."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.operator_cases import STRATEGIES
from tests.support.tflite_writer import WRITABLE, write_tflite
from tinyc.frontend.tflite import import_tflite
from tinyc.ir.graph import Graph
from tinyc.ir.operator import operators
from tinyc.ir.text import parse_graph, print_graph
from tinyc.ir.verifier import verify

EXAMPLES = 15


def canonical(graph: Graph) -> str:
    """The graph's text with values numbered in order, and without the names of tensors and nodes."""
    graph = graph.copy()
    values = list(graph.values())
    for stem in ("temporary", "v"):  # twice, so that no new name meets an old one
        for index, value in enumerate(values):
            graph.rename(value, f"{stem}{index}")
    text = print_graph(graph)
    return re.sub(r' (from|as) "[^"]*"|, none(?=\))', "", text)  # absent operands at the end may be left out


@pytest.mark.parametrize("name", sorted(WRITABLE))
def test_round_trip(name: str) -> None:
    @settings(max_examples=EXAMPLES)
    @given(st.data())
    def run(data: st.DataObject) -> None:
        graph = data.draw(STRATEGIES[name]).graph()
        imported = import_tflite(write_tflite(graph), graph.name)
        verify(imported)
        assert canonical(imported) == canonical(graph)

    run()


def test_every_operator_that_the_writer_knows_has_a_case() -> None:
    assert set(STRATEGIES) >= WRITABLE
    assert set(operators()) >= WRITABLE


def test_the_writer_refuses_what_tflite_cannot_say() -> None:
    text = """graph @g {
      %x = input : int8[1,4,4,1] q(0.1;0)
      %y = max_pool2d(%x) {ATTRIBUTES} : int8[1,4,4,1] q(0.1;0)
      return %y
    }"""
    for attributes, message in (
        ("extent=(2, 2), padding=(1, 1, 0, 0)", "neither SAME nor VALID"),
        ("extent=(1, 1), clamp=(-7, 9)", "no fused activation"),
    ):
        graph = parse_graph(text.replace("ATTRIBUTES", attributes))
        with pytest.raises(ValueError, match=message):
            write_tflite(graph)
