"""What a user may choose about a quantisation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from tinyc.errors import UsageError

Method = Literal["minmax", "percentile", "entropy"]
Activations = Literal["int8", "uint8"]
METHODS: tuple[Method, ...] = get_args(Method)
ACTIVATIONS: tuple[Activations, ...] = get_args(Activations)


@dataclass(frozen=True)
class QuantizeOptions:
    """`method`: how the range of an activation follows from what calibration saw; `per_channel`: a scale for every
    output channel of a weight; `preprocess`: let onnxruntime fold and simplify the float model first.
    """

    method: Method = "minmax"
    per_channel: bool = True
    activations: Activations = "int8"
    preprocess: bool = True

    def __post_init__(self) -> None:
        for name, found, known in (
            ("method", self.method, METHODS),
            ("activations", self.activations, ACTIVATIONS),
        ):
            if found not in known:
                raise UsageError(f"there is no {name} {found!r}; choose one of {', '.join(known)}.")
