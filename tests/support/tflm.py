"""TensorFlow Lite Micro for tests."""

from __future__ import annotations

from collections.abc import Sequence

from tinyc.ir.types import Array
from tinyc.reference.tflm import TflmReference


def run_tflm(model: bytes, inputs: Sequence[Array]) -> list[Array]:
    """The outputs of TensorFlow Lite Micro's kernels. Raises ModelError where it refuses the model."""
    return TflmReference(model).run(inputs)
