"""Writes an output folder: all of it or nothing, and never over a file that is not tinyc's own.

manifest.json in the folder says which files an earlier build wrote and what they held then; only these,
unchanged, are replaced or removed.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from tinyc.errors import UsageError

MANIFEST = "manifest.json"
NAMED = 5  # files that a message lists


def check_folder(folder: Path, *, force: bool) -> None:
    """Refuse, before any work, a folder that `write_folder` would refuse. Raises UsageError."""
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"the output folder {folder} is a file. Choose another one with -o.")
    if not force and _occupied(folder):
        raise UsageError(
            f"the output folder {folder} is not empty, and nothing in it was touched. Choose another one "
            "with -o, or give --force to replace what an earlier tinyc build wrote there (other files stay)."
        )


def write_folder(folder: Path, files: Mapping[str, str], *, force: bool = False) -> None:
    """Write `files` (relative path with forward slashes to text) into `folder`.

    A new folder appears complete or not at all. With `force`, files of an earlier build are replaced, or
    removed where the new build has none of that name; everything else in the folder stays. Raises UsageError
    where the folder is not empty and `force` is not given, where a file to replace is not tinyc's, and where
    the disk refuses.
    """
    check_folder(folder, force=force)
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".tinyc-", dir=folder.parent) as draft:
            root = Path(draft) / "new"
            _write(root, files)
            if _occupied(folder):
                _replace(folder, root, files)
            else:
                _rename(root, folder)
    except OSError as error:
        where = error.filename or folder
        raise UsageError(
            f"cannot write the output folder {folder}: {error.strerror or error} ({where})."
        ) from error


def _occupied(folder: Path) -> bool:
    try:
        return folder.is_dir() and any(folder.iterdir())
    except OSError as error:
        raise UsageError(f"cannot read the output folder {folder}: {error.strerror}.") from error


def _write(root: Path, files: Mapping[str, str]) -> None:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode("utf-8"))


def _rename(root: Path, folder: Path) -> None:
    if folder.is_symlink():  # renaming onto the link would replace the link, not the folder it leads to
        folder = folder.resolve()
    if folder.exists():
        folder.rmdir()  # empty, see the caller; not every system renames onto an empty folder
    os.replace(root, folder)


# ---------------------------------------------------------------------- replacing an earlier build
def _replace(folder: Path, root: Path, files: Mapping[str, str]) -> None:
    """Move the files of `root` over those of an earlier build; the manifest last, so that it never lies."""
    earlier = _earlier_build(folder)
    foreign = list(_foreign(folder, files, earlier))
    if foreign:
        raise UsageError(_refusal(folder, foreign))
    for name in sorted(files, key=lambda name: name == MANIFEST):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        os.replace(root / name, path)
    _remove_stale(folder, earlier, set(files))


def _earlier_build(folder: Path) -> dict[str, str]:
    """Path to hash of what the manifest in `folder` lists; empty where there is no manifest of ours."""
    try:
        data: Any = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        if data["tool"]["name"] != "tinyc":
            return {}
        listed = {name: digest for name, digest in data["files"].items() if _inside(name)}
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return {}
    return listed | {MANIFEST: _hash(folder / MANIFEST)}


def _inside(name: str) -> bool:
    """A manifest is a file that anybody can edit: only plain relative paths below the folder count."""
    path = PurePosixPath(name)
    return bool(path.parts) and not path.is_absolute() and ".." not in path.parts and "\\" not in name


def _foreign(folder: Path, files: Mapping[str, str], earlier: Mapping[str, str]) -> Iterator[str]:
    """Paths where a new file would destroy what no earlier build wrote, or what was changed since."""
    for name, text in files.items():
        path = folder / name
        blocked = next(
            (p for p in _parents(folder, name) if p.is_symlink() or (p.exists() and not p.is_dir())), None
        )
        if blocked is not None:
            yield blocked.relative_to(folder).as_posix()
        elif os.path.lexists(path) and not _is_ours(path, (earlier.get(name), _digest(text.encode("utf-8")))):
            yield name


def _is_ours(path: Path, digests: Iterable[str | None]) -> bool:
    return path.is_file() and not path.is_symlink() and _hash(path) in digests


def _parents(folder: Path, name: str) -> Iterator[Path]:
    """Folders between `folder` and the file, outermost first."""
    for parent in list(PurePosixPath(name).parents)[-2::-1]:
        yield folder / parent


def _refusal(folder: Path, foreign: list[str]) -> str:
    more = f" and {len(foreign) - NAMED} more" if len(foreign) > NAMED else ""
    return (
        f"--force does not replace files in {folder} that no tinyc build wrote or that were changed since: "
        f"{', '.join(foreign[:NAMED])}{more}. Nothing was touched. Move them away, or choose another folder."
    )


def _remove_stale(folder: Path, earlier: Mapping[str, str], current: set[str]) -> None:
    """Remove what the earlier build alone wrote, where it is unchanged, and folders left empty."""
    for name in earlier.keys() - current:
        path = folder / name
        linked = any(p.is_symlink() for p in _parents(folder, name))
        if linked or not _is_ours(path, (earlier[name],)):
            continue
        path.unlink()
        for parent in reversed(list(_parents(folder, name))):
            if any(parent.iterdir()):
                break
            parent.rmdir()


def _hash(path: Path) -> str:
    return _digest(path.read_bytes())


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
