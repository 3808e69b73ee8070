"""Reads one target file (TOML) and checks it; a complaint says which file, which key, what was expected."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterable, Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

from tinyc.errors import UsageError
from tinyc.targets.target import ARENA_KINDS, KINDS, SIMD, Emulator, Memory, Target

Table = dict[str, Any]
Keys = Mapping[str, type]

CORE_KEYS: Keys = {"name": str, "description": str, "simd": str, "cpu_flags": list, "emulator": dict}
BOARD_KEYS: Keys = {"name": str, "description": str, "core": str, "memory": list}
BOARD_OPTIONS: Keys = {"cpu_flags": list}
MEMORY_KEYS: Keys = {"name": str, "kind": str, "origin": int, "bytes": int, "speed": int}
EMULATOR_KEYS: Keys = {"machine": str}
EMULATOR_OPTIONS: Keys = {"cpu_flags": list, "trap_unaligned": bool, "note": str}

WORDS: dict[type, str] = {
    str: "a text",
    int: "a whole number",
    list: "a list",
    dict: "a table",
    bool: "true or false",
}


def read(path: Path, find_core: Callable[[str], Target]) -> Target:
    """The target that `path` describes. `find_core` looks up the core a board names. Raises UsageError."""
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"The target file {path} can't be read: {error.strerror}.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"The target file {path} isn't valid TOML: {error}.") from error
    return _board(table, path, find_core) if "core" in table else _core(table, path)


def _core(table: Table, path: Path) -> Target:
    where = f"The core in {path}"
    _check(table, CORE_KEYS, {}, where)
    _one_of(table["simd"], SIMD, "simd", where)
    flags = _texts(table["cpu_flags"], "cpu_flags", where)
    emulator = _emulator(table["emulator"], flags, f"{where}, section emulator,")
    return Target(table["name"], table["description"], table["name"], flags, table["simd"], (), emulator)


def _board(table: Table, path: Path, find_core: Callable[[str], Target]) -> Target:
    where = f"The board in {path}"
    _check(table, BOARD_KEYS, BOARD_OPTIONS, where)
    core = find_core(table["core"])
    if core.memories:
        raise UsageError(
            f"{where} names {core.name} as its core, but that is a board. Name {core.core} instead."
        )
    flags = _texts(table["cpu_flags"], "cpu_flags", where) if "cpu_flags" in table else core.cpu_flags
    memories = tuple(_memory(bank, f"{where}, memory {index},") for index, bank in enumerate(table["memory"]))
    _check_memories(memories, where)
    return Target(table["name"], table["description"], core.name, flags, core.simd, memories, core.emulator)


def _emulator(table: Table, core_flags: tuple[str, ...], where: str) -> Emulator:
    _check(table, EMULATOR_KEYS, EMULATOR_OPTIONS, where)
    flags = _texts(table["cpu_flags"], "cpu_flags", where) if "cpu_flags" in table else core_flags
    return Emulator(table["machine"], flags, table.get("trap_unaligned", False), table.get("note", ""))


def _memory(table: object, where: str) -> Memory:
    if not isinstance(table, dict):
        raise UsageError(f"{where} must be a table with the keys {', '.join(MEMORY_KEYS)}.")
    _check(table, MEMORY_KEYS, {}, where)
    _one_of(table["kind"], KINDS, "kind", where)
    if table["bytes"] <= 0 or table["origin"] < 0 or table["speed"] < 0:
        raise UsageError(f"{where} needs bytes > 0, origin >= 0 and speed >= 0.")
    return Memory(**table)


def _check_memories(memories: tuple[Memory, ...], where: str) -> None:
    """A board needs somewhere to put the arena, and banks that don't share addresses or names."""
    if not any(bank.kind in ARENA_KINDS for bank in memories):
        raise UsageError(
            f"{where} has nowhere to put an arena. Add a [[memory]] of kind {' or '.join(ARENA_KINDS)}, "
            "or name the core itself as the target."
        )
    for low, high in pairwise(sorted(memories, key=lambda bank: bank.origin)):
        if high.origin < low.end:
            raise UsageError(
                f"{where} has overlapping memories: {low.name} ends at {low.end:#x}, "
                f"{high.name} begins at {high.origin:#x}."
            )
    names = [bank.name for bank in memories]
    if len(set(names)) < len(names):
        raise UsageError(f"{where} gives two memories the same name; the names are {', '.join(names)}.")


def _check(table: Table, needed: Keys, options: Keys, where: str) -> None:
    known = {**needed, **options}
    for kind, keys in (
        ("lacks the key", needed.keys() - table.keys()),
        ("has the unknown key", table.keys() - known.keys()),
    ):
        if keys:
            raise UsageError(f"{where} {kind} {', '.join(sorted(keys))}; the keys are {', '.join(known)}.")
    for key, value in table.items():
        # bool is an int to Python, but true is no size
        if type(value) is not known[key]:
            raise UsageError(f"{where} has {key} = {value!r}, but {key} must be {WORDS[known[key]]}.")


def _one_of(value: str, allowed: Iterable[str], key: str, where: str) -> None:
    if value not in allowed:
        raise UsageError(f'{where} has {key} = "{value}", but {key} must be one of {", ".join(allowed)}.')


def _texts(values: list[object], key: str, where: str) -> tuple[str, ...]:
    texts = tuple(value for value in values if isinstance(value, str))
    if len(texts) < len(values):
        raise UsageError(f"{where} has {key} = {values!r}, but {key} must be a list of texts.")
    return texts
