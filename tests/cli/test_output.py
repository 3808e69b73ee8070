"""Output folders: nothing half-written, nothing of the user's overwritten."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tests.cli.conftest import Run
from tinyc.errors import UsageError
from tinyc.output import write_folder
from tinyc.report.manifest import sha256


def with_manifest(files: dict[str, str]) -> dict[str, str]:
    """The files and a manifest that lists them, as a build makes it."""
    manifest = {"tool": {"name": "tinyc"}, "files": {name: sha256(text) for name, text in files.items()}}
    return {**files, "manifest.json": json.dumps(manifest)}


OLD = with_manifest({"a.c": "old a", "kernels/k.c": "old k", "stale/s.c": "old s"})
NEW = with_manifest({"a.c": "new a", "kernels/k.c": "old k", "b.c": "new b"})


def contents(folder: Path) -> dict[str, str]:
    return {p.relative_to(folder).as_posix(): p.read_text() for p in sorted(folder.rglob("*")) if p.is_file()}


def test_new_and_empty_folders(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    for name in ("deep/down/new", "empty"):
        write_folder(tmp_path / name, OLD)
        assert contents(tmp_path / name) == OLD
    assert not list(tmp_path.glob("**/.tinyc-*"))


def test_a_folder_with_anything_in_it_is_refused(tmp_path: Path) -> None:
    write_folder(tmp_path, OLD)
    with pytest.raises(UsageError, match="is not empty.*--force"):
        write_folder(tmp_path, NEW)
    assert contents(tmp_path) == OLD
    with pytest.raises(UsageError, match="is a file"):
        write_folder(tmp_path / "a.c", NEW, force=True)


def test_refused_before_any_work(tinyc: Run, tmp_path: Path) -> None:
    """The folder is looked at first: the model is not even read."""
    (tmp_path / "mine.txt").write_text("mine")
    (tmp_path / "broken.tflite").write_bytes(b"broken")
    ran = tinyc("build", tmp_path / "broken.tflite", "--target", "cortex-m4", "-o", tmp_path)
    assert ran.code == 2 and "is not empty" in ran.err


def test_force_replaces_and_removes_only_what_tinyc_wrote(tmp_path: Path) -> None:
    write_folder(tmp_path, OLD)
    (tmp_path / "main.c").write_text("mine")
    (tmp_path / "kernels" / "mine.c").write_text("mine too")
    write_folder(tmp_path, NEW, force=True)
    assert contents(tmp_path) == {**NEW, "main.c": "mine", "kernels/mine.c": "mine too"}
    assert not (tmp_path / "stale").exists()


def test_a_stale_file_that_was_edited_stays(tmp_path: Path) -> None:
    write_folder(tmp_path, OLD)
    (tmp_path / "stale" / "s.c").write_text("edited")
    write_folder(tmp_path, NEW, force=True)
    assert (tmp_path / "stale" / "s.c").read_text() == "edited"


@pytest.mark.parametrize("spoil", ["edited", "foreign", "no manifest", "link", "folder", "file for folder"])
def test_force_refuses_to_destroy(tmp_path: Path, spoil: str) -> None:
    """An edited file, a file of the user's with a new file's name, a build without its manifest, …"""
    folder = tmp_path / "out"
    write_folder(folder, OLD)
    if spoil == "edited":
        (folder / "a.c").write_text("edited")
    elif spoil == "foreign":
        (folder / "b.c").write_text("mine")
    elif spoil == "no manifest":
        (folder / "manifest.json").unlink()
    elif spoil == "link":
        (tmp_path / "elsewhere.c").write_text("old a")
        (folder / "a.c").unlink()
        (folder / "a.c").symlink_to(tmp_path / "elsewhere.c")
    elif spoil == "folder":
        (folder / "b.c").mkdir()
    else:
        (folder / "kernels" / "k.c").unlink()
        (folder / "kernels").rmdir()
        (folder / "kernels").write_text("mine")
    before = contents(folder)
    with pytest.raises(UsageError, match="--force does not replace.*Nothing was touched"):
        write_folder(folder, NEW, force=True)
    assert contents(folder) == before


def test_a_manifest_cannot_point_elsewhere(tmp_path: Path) -> None:
    """A forged manifest makes tinyc delete nothing outside the folder."""
    (tmp_path / "precious").write_text("precious")
    evil = {"tool": {"name": "tinyc"}, "files": {"../precious": sha256("precious"), "/etc/hostname": "0"}}
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "manifest.json").write_text(json.dumps(evil))
    write_folder(tmp_path / "out", NEW, force=True)
    assert (tmp_path / "precious").read_text() == "precious" and contents(tmp_path / "out") == NEW


def test_building_twice(tinyc: Run, model: Path, tmp_path: Path) -> None:
    build = ("build", model, "--target", "cortex-m4", "-o", tmp_path / "out")
    assert tinyc(*build).code == 0
    first = contents(tmp_path / "out")
    (tmp_path / "out" / "notes.txt").write_text("mine")
    assert tinyc(*build).code == 2
    assert tinyc(*build, "--force", "--name", "other").code == 0
    second = contents(tmp_path / "out")
    assert "residual.c" not in second and "other.c" in second and second["notes.txt"] == "mine"
    assert tinyc(*build, "--force").code == 0
    assert contents(tmp_path / "out") == {**first, "notes.txt": "mine"}


def test_a_failed_build_leaves_nothing(tinyc: Run, models: dict[str, Path], tmp_path: Path) -> None:
    assert tinyc("build", models["large"], "--target", "rp2040", "-o", tmp_path / "out").code == 4
    assert list(tmp_path.iterdir()) == []


def test_a_disk_that_refuses_is_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device", "x")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(UsageError, match="No space left on device"):
        write_folder(tmp_path / "out", OLD)
    assert list(tmp_path.iterdir()) == []
