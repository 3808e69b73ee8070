"""A generated C project, before anything is written to disk."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Port:
    """A network input or output: the tensor's name in the model, its C accessor, its size in bytes.

    An input that is pushed has `rows`, and `function` takes them.
    """

    name: str
    function: str
    bytes: int
    rows: int | None = None


@dataclass(frozen=True)
class StaticRegion:
    """SRAM besides the arena: a static array `symbol` in a section of its own, in the board's bank `name`.

    The macro `section_macro` overrides the name of the section; `word` is its part of the names of macros. `fast` marks
    memory that is coupled to the core.
    """

    name: str
    symbol: str
    word: str
    section_macro: str
    section: str
    bytes: int
    fast: bool


@dataclass(frozen=True)
class PlacedConstants:
    """Constants in a section of their own, for the bank `name`: their symbols, and their bytes in all."""

    name: str
    section_macro: str
    section: str
    symbols: frozenset[str]
    bytes: int


@dataclass(frozen=True)
class CProject:
    """Everything that goes into the output folder, and what a build needs to know about it.

    Paths are relative to the output folder, with forward slashes. `sources` are the .c files without the CMSIS-NN
    provider; `standin_sources` are compiled where no copy of Arm's library is given.
    """

    name: str
    files: Mapping[str, str]
    sources: tuple[str, ...]
    include_dirs: tuple[str, ...]
    standin_sources: tuple[str, ...]
    standin_include_dirs: tuple[str, ...]
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    arena_bytes: int
    arena_align: int
    operators: tuple[str, ...]
    weights_bytes: int
    tables_bytes: int
    regions: tuple[StaticRegion, ...] = ()
    constants: PlacedConstants | None = None
