"""Operators that hold a graph, their body: type rule, access map and multiply-accumulates follow from it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

from tinyc.ir.access import Access, composed, united
from tinyc.ir.graph import Graph, Node, Value
from tinyc.ir.operator import Operator, expect
from tinyc.ir.types import DType, Shape, Signature, TensorType


class Body:
    """The graph inside a region. It is never changed, and of its constants it knows the types alone.

    `parameters`, its inputs and then its constants, stand for the operands of the region in this order, its outputs for
    the results. Names inside are names of their own. Two bodies are equal where their texts are.
    """

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        for constant in graph.constants.values():
            constant.data = None
        self.parameters: tuple[Value, ...] = (*graph.inputs, *graph.constants.values())

    @property
    def nodes(self) -> tuple[Node, ...]:
        return self.graph.nodes

    @property
    def results(self) -> Sequence[Value]:
        return self.graph.outputs

    @cached_property
    def text(self) -> str:
        return str(self.graph)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Body) and self.text == other.text

    def __hash__(self) -> int:
        return hash(self.text)

    def __repr__(self) -> str:
        return f"<{len(self.nodes)} operators>"


@dataclass(frozen=True)
class Region(Operator):
    """Base of operators with a body; what these add is how it runs."""

    body: Body
    inputs: ClassVar[tuple[str, ...]] = ("...",)

    def infer(self, *inputs: TensorType | None) -> tuple[tuple[Shape, DType], ...]:
        inside = self.body.parameters
        expect(len(inputs) == len(inside), f"its body reads {len(inside)} operands, got {len(inputs)}")
        for parameter, given in zip(inside, inputs, strict=True):
            expect(given == parameter.type, f"its body reads {parameter.name!r} as {parameter.type}, got {given}")
        return tuple((v.type.shape, v.type.dtype) for v in self.body.results)

    def check(self, sig: Signature) -> None:
        results = self.body.results
        expect(len({id(v) for v in results}) == len(results) > 0, "its body must have results, each of them once")
        for value, shown in zip(results, sig.outputs, strict=True):
            expect(value.producer is not None, f"its body passes {value.name!r} on and does not make it")
            expect(value.type == shown, f"its body makes {value.name!r} as {value.type}, and the result is {shown}")

    def access(self, sig: Signature, output: int = 0) -> tuple[Access | None, ...]:
        """Through all paths of the body; what the result does not depend on counts as read whole."""
        result = self.body.results[output]
        reads = {id(result): Access.elementwise(result.type.rank)}
        for node in reversed(self.body.nodes):
            for number, made in enumerate(node.outputs):
                if id(made) in reads:
                    for value, access in zip(node.inputs, node.access(number), strict=True):
                        if value is not None and access is not None:
                            found = composed(reads[id(made)], access)
                            reads[id(value)] = united(reads[id(value)], found) if id(value) in reads else found
        return tuple(reads.get(id(v), Access.whole(v.type.rank)) for v in self.body.parameters)

    def tile(self, sig: Signature, axis: int, part: Any) -> None:
        """A body is made for whole tensors; what can be tiled are the operators inside."""
        return None

    def macs(self, sig: Signature) -> int:
        return self.body.graph.macs
