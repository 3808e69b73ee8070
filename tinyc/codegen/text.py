"""Small pieces of C: identifiers, comments, numbers, arrays."""

from __future__ import annotations

import re

import numpy as np

from tinyc.ir.types import Array

C_TYPES = {np.dtype(n): f"{n}_t" for n in ("int8", "uint8", "int16", "uint16", "int32", "uint32")} | {
    np.dtype("float32"): "float"
}
_KEYWORDS = frozenset(re.findall(r"\w+", """
    auto break case char const continue default do double else enum extern float for goto if inline int long main
    register restrict return short signed sizeof static struct switch typedef union unsigned void volatile while
"""))


def identifier(text: str) -> str:
    """A C identifier in lower case made from any text."""
    name = re.sub(r"[^a-z0-9]+", "_", text.lower()).strip("_") or "model"
    return f"m_{name}" if name[0].isdigit() or name in _KEYWORDS else name


def comment(text: str) -> str:
    """Text that can stand inside a block comment, whatever a model calls its tensors."""
    plain = "".join(c if " " <= c <= "~" else "?" for c in text)
    return plain.replace("*/", "* /").replace("/*", "/ *").replace("??", "? ?")


def string(text: str) -> str:
    """A C string literal; names are for people, so anything but plain ASCII becomes '?'."""
    plain = "".join(c if " " <= c <= "~" else "?" for c in text)
    return '"' + plain.replace("\\", "\\\\").replace('"', '\\"').replace("??", "?\\?") + '"'


def integer(value: int) -> str:
    """An int32 literal; the most negative one has no direct spelling in C."""
    return "(-2147483647 - 1)" if value == -(2**31) else str(value)


def number(value: float) -> str:
    """A float literal that reads back as the same float32."""
    text = repr(float(np.float32(value)))
    return f"{text}f" if any(c in text for c in ".en") else f"{text}.0f"


def array(name: str, data: Array, attribute: str = "") -> str:
    """The definition of a constant array, lines of at most about 110 characters."""
    flat = data.reshape(-1)
    if flat.dtype.kind == "f":
        items = [number(v) for v in flat.tolist()]
    elif flat.dtype.itemsize == 4 and (flat == -(2**31)).any():
        items = [integer(v) for v in flat.tolist()]
    else:
        items = list(map(str, flat.tolist()))
    per_line = {1: 24, 2: 16, 4: 9}[flat.dtype.itemsize]
    rows = [", ".join(items[i : i + per_line]) for i in range(0, len(items), per_line)]
    body = ",\n    ".join(rows)
    placed = f" {attribute}" if attribute else ""
    return f"const {C_TYPES[flat.dtype]} {name}[{len(items)}]{placed} = {{\n    {body}\n}};\n"
