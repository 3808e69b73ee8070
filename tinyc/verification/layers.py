"""Layer by layer: every operator's output in the arena against the reference's tensor of the same numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tinyc.ir.types import Array
from tinyc.reference.tflm import TflmReference
from tinyc.report.operators import Executed, executed
from tinyc.verification.compare import Difference, difference, total

if TYPE_CHECKING:
    from tinyc.compiler import Compiled
    from tinyc.program.program import Call


@dataclass(frozen=True)
class Layer:
    """One operator: the model file's tensor that it computes, and how they differ.

    `tensor` is None where no tensor of the file holds the same numbers. `found` is None there, and where the
    operator is streamed, so that only rows of its output are ever in the arena.
    """

    operator: str
    kernel: str
    tensor: str | None
    found: Difference | None


def compare_layers(
    compiled: Compiled,
    reference: TflmReference,
    inputs: Sequence[Sequence[Array]],
    dumps: Sequence[Sequence[bytes]],
) -> tuple[Layer, ...]:
    """One Layer per operator in call order, over all samples: the reference's inputs, the network's dumps."""
    from tinyc.frontend.tflite import tensor_indices

    indices = tensor_indices(compiled.source or b"")
    operators = executed(compiled.program)
    sources = [_source(compiled, operator, indices) for operator in operators]
    wanted = sorted({indices[source] for source in sources if source is not None})
    expected = [reference.tensors(sample, wanted) for sample in inputs]

    def layer(number: int, operator: Executed, source: str | None) -> Layer:
        if source is None or operator.whole is None:
            return Layer(operator.name, operator.kernel, source, None)
        pairs = zip(dumps, expected, strict=True)
        found = total(
            _differ(operator.call, dump[number], tensors[indices[source]]) for dump, tensors in pairs
        )
        return Layer(operator.name, operator.kernel, source, found)

    return tuple(layer(n, o, s) for n, (o, s) in enumerate(zip(operators, sources, strict=True)))


def _source(compiled: Compiled, operator: Executed, indices: Mapping[str, int]) -> str | None:
    """The file's tensor that an operator's output equals; None where there is none."""
    values = (v for node in compiled.graph.nodes for v in node.outputs)
    value = next((v for v in values if v.name == operator.value), None)
    return value.source if value is not None and value.source in indices else None


def _differ(call: Call, dump: bytes, expected: Array) -> Difference:
    got = np.frombuffer(dump, call.site.sig.outputs[0].dtype.numpy)
    return difference(got, expected)
