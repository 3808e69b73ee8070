"""docs/example_kernel: shown whole in docs/kernels.md, found by its entry point, chosen, right, and worth it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ROOT

PACKAGE = ROOT / "docs" / "example_kernel"
MODEL = ROOT / "docs" / "example" / "digits.tflite"
NAME = "acme/max_pool_2x2_s8"
SHOWN = ("acme_pool/__init__.py", "acme_pool/acme_max_pool.c", "pyproject.toml")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the package as pip leaves it, from what its pyproject.toml says."""
    folder = tmp_path_factory.mktemp("site")
    settings = tomllib.loads((PACKAGE / "pyproject.toml").read_text())
    project, tool = settings["project"], settings["tool"]["setuptools"]
    for package in tool["packages"]:
        (folder / package).mkdir()
        for pattern in ("*.py", *tool["package-data"][package]):
            for path in (PACKAGE / package).glob(pattern):
                shutil.copy(path, folder / package)
    info = folder / f"{project['name'].replace('-', '_')}-{project['version']}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n")
    groups = ((group, points.items()) for group, points in project["entry-points"].items())
    lines = [f"[{group}]\n" + "".join(f"{key} = {value}\n" for key, value in points) for group, points in groups]
    (info / "entry_points.txt").write_text("".join(lines))
    return folder


def tinyc(site: Path | None, *words: str | Path) -> Any:
    path = os.pathsep.join(map(str, (ROOT, *([site] if site else []))))
    done = subprocess.run(
        [sys.executable, "-m", "tinyc", *map(str, words), "--json"],
        env={**os.environ, "PYTHONPATH": path, "CMSIS_NN_DIR": ""}, capture_output=True, text=True, timeout=300,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def pooling(data: Any, key: str) -> dict[str, Any]:
    (found,) = (row for row in data[key] if "MaxPool2d" in row["name"])
    return dict(found)


@pytest.mark.parametrize("name", SHOWN)
def test_the_page_shows_the_file(name: str) -> None:
    assert f"\n{(PACKAGE / name).read_text()}```" in (ROOT / "docs" / "kernels.md").read_text()


def test_it_is_small() -> None:
    files = [PACKAGE / "pyproject.toml", *(PACKAGE / "acme_pool").glob("*.[pch]*")]
    assert sum(1 for path in files for line in path.read_text().splitlines() if line.strip()) < 100


def test_listed_with_its_owner(site: Path) -> None:
    (row,) = (k for k in tinyc(site, "kernels")["kernels"] if k["name"] == NAME)
    assert row["owner"] == "acme_pool" and row["operators"] == ["max_pool2d"]
    assert NAME not in {k["name"] for k in tinyc(None, "kernels")["kernels"]}


@pytest.mark.parametrize("objective", ["speed", "sram"])
def test_chosen_where_its_instructions_exist(site: Path, objective: str) -> None:
    on_m4 = tinyc(site, "plan", MODEL, "--target", "cortex-m4", "--objective", objective)
    assert pooling(on_m4, "operator_table")["kernel"] == NAME
    on_m3 = tinyc(site, "plan", MODEL, "--target", "cortex-m3", "--objective", objective)
    assert pooling(on_m3, "operator_table")["kernel"] != NAME


def test_right_on_the_host(site: Path) -> None:
    data = tinyc(site, "verify", MODEL, "--target", "cortex-m4", "-n", "5", "--per-layer")
    (layer,) = (layer for layer in data["layers"] if layer["kernel"] == NAME)
    assert data["mismatches"] == 0 and layer["found"]["compared"] > 0 and layer["found"]["mismatches"] == 0


def test_right_on_the_core_and_worth_it(site: Path) -> None:
    if shutil.which("arm-none-eabi-gcc") is None or shutil.which("qemu-system-arm") is None:
        pytest.skip("needs the cross compiler and the emulator")
    data = tinyc(site, "verify", MODEL, "--target", "cortex-m4", "--on", "emulator", "-n", "5")
    assert data["mismatches"] == 0
    theirs = pooling(tinyc(site, "profile", MODEL, "--target", "cortex-m4"), "operators")
    ours = pooling(tinyc(None, "profile", MODEL, "--target", "cortex-m4"), "operators")
    assert theirs["kernel"] == NAME and theirs["instructions"] < ours["instructions"] / 4
    estimate = pooling(tinyc(site, "plan", MODEL, "--target", "cortex-m4"), "operator_table")["estimated_instructions"]
    assert abs(estimate / theirs["instructions"] - 1) < 0.25
