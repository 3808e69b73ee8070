"""Short readable names for the values of a Graph, from the long paths that converters write."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping

MAX_DEPTH = 8  # path components that are looked at
MAX_LENGTH = 60
_UNFIT = re.compile(r"[^A-Za-z0-9_]+")


def short_names(paths: Mapping[int, str]) -> dict[int, str]:
    """For each path, its shortest suffix of whole components that no other path shares, as an identifier.

    A path is what precedes the first ';' (converters join fused operators so). Equal names get a number.
    """
    parts = {key: path.split(";")[0].split("/")[-MAX_DEPTH:] for key, path in paths.items()}
    seen = Counter(suffix for components in parts.values() for suffix in _suffixes(components))
    taken: Counter[str] = Counter()
    return {
        key: _numbered(_identifier(_shortest(components, seen)), taken) for key, components in parts.items()
    }


def _suffixes(components: list[str]) -> list[tuple[str, ...]]:
    return [tuple(components[-n:]) for n in range(1, len(components) + 1)]


def _shortest(components: list[str], seen: Counter[tuple[str, ...]]) -> tuple[str, ...]:
    suffixes = _suffixes(components)
    return next((s for s in suffixes if seen[s] == 1), suffixes[-1])


def _identifier(components: tuple[str, ...]) -> str:
    name = _UNFIT.sub("_", "_".join(components)).strip("_")[-MAX_LENGTH:]
    return name if name[:1].isalpha() else f"t{name}"


def _numbered(name: str, taken: Counter[str]) -> str:
    taken[name] += 1
    return name if taken[name] == 1 else f"{name}.{taken[name] - 1}"
