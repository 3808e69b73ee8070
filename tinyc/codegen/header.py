"""The public header of a generated network."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tinyc.codegen.text import comment, number
from tinyc.ir.types import DType
from tinyc.program.lifetimes import ARENA_ALIGN
from tinyc.program.program import Line, Port

if TYPE_CHECKING:
    from tinyc.codegen.emit import Network


def accessor(network: Network, kind: str, index: int) -> str:
    """The C function that gives the address of an input or output; numbered where there are several."""
    ports = network.program.inputs if kind == "input" else network.program.outputs
    return f"{network.prefix}_{kind}" + (f"_{index}" if len(ports) > 1 else "")


def header(network: Network) -> str:
    """Text of NAME.h: sizes, quantisation of the ends, and four functions."""
    prefix, macro = network.prefix, network.macro
    lines = _head(network)
    if network.program.pushed:
        lines += _push(network, network.program.pushed)
    for kind, ports in (("input", network.program.inputs), ("output", network.program.outputs)):
        for index, port in enumerate(ports):
            lines += _port(network, kind, index, port)
    lines += [
        f"/* For debugging; link {prefix}_operators.c. */",
        f"extern const tinyc_operator {prefix}_operators[{macro}_OPERATORS];",
        "",
        "#ifdef __cplusplus",
        "}",
        "#endif",
        "",
        "#endif",
    ]
    return "\n".join(lines) + "\n"


def _head(network: Network) -> list[str]:
    """Sizes, and the two functions that every network has."""
    prefix, macro = network.prefix, network.macro
    return [
        f"/* {prefix}: a neural network compiled by tinyc. Call init once, then fill the input and invoke, any",
        " * number of times. Inputs are consumed: invoke may overwrite them. No heap, no recursion; the arena is all",
        " * the state. */",
        f"#ifndef {macro}_H",
        f"#define {macro}_H",
        "",
        '#include "tinyc.h"',
        "",
        "#ifdef __cplusplus",
        'extern "C" {',
        "#endif",
        "",
        f"#define {macro}_ARENA_BYTES {network.plan.arena_bytes}u",
        f"#define {macro}_ARENA_ALIGN {ARENA_ALIGN}u",
        *(f"#define {macro}_{region.word}_BYTES {region.bytes}u" for region in network.places.regions),
        f"#define {macro}_OPERATORS {len(network.operators)}u",
        "",
        f"/* Hands over the arena: {macro}_ARENA_BYTES bytes, aligned to {macro}_ARENA_ALIGN; leave it alone then. */",
        f"tinyc_status {prefix}_init(void *arena, size_t arena_bytes);",
        "/* Runs the network once, from the inputs in the arena to the outputs in the arena. */",
        f"tinyc_status {prefix}_invoke(void);",
        "",
        *(_regions(network) if network.places.regions else []),
    ]


def _regions(network: Network) -> list[str]:
    regions = network.places.regions
    return [
        "/* SRAM besides the arena, in sections of its own: the linker script places them (see README.md). The network",
        " * works there; leave it alone. Nothing needs to be zeroed or loaded. */",
        *(f"extern uint8_t {r.symbol}[{network.macro}_{r.word}_BYTES]; /* {comment(r.name)} */" for r in regions),
        "",
    ]


def _push(network: Network, line: Line) -> list[str]:
    prefix, macro = network.prefix, network.macro
    return [
        f"#define {macro}_ROWS {line.rows}u",
        f"#define {macro}_ROW_BYTES {line.row_bytes}u",
        "/* Delivers the next n rows of the image, from the top; any n, as the camera has them. They are copied or",
        f" * used at once. After the last of {macro}_ROWS rows, {prefix}_invoke gives the outputs, and the next",
        " * image may begin. */",
        f"tinyc_status {prefix}_push_rows(const {network.program.inputs[0].type.dtype.c} *rows, size_t n);",
        "",
    ]


def _port(network: Network, kind: str, index: int, port: Port) -> list[str]:
    function = accessor(network, kind, index)
    macro = function.upper()
    const = "" if kind == "input" else "const "
    shape = ",".join(map(str, port.type.shape))
    name = f'{kind} "{comment(port.name)}": {port.type.dtype.value}[{shape}]'
    lines = [
        *([f"/* {name}, pushed row by row. */"] if kind == "input" and network.program.pushed else [
            f"/* {name}, {network.places.where(port.place.buffer)}; NULL before init. */",
            f"{const}{port.type.dtype.c} *{function}(void);",
        ]),
        f"#define {macro}_BYTES {port.type.bytes}u",
        f"#define {macro}_ELEMENTS {port.type.elements}u",
    ]
    if port.type.dtype is DType.int8 and port.type.quant is not None:
        lines += [
            f"#define {macro}_SCALE {number(port.type.scale)}",
            f"#define {macro}_ZERO_POINT ({port.type.zero_point})",
            *(_quantise(function, macro) if kind == "input" else _dequantise(function, macro)),
        ]
    return [*lines, ""]


def _quantise(function: str, macro: str) -> list[str]:
    return [
        "/* The int8 code of a real value: nearest, halves away from zero, saturated. */",
        f"static inline int8_t {function}_quantise(float real)",
        "{",
        f"    const float scaled = real / {macro}_SCALE;",
        "    const float limited = scaled > 512.0f ? 512.0f : scaled < -512.0f ? -512.0f : scaled;",
        f"    const int32_t code = (int32_t)(limited + (limited < 0.0f ? -0.5f : 0.5f)) + {macro}_ZERO_POINT;",
        "    return (int8_t)(code > 127 ? 127 : code < -128 ? -128 : code);",
        "}",
    ]


def _dequantise(function: str, macro: str) -> list[str]:
    return [
        "/* The real value of an int8 code. */",
        f"static inline float {function}_dequantise(int8_t code)",
        "{",
        f"    return (float)(code - {macro}_ZERO_POINT) * {macro}_SCALE;",
        "}",
    ]
