"""Search spaces: what networks may look like, as small classes. See `space.Space` for how to write your own."""

from __future__ import annotations

from typing import Any

from tinyc.errors import UsageError
from tinyc.nas.spaces.audio import DsCnnSpace, DsCnnSpec
from tinyc.nas.spaces.cnn import CnnSpace, CnnSpec
from tinyc.nas.spaces.space import Space, Spec, from_data, spec_hash, to_data
from tinyc.nas.spaces.vit import VitSpace, VitSpec

SPACES: dict[str, type[Space[Any]]] = {"cnn": CnnSpace, "audio": DsCnnSpace, "vit": VitSpace}

__all__ = [
    "SPACES", "CnnSpace", "CnnSpec", "DsCnnSpace", "DsCnnSpec", "Space", "Spec", "VitSpace", "VitSpec",
    "find_space", "from_data", "spec_hash", "to_data",
]


def find_space(name: str) -> Space[Any]:
    """The space called `name`, with its usual choices."""
    if name not in SPACES:
        raise UsageError(f"there is no search space {name!r}; there are: {', '.join(SPACES)}")
    return SPACES[name]()
