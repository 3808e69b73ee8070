"""Layer by layer: every operator's output against the reference's tensor of the same numbers.

With an exact reference it is the output in the arena. With one that only comes close, differences would add up
from layer to layer: there each operator is computed, by its own integers, on the reference's inputs.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tinyc.ir.graph import Graph, Value
from tinyc.ir.types import Array
from tinyc.reference.reference import Reference
from tinyc.report.operators import Executed, executed
from tinyc.verification.compare import Difference, difference, total

if TYPE_CHECKING:
    from tinyc.compiler import Compiled


@dataclass(frozen=True)
class Layer:
    """One operator: the model file's tensor that it computes, and how they differ.

    `tensor` is None where no tensor of the file holds the same numbers. `found` is None there, and, with an
    exact reference, where the operator is streamed, so that only rows of its output are ever in the arena.
    """

    operator: str
    kernel: str
    tensor: str | None
    found: Difference | None


def compare_layers(
    compiled: Compiled,
    reference: Reference,
    inputs: Sequence[Sequence[Array]],
    dumps: Sequence[Sequence[bytes]],
) -> tuple[Layer, ...]:
    """One Layer per operator in call order, over all samples: the reference's inputs, the network's dumps."""
    operators = executed(compiled.program)
    known = set(reference.sources())
    values = {v.name: v for node in compiled.graph.nodes for v in node.outputs}
    sources = [_source(values.get(operator.value), known) for operator in operators]
    needed = {v.source for v in compiled.graph.values() if v.source in known} if reference.tolerance else set(sources)
    wanted = sorted(source for source in needed if source is not None)
    expected = [reference.values(sample, wanted) for sample in inputs]

    def layer(number: int, operator: Executed, source: str | None) -> Layer:
        if source is None:
            return Layer(operator.name, operator.kernel, None, None)
        theirs = [tensors[source] for tensors in expected]
        if reference.tolerance:
            value = values[operator.value]
            ours = [on_reference(compiled.graph, value, tensors) for tensors in expected]
        elif operator.whole is None:
            return Layer(operator.name, operator.kernel, source, None)
        else:
            dtype = operator.call.site.sig.outputs[0].dtype.numpy
            ours = [np.frombuffer(dump[number], dtype) for dump in dumps]
        found = total(difference(got, exact, reference.step) for got, exact in zip(ours, theirs, strict=True))
        return Layer(operator.name, operator.kernel, source, found)

    return tuple(layer(n, o, s) for n, (o, s) in enumerate(zip(operators, sources, strict=True)))


def _source(value: Value | None, known: Collection[str]) -> str | None:
    """The file's tensor that a value equals; None where there is none."""
    return value.source if value is not None and value.source in known else None


def on_reference(graph: Graph, value: Value, tensors: Mapping[str, Array]) -> Array:
    """A value computed from the nearest ones before it that the reference knows."""
    known: dict[str, Array] = {}

    def compute(v: Value, *, given: bool) -> Array:
        if v.name not in known:
            if v.data is not None:
                return v.data
            if given and v.source is not None and v.source in tensors:
                known[v.name] = tensors[v.source].reshape(v.type.shape)
                return known[v.name]
            node = v.producer
            if node is None:
                raise ValueError(f"{graph.name}: nothing is known of input {v.name!r}")
            operands = [None if x is None else compute(x, given=True) for x in node.inputs]
            produced = node.op.reference(node.signature, *operands)
            known.update((out.name, array) for out, array in zip(node.outputs, produced, strict=True))
        return known[v.name]

    return compute(value, given=False)
