"""Bytes of code before any compiler runs: measured sizes of kernels, and a fit to what generated functions need.

Kernels: the union of the symbols that stay linked when each called function is linked alone (code_sizes.json, which
benchmarks/nas_code_sizes.py measures with the flags of `tinyc profile`). Generated code and its structs: linear in
counts taken from the C text, fitted to linked programs by the same script.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from tinyc.codegen.source import source
from tinyc.errors import UsageError

if TYPE_CHECKING:
    from tinyc.codegen.emit import Network
    from tinyc.targets import Target

Library = Literal["stand-in", "cmsis-nn"]  # the portable CMSIS-NN that tinyc ships, or Arm's own

DATA = Path(__file__).parent / "code_sizes.json"
UNKNOWN = 800  # bytes of a function that was not measured: another package's kernel
ALIKE = {"none": "cortex-m3", "dsp": "cortex-m4", "mve": "cortex-m55"}  # where a core was not measured
CALL = re.compile(r"\b((?:arm|tinyc)_\w+|mem(?:cpy|move|set))\(")
_CALL_ARGUMENTS = re.compile(r"^ +(?:return from_cmsis\(|return )?(?:arm|tinyc)_\w+\([^;]*;", re.MULTILINE)
_STATIC = re.compile(r"static const [^;]*;")
_DYNAMIC = re.compile(r"^    const \w+ \w+ = \{[^;]*;", re.MULTILINE)
_HALFWORDS = re.compile(r"^static const uint16_t \w+\[\] = \{([^;]*)\};", re.MULTILINE)
_INITIALISER = re.compile(r"[={,]\s*(?![.{])[^,{}=\s]")
_FUNCTION = re.compile(r"^static tinyc_status (op|block)_", re.MULTILINE)


def code_bytes(network: Network, library: Library = "stand-in") -> int:
    """Estimated .text, and .rodata besides the network's constants, that a network adds to a program, in bytes."""
    text, (calls, symbols) = source(network), _kernels(network.target, library)
    called = set(CALL.findall(text))
    linked = {number for function in called for number in calls.get(function, ())}
    kernels = sum(symbols[number][1] for number in linked) + UNKNOWN * len(called - set(calls))
    return kernels + generated_bytes(text, len(network.pool.arrays))


def generated_bytes(text: str, arrays: int) -> int:
    """Estimated bytes of the C text of a network that reads so many arrays."""
    weights = _data()["generated"]
    counts = (*text_counts(text), *rodata_counts(text, arrays))
    return max(0, round(sum(w * n for w, n in zip((*weights["text"], *weights["rodata"]), counts, strict=True))))


def text_counts(text: str) -> Sequence[int]:
    """What the size of generated functions depends on: one, functions of operators, those of their blocks of rows,
    arguments of calls, fields of structs that are filled at run time, whether rows flow."""
    kinds = [match.group(1) for match in _FUNCTION.finditer(text)]
    arguments = sum(call.count(",") + 1 for call in _CALL_ARGUMENTS.findall(text))
    return 1, kinds.count("op"), kinds.count("block"), arguments, _initialisers(_DYNAMIC, text), "tinyc_stream_" in text


def rodata_counts(text: str, arrays: int) -> Sequence[int]:
    """What structs in flash depend on: one, their fields, the elements of 16-bit arrays, the number of arrays that hold
    constants (alignment)."""
    halfwords = sum(found.count(",") + found.count("TINYC_REPEAT") for found in _HALFWORDS.findall(text))
    return 1, _initialisers(_STATIC, _HALFWORDS.sub("", text)), halfwords, arrays


def _initialisers(kind: re.Pattern[str], text: str) -> int:
    return sum(len(_INITIALISER.findall(found)) for found in kind.findall(text))


def _kernels(target: Target, library: Library) -> tuple[dict[str, list[int]], list[tuple[str, int]]]:
    """Function → numbers of symbols, and (name, bytes) of every symbol. An unknown core has those of one like it."""
    cores = _data()["cores"]
    found = cores[target.core if target.core in cores else ALIKE[target.simd]]
    if library not in found:
        raise UsageError(f"there is no library {library!r}; there are: {', '.join(found)}")
    return found[library]["calls"], found[library]["symbols"]


@cache
def _data() -> dict[str, Any]:
    data: dict[str, Any] = json.loads(DATA.read_text(encoding="utf-8"))
    return data
