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
    if reference.tolerance:
        return _alone(compiled, reference, inputs, operators)
    known = set(reference.sources())
    values = _results(compiled.graph)
    sources = [_source(values.get(operator.value), known) for operator in operators]
    wanted = sorted({source for source in sources if source is not None})
    expected = [reference.values(sample, wanted) for sample in inputs]

    def layer(number: int, operator: Executed, source: str | None) -> Layer:
        if source is None or operator.whole is None:
            return Layer(operator.name, operator.kernel, source, None)
        dtype = operator.call.site.sig.outputs[0].dtype.numpy
        ours = [np.frombuffer(dump[number], dtype) for dump in dumps]
        return _layer(operator, source, ours, [tensors[source] for tensors in expected], reference)

    return tuple(layer(n, o, s) for n, (o, s) in enumerate(zip(operators, sources, strict=True)))


def _alone(
    compiled: Compiled, reference: Reference, inputs: Sequence[Sequence[Array]], operators: Sequence[Executed]
) -> tuple[Layer, ...]:
    """Every operator by itself, on the reference's inputs.

    What a pass took apart (the heads of an attention, say) is in no tensor of the file: there, and behind it, the
    imported operator of the same name is compared, once.
    """
    known = set(reference.sources())
    graphs = (compiled.graph, compiled.imported)
    after, before = _results(compiled.graph), {node.name: node.output for node in compiled.imported.nodes}
    wanted = sorted({v.source for graph in graphs for v in graph.values() if v.source in known and v.source})
    expected = [reference.values(sample, wanted) for sample in inputs]
    layers: dict[str, Layer] = {}
    for number, operator in enumerate(operators):
        candidates = [
            v for v in (after.get(operator.value), before.get(operator.name)) if _source(v, known) is not None
        ]
        value = next((v for v in candidates if _is_beside(v, known)), candidates[-1] if candidates else None)
        source = _source(value, known)
        if value is None or source is None:
            layers[f"{number}"] = Layer(operator.name, operator.kernel, None, None)
        elif source not in layers:
            ours = [on_reference(value, tensors) for tensors in expected]
            layers[source] = _layer(operator, source, ours, [tensors[source] for tensors in expected], reference)
    return tuple(layers.values())


def _layer(
    operator: Executed, source: str, ours: Sequence[Array], theirs: Sequence[Array], reference: Reference
) -> Layer:
    pairs = zip(ours, theirs, strict=True)
    return Layer(operator.name, operator.kernel, source, total(difference(a, b, reference.step) for a, b in pairs))


def _results(graph: Graph) -> dict[str, Value]:
    """The results of a graph's operators, by name."""
    return {v.name: v for node in graph.nodes for v in node.outputs}


def _source(value: Value | None, known: Collection[str]) -> str | None:
    """The file's tensor that a value equals; None where there is none."""
    return value.source if value is not None and value.source in known else None


def _is_beside(value: Value | None, known: Collection[str]) -> bool:
    """Whether an operator's operands are all tensors of the file: else others are computed along with it."""
    node = value.producer if value is not None else None
    operands = node.inputs if node is not None else ()
    return all(x is None or x.data is not None or _source(x, known) is not None for x in operands)


def on_reference(value: Value, tensors: Mapping[str, Array]) -> Array:
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
                raise ValueError(f"nothing is known of input {v.name!r}")
            operands = [None if x is None else compute(x, given=True) for x in node.inputs]
            produced = node.op.reference(node.signature, *operands)
            known.update((out.name, array) for out, array in zip(node.outputs, produced, strict=True))
        return known[v.name]

    return compute(value, given=False)
