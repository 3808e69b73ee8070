"""The registry of converters: for each TFLite operator, the function that says it in tinyc's operators."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tinyc.frontend.tflite.site import Site

Convert = Callable[["Site"], None]


@dataclass(frozen=True, slots=True)
class Converter:
    """`inputs` and `outputs` are (least, greatest) numbers; `options` is the table of its options."""

    convert: Convert
    inputs: tuple[int, int]
    outputs: tuple[int, int]
    options: str | None


_CONVERTERS: dict[str, Converter] = {}
MANY = 1000


def converter(
    *codes: str, inputs: tuple[int, int], outputs: tuple[int, int] = (1, 1), options: str | None = None
) -> Callable[[Convert], Convert]:
    """Function decorator: registers a converter for TFLite operators of these names."""

    def register(function: Convert) -> Convert:
        for code in codes:
            if code in _CONVERTERS:
                raise ValueError(f"two converters for {code}")
            _CONVERTERS[code] = Converter(function, inputs, outputs, options)
        return function

    return register


def converters() -> dict[str, Converter]:
    """All of them, by the name of the TFLite operator."""
    import tinyc.frontend.tflite.operators  # noqa: F401  registers them

    return _CONVERTERS
