"""Cores and boards that tinyc compiles for, one TOML file each, and the look-up by name.

Another package adds its own through the entry-point group `tinyc.targets`. An entry names either a folder (a
string or a path) that holds `*.toml` files, or a callable that takes nothing and returns such a folder or
Target objects.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path

from tinyc.errors import UsageError
from tinyc.targets.reader import read
from tinyc.targets.target import Emulator, Memory, Target

__all__ = ["Emulator", "Memory", "Target", "describe", "load", "names"]

GROUP = "tinyc.targets"
_LOADING: list[EntryPoint] = []  # plugins whose callable runs right now


@dataclass(frozen=True)
class _Entry:
    """A target that is known by name: who brought it, and the file or the object that describes it."""

    name: str
    owner: str
    source: Path | Target


def load(name: str) -> Target:
    """The target called `name`, or the one that the file `name` (a path that ends in .toml) describes.

    Raises UsageError for an unknown name (with the closest known ones) and for a file with mistakes.
    """
    return read(Path(name), _core) if name.endswith(".toml") else _resolve(name, _core)


def names() -> tuple[str, ...]:
    """Every known name, sorted; third parties' included."""
    return tuple(sorted(_registry()))


def describe() -> tuple[dict[str, object], ...]:
    """Every known target as a dictionary ready for JSON, with the package that brought it under "owner"."""
    return tuple(load(name).describe() | {"owner": _registry()[name].owner} for name in names())


@cache
def _registry() -> dict[str, _Entry]:
    entries: dict[str, _Entry] = {}
    for entry in _all_entries():
        other = entries.setdefault(entry.name, entry)
        if other is not entry:
            raise UsageError(
                f"Two packages bring a target called {entry.name}: {other.owner} and {entry.owner}. "
                "Rename or uninstall one of them."
            )
    return entries


def _all_entries() -> Iterator[_Entry]:
    yield from _entries(Path(__file__).parent, "tinyc")
    for point in entry_points(group=GROUP):
        yield from _entries(_plugin(point), point.dist.name if point.dist else point.value)


def _plugin(point: EntryPoint) -> object:
    """What the entry point stands for; one that fails to load is named, so that it can be uninstalled."""
    if point in _LOADING:
        raise UsageError(f"it looks targets up ({GROUP}) while they are being read; give .toml files or Target objects")
    _LOADING.append(point)
    try:
        found = point.load()
        return found() if callable(found) else found
    except Exception as error:
        raise UsageError(
            f"The target plugin {point.name} ({point.value}) failed to load: {error!r}. "
            "Update or uninstall the package that brings it."
        ) from error
    finally:
        _LOADING.remove(point)


def _entries(brought: object, owner: str) -> Iterator[_Entry]:
    if isinstance(brought, (str, Path)):
        yield from (_Entry(path.stem, owner, path) for path in sorted(Path(brought).glob("*.toml")))
    elif isinstance(brought, Iterable):
        yield from (_Entry(target.name, owner, target) for target in brought if _is_target(target, owner))
    else:
        _is_target(brought, owner)


def _is_target(value: object, owner: str) -> bool:
    if isinstance(value, Target):
        return True
    raise UsageError(
        f"The target plugin of {owner} gave {value!r}; tinyc expected a folder of .toml files "
        "or a list of Target objects."
    )


def _core(name: str) -> Target:
    """The core that a board names; reading it looks no further, so boards can't name each other forever."""

    def refuse(further: str) -> Target:
        raise UsageError(
            f"{name} is named as a core, but it is a board with the core {further}. Name {further} itself."
        )

    return _resolve(name, refuse)


def _resolve(name: str, find_core: Callable[[str], Target]) -> Target:
    entry = _registry().get(name)
    if entry is None:
        raise UsageError(_unknown(name))
    if isinstance(entry.source, Target):
        return entry.source
    target = read(entry.source, find_core)
    if target.name != entry.name:
        raise UsageError(
            f"The target file {entry.source} calls itself {target.name}; name and file must agree. "
            f"Rename the file to {target.name}.toml."
        )
    return target


def _unknown(name: str) -> str:
    close = difflib.get_close_matches(name, names(), n=3, cutoff=0.4)
    hint = f"Did you mean {' or '.join(close)}?" if close else f"Known targets: {', '.join(names())}."
    return f'There is no target called "{name}". {hint} A path to your own .toml file works too.'
