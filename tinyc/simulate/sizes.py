"""Where code and constants of a linked program come from: bytes per source file, read from the linker's map."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

SECTIONS = (".text", ".rodata")
# " .text.name  0xaddress  0xsize  object"; a long name stands on a line of its own
_INPUT = re.compile(r"^ (?:\.\S+)?\s+0x[0-9a-f]+\s+0x([0-9a-f]+) (\S.*)$")
_ARCHIVED = re.compile(r"([^/(]+)\((?:\d+_)?([^()]+)\.o\)$")
_OWN = re.compile(r"project_(\d+)\.o$")
_LIBRARY = re.compile(r"lib[0-9a-f]{32}\.a$")  # as toolchain.library names what it builds


@dataclass(frozen=True)
class CodePart:
    """Bytes that one source adds to a program. Generated files and kernels have their path in the project.

    What comes from CMSIS-NN (or the stand-in) is `cmsis-nn/FILE.c`, from compiler and C library `libgcc/…`, `libc/…`.
    """

    source: str
    text_bytes: int
    rodata_bytes: int


def code_parts(link_map: str, sources: Sequence[str]) -> tuple[CodePart, ...]:
    """Every source that is in the program, the largest code first. `sources`: those of project_000.o, 001 and so on."""
    sizes = {section: Counter[str]() for section in SECTIONS}
    for section, size, where in _placed(link_map):
        sizes[section][_source(where, sources)] += size
    text, rodata = (sizes[section] for section in SECTIONS)
    parts = [CodePart(source, text[source], rodata[source]) for source in {**text, **rodata}]
    return tuple(sorted(parts, key=lambda part: (-part.text_bytes, -part.rodata_bytes, part.source)))


def _placed(link_map: str) -> Iterator[tuple[str, int, str]]:
    """Output section, bytes and object file of everything that the linker kept in SECTIONS."""
    section = ""
    for line in link_map.partition("Linker script and memory map")[2].splitlines():
        if line[:1] not in ("", " "):
            section = line.split()[0]
        elif section in SECTIONS and (found := _INPUT.match(line)) and (size := int(found[1], 16)):
            yield section, size, found[2]


def _source(where: str, sources: Sequence[str]) -> str:
    if own := _OWN.search(where):
        return sources[int(own[1])]
    if archived := _ARCHIVED.search(where):
        library = "cmsis-nn" if _LIBRARY.match(archived[1]) else PurePosixPath(archived[1]).stem
        return f"{library}/{archived[2]}" + (".c" if library == "cmsis-nn" else "")
    return PurePosixPath(where).name
