"""Layer by layer: every operator's output in the arena against the reference's tensor of the same numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tinyc.ir.types import Array
from tinyc.reference.tflm import TflmReference
from tinyc.verification.compare import Difference, difference, total

if TYPE_CHECKING:
    from tinyc.compiler import Compiled
    from tinyc.program.program import Call


@dataclass(frozen=True)
class Layer:
    """One operator: the model file's tensor that it computes, and how they differ.

    `tensor` and `found` are None where no tensor of the file holds the same numbers.
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

    calls = list(compiled.program.calls())
    indices = tensor_indices(compiled.source or b"")
    sources = [_source(compiled, call, indices) for call in calls]
    wanted = sorted({indices[source] for source in sources if source is not None})
    expected = [reference.tensors(sample, wanted) for sample in inputs]
    return tuple(
        Layer(
            call.node,
            call.kernel.name,
            source,
            None
            if source is None
            else total(
                _differ(call, dump[number], tensors[indices[source]])
                for dump, tensors in zip(dumps, expected, strict=True)
            ),
        )
        for number, (call, source) in enumerate(zip(calls, sources, strict=True))
    )


def _source(compiled: Compiled, call: Call, indices: Mapping[str, int]) -> str | None:
    """The file's tensor that a call's output equals; None where there is none, or the call makes a part."""
    label = compiled.program.buffers[call.outputs[0].buffer].label
    value = next((v for node in compiled.graph.nodes for v in node.outputs if v.name == label), None)
    if value is None or value.source not in indices or value.type.bytes != call.outputs[0].bytes:
        return None
    return value.source


def _differ(call: Call, dump: bytes, expected: Array) -> Difference:
    got = np.frombuffer(dump, call.site.sig.outputs[0].dtype.numpy)
    return difference(got, expected)
