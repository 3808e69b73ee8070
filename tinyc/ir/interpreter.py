"""The Graph interpreter: exact integers, node by node, in numpy. The meaning that every later form must keep."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tinyc.ir.graph import Graph, Value
from tinyc.ir.types import Array


def evaluate(graph: Graph, inputs: Sequence[Array]) -> list[Array]:
    """The network's outputs for one set of inputs (each of its input's shape and element type)."""
    results = evaluate_all(graph, inputs)
    return [results[v.name] for v in graph.outputs]


def evaluate_all(graph: Graph, inputs: Sequence[Array]) -> Mapping[str, Array]:
    """Every value by name, constants included."""
    if len(inputs) != len(graph.inputs):
        raise ValueError(f"{graph.name}: expected {len(graph.inputs)} inputs, got {len(inputs)}")
    known: dict[str, Array] = {v.name: _data(v) for v in graph.constants.values()}
    for value, array in zip(graph.inputs, inputs, strict=True):
        if array.shape != value.type.shape or array.dtype != value.type.dtype.numpy:
            raise ValueError(f"input {value.name!r}: expected {value.type}, got {array.dtype}{list(array.shape)}")
        known[value.name] = array
    for node in graph.nodes:
        operands = [None if v is None else known[v.name] for v in node.inputs]
        produced = node.op.reference(node.signature, *operands)
        for value, array in zip(node.outputs, produced, strict=True):
            if array.shape != value.type.shape or array.dtype != value.type.dtype.numpy:
                raise ValueError(f"{node}: its reference gave {array.dtype}{list(array.shape)} for {value.type}")
            known[value.name] = array
    return known


def _data(value: Value) -> Array:
    if value.data is None:
        raise ValueError(f"constant {value.name!r} is abstract: only its size is known, so nothing can be computed")
    return value.data
