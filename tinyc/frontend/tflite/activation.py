"""Fused activations as the range of codes that they leave (TensorFlow Lite Micro's activation ranges)."""

from __future__ import annotations

import numpy as np

from tinyc.ir.types import TensorType

#: Lower and upper real bound of each fused activation that TFLM computes at int8; None is unbounded.
ACTIVATIONS: dict[str, tuple[float | None, float | None]] = {
    "NONE": (None, None),
    "RELU": (0.0, None),
    "RELU6": (0.0, 6.0),
    "RELU_N1_TO_1": (-1.0, 1.0),
}


def activation_range(name: str, output: TensorType) -> tuple[int, int]:
    """(lowest, highest) code of `output` under a fused activation.

    A bound becomes zero_point + round(bound / scale), divided in float32 and rounded half away from zero, cut
    to the element type's range. Raises KeyError for an activation that is not in ACTIVATIONS.
    """
    lowest, highest = output.dtype.limits
    lower, upper = ACTIVATIONS[name]
    return (
        lowest if lower is None else max(lowest, _code(lower, output)),
        highest if upper is None else min(highest, _code(upper, output)),
    )


def _code(real: float, output: TensorType) -> int:
    with np.errstate(over="ignore"):
        quotient = float(np.float32(real) / np.float32(output.scale))
    rounded = np.copysign(np.floor(abs(quotient) + 0.5), quotient)
    return output.zero_point + int(np.clip(rounded, -(2**31), 2**31 - 1))
