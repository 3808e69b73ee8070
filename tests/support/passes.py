"""Checking passes: text before and after up to names, and equal integers."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from tests.support.operator_cases import inputs_of
from tinyc.ir.graph import Graph, Value
from tinyc.ir.interpreter import evaluate_all
from tinyc.ir.text import parse_graph, print_graph
from tinyc.ir.transform import parse_pipeline
from tinyc.ir.types import Array, DType
from tinyc.ir.verifier import verify


def check_pass(pipeline: str, before: str, after: str) -> None:
    """Run passes on a graph and compare with the graph expected, up to names; the integers must stay.

    Both are the lines between `graph @g {` and `}`. A constant without data holds random codes.
    """
    graph, expected = read(before), read(after)
    original = graph.copy()
    for pass_ in parse_pipeline(pipeline):
        assert pass_.run(graph), f"{pass_} says that it changed nothing"
    verify(graph)
    assert canonical(graph) == canonical(expected)
    assert_same_meaning(original, graph)


def check_unchanged(pipeline: str, text: str) -> None:
    """The passes find nothing to do."""
    graph = read(text)
    before = print_graph(graph)
    assert not [str(p) for p in parse_pipeline(pipeline) if p.run(graph)]
    assert print_graph(graph) == before


def read(text: str) -> Graph:
    """A graph from the lines between its braces; constants without data get some, the same each time."""
    graph = parse_graph(f"graph @g {{\n{text}\n}}")
    rng = np.random.default_rng(0)
    for value in graph.constants.values():
        if value.data is None:
            low, high = (-1000, 1001) if value.type.dtype is DType.int32 else (-128, 128)
            value.data = rng.integers(low, high, value.type.shape).astype(value.type.dtype.numpy)
    for value in (*graph.inputs, *(v for node in graph.nodes for v in node.outputs)):
        value.source = value.source or value.name
    verify(graph)
    return graph


def canonical(graph: Graph) -> str:
    """The text with values named by position, constants at first use, without data and sources."""
    twin = Graph("g")
    image: dict[int, Value] = {id(v): twin.add_input("input", v.type) for v in graph.inputs}

    def imaged(value: Value | None) -> Value | None:
        if value is not None and id(value) not in image:
            image[id(value)] = twin.add_constant("constant", value.type, None)
        return None if value is None else image[id(value)]

    for node in graph.nodes:
        made = twin.add(node.op, [imaged(v) for v in node.inputs], [v.type for v in node.outputs])
        image.update((id(old), new) for old, new in zip(node.outputs, made.outputs, strict=True))
    for value in graph.constants.values():
        imaged(value)
    twin.outputs = [image[id(v)] for v in graph.outputs]
    return print_graph(twin)


# ---------------------------------------------------------------------- meaning
def assert_same_meaning(before: Graph, after: Graph) -> None:
    """Equal ends, and equal numbers there and where a value names its source, on random and extreme inputs.

    Where `after` exchanges codes for the real numbers of `before`, the codes are those of its QUANTIZE and
    DEQUANTIZE. Every input and result of `before` is its own source.
    """
    assert [v.name for v in after.inputs] == [v.name for v in before.inputs]
    assert [v.name for v in after.outputs] == [v.name for v in before.outputs]
    for inputs in inputs_of(before, np.random.default_rng(0)):
        expected = evaluate_all(before, inputs)
        _assert_same_numbers(before, after, expected)


def _assert_same_numbers(before: Graph, after: Graph, expected: Mapping[str, Array]) -> None:
    found = evaluate_all(after, [expected[str(v.source)] for v in after.inputs])
    for old, new in zip(before.outputs, after.outputs, strict=True):
        origin = old if old.type == new.type else _codes_of(old)
        assert new.type == origin.type
        np.testing.assert_array_equal(found[new.name], expected[origin.name], err_msg=f"output {old}")
    types = {v.source: v.type for v in before.values()}
    for value in after.values():
        if value.source is not None:
            assert value.type == types[value.source], f"{value} claims to be {value.source!r}"
            np.testing.assert_array_equal(found[value.name], expected[value.source], err_msg=str(value))


def _codes_of(real: Value) -> Value:
    assert real.producer is not None and real.producer.op.name == "dequantize", f"{real} changed its type"
    return real.producer.input(0)
