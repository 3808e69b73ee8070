"""Markup for SVG and HTML: elements whose attributes are escaped, and text that is safe wherever it came from."""

from __future__ import annotations

from html import escape


def plain(name: str) -> str:
    """A name from a model file as text: what cannot be printed (controls, bidirectional marks) becomes `?`."""
    return escape("".join(c if c.isprintable() else "?" for c in name))


def number(value: float) -> str:
    """At most two decimals: pixels need no more."""
    return f"{value:.2f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)


def tag(name: str, content: str = "", /, **attributes: str | float) -> str:
    """An element around markup. `class_` and `text_anchor` become `class` and `text-anchor`."""
    given = "".join(f' {key.strip("_").replace("_", "-")}="{_value(v)}"' for key, v in attributes.items())
    return f"<{name}{given}>{content}</{name}>" if content else f"<{name}{given}/>"


def _value(value: str | float) -> str:
    return plain(value) if isinstance(value, str) else number(value)


def shorten(name: str, longest: int) -> str:
    """At most `longest` characters. The middle goes: beginning and end together tell tensors apart."""
    if len(name) <= longest:
        return name
    tail = max(0, (longest - 1) // 3)
    return name[: longest - 1 - tail] + "…" + name[len(name) - tail :]
