"""What a reference is to verification: outputs and intermediate tensors, as the imported graph types them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

from tinyc.errors import UsageError
from tinyc.frontend import is_onnx, is_tflite
from tinyc.ir.types import Array


class Reference(Protocol):
    """One model file in another implementation.

    `tolerance` is how far, in codes, an output may be from the reference's and still agree. Where it is above
    0, operators are compared one by one on the reference's own inputs, each within `step`; where it is 0,
    every operator of the running network has to give the reference's integers.
    """

    tolerance: int
    step: int

    def title(self) -> str:
        """Name and version."""
        ...

    def run(self, inputs: Sequence[Array]) -> list[Array]:
        """The outputs, for inputs of the imported graph's types; both in its layout."""
        ...

    def sources(self) -> Collection[str]:
        """The tensors of the file that can be asked for, by what values call their `source`."""
        ...

    def values(self, inputs: Sequence[Array], sources: Sequence[str]) -> Mapping[str, Array]:
        """Those tensors' codes, in the order in which values of the graph hold them."""
        ...


def open_reference(model: bytes) -> Reference:
    """The reference of a model file: TensorFlow Lite Micro for TFLite, onnxruntime for ONNX."""
    if is_onnx(model):
        from tinyc.reference.ort import OrtReference

        return OrtReference(model)
    if is_tflite(model):
        from tinyc.reference.tflm import TflmModel

        return TflmModel(model)
    raise UsageError("there is no reference for this kind of model file.")
