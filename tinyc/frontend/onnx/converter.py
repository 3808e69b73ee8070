"""The registry of converters: for each ONNX operator, the function that says it in tinyc's operators."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tinyc.frontend.onnx.site import Site

Convert = Callable[["Site"], None]
MANY = 1000
MICROSOFT = "com.microsoft"


@dataclass(frozen=True, slots=True)
class Converter:
    """`inputs` and `outputs` are (least, greatest) numbers."""

    convert: Convert
    inputs: tuple[int, int]
    outputs: tuple[int, int]


_CONVERTERS: dict[tuple[str, str], Converter] = {}


def converter(
    *operators: str, inputs: tuple[int, int], outputs: tuple[int, int] = (1, 1), domain: str = ""
) -> Callable[[Convert], Convert]:
    """Function decorator: registers a converter for ONNX operators of these names."""

    def register(function: Convert) -> Convert:
        for name in operators:
            if (domain, name) in _CONVERTERS:
                raise ValueError(f"two converters for {domain}.{name}")
            _CONVERTERS[domain, name] = Converter(function, inputs, outputs)
        return function

    return register


def converters() -> dict[tuple[str, str], Converter]:
    """All of them, by domain ("" is ai.onnx) and operator."""
    import tinyc.frontend.onnx.operators  # noqa: F401  registers them

    return _CONVERTERS
