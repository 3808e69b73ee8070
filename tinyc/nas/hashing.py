"""A name for what a plan depends on: operators, types, connections. Not for names of tensors, nor for weights."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from tinyc.ir.graph import Graph, Value


def content_hash(graph: Graph, facts: Iterable[object]) -> str:
    """64 hexadecimal digits, equal on every machine; `facts` are what else the answer depends on."""
    digest = hashlib.sha256()
    for line in (*_lines(graph), *map(repr, facts)):
        digest.update(line.encode() + b"\n")
    return digest.hexdigest()


def _lines(graph: Graph) -> Iterable[str]:
    """The graph in a form that does not depend on names: values are numbered where they are first read or made."""
    number: dict[int, int] = {}

    def shown(value: Value | None) -> str:
        return "-" if value is None else str(number.setdefault(id(value), len(number)))

    for value in graph.inputs:
        yield f"input {shown(value)} {value.type}"
    for node in graph.nodes:
        for constant in node.inputs:
            if constant is not None and constant.is_constant and id(constant) not in number:
                known = "" if constant.data is None else hashlib.sha256(constant.data.tobytes()).hexdigest()
                yield f"constant {shown(constant)} {constant.type} {known}"
        reads, makes = (" ".join(map(shown, values)) for values in (node.inputs, node.outputs))
        yield f"{node.op!r} {reads} -> {makes} {' '.join(str(v.type) for v in node.outputs)}"
    yield "outputs " + " ".join(map(shown, graph.outputs))
