"""The generated folder: the same bytes every time, clean C, a CMake build, a true manifest."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import Run
from tests.cli.test_output import contents
from tests.conftest import ROOT

STRICT = ("-std=c99", "-pedantic", "-Wall", "-Wextra", "-Wconversion", "-Werror")
CONSUMER = """
#include "residual.h"
#include <stdio.h>

static uint8_t arena[RESIDUAL_ARENA_BYTES] __attribute__((aligned(RESIDUAL_ARENA_ALIGN)));

int main(void)
{
    if (residual_init(arena, sizeof arena - 1u) == TINYC_OK) {
        return 1;
    }
    if (residual_init(arena, sizeof arena) != TINYC_OK) {
        return 1;
    }
    for (unsigned i = 0u; i < RESIDUAL_INPUT_ELEMENTS; i++) {
        residual_input()[i] = (int8_t)((int)(i % 256u) - 128);
    }
    if (residual_invoke() != TINYC_OK) {
        return 2;
    }
    for (unsigned i = 0u; i < RESIDUAL_OUTPUT_ELEMENTS; i++) {
        printf("%d\\n", residual_output()[i]);
    }
    return 0;
}
"""


@pytest.fixture
def folder(tinyc: Run, model: Path, tmp_path: Path) -> Path:
    assert tinyc("build", model, "--target", "stm32f746", "-o", tmp_path / "out").code == 0
    return tmp_path / "out"


def test_deterministic(model: Path, tmp_path: Path) -> None:
    """Another process, another hash seed, another folder: every byte the same."""
    for seed in ("1", "2"):
        (tmp_path / seed).mkdir()
        subprocess.run(
            [sys.executable, "-m", "tinyc", "build", str(model), "--target", "stm32f746", "-o", "out"],
            cwd=tmp_path / seed,
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(ROOT)},
            check=True,
            capture_output=True,
        )
    one, two = (contents(tmp_path / seed / "out") for seed in ("1", "2"))
    assert one == two and len(one) > 10
    assert not any(str(tmp_path) in text for text in one.values())


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
def test_clean_c(folder: Path, compiler: str) -> None:
    if not shutil.which(compiler):
        pytest.skip(f"{compiler} is not installed")
    sources = sorted(str(p.relative_to(folder)) for p in folder.rglob("*.c"))
    includes = ["-I.", "-Ikernels", "-Icmsis_nn_standin/Include"]
    for flag in ("", "-DTINYC_OPERATOR_HOOK=hook"):
        command = [compiler, *STRICT, *includes, *filter(None, [flag]), "-fsyntax-only", *sources]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr[:2000]


def test_manifest(folder: Path, model: Path) -> None:
    manifest = json.loads((folder / "manifest.json").read_text())
    listed = manifest.pop("files")
    found = {name: text for name, text in contents(folder).items() if name != "manifest.json"}
    assert listed == {name: hashlib.sha256(text.encode()).hexdigest() for name, text in found.items()}
    data = model.read_bytes()
    assert manifest["model"] == {
        "name": "residual",
        "bytes": len(data),
        "sha256": hashlib.sha256(data).hexdigest(),
    }
    assert [row["name"] for row in manifest["operators"]] == ["conv", "sum", "down", "scores"]
    assert manifest["target"] == "stm32f746" and manifest["tool"]["name"] == "tinyc"
    assert f"#define RESIDUAL_ARENA_BYTES {manifest['arena_bytes']}u" in (folder / "residual.h").read_text()


def test_reference_is_the_pinned_one(folder: Path) -> None:
    reference = json.loads((folder / "manifest.json").read_text())["reference"]
    pinned = re.search(r"tflite-micro==([\w.]+)", (ROOT / "pyproject.toml").read_text())
    assert pinned is not None
    assert reference == {"name": "tflite-micro", "version": pinned.group(1), "rounding": "double"}


def test_weights_have_a_hash_of_their_own(tinyc: Run, models: dict[str, Path], folder: Path, tmp_path: Path) -> None:
    """The same weights for another target: the same hash; other weights: another."""
    for name, target in (("residual", "cortex-m4"), ("heavy", "cortex-m4")):
        assert tinyc("build", models[name], "--target", target, "-o", tmp_path / name).code == 0
    hashes = [
        json.loads((path / "manifest.json").read_text())["weights_sha256"]
        for path in (folder, tmp_path / "residual", tmp_path / "heavy")
    ]
    assert hashes[0] == hashes[1] != hashes[2]


def cmake(source: Path, build: Path, *flags: str) -> str:
    """Configure and build; the output."""
    found = ""
    for command in (["cmake", "-S", str(source), "-B", str(build), *flags], ["cmake", "--build", str(build)]):
        done = subprocess.run(command, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
        found += done.stdout
    return found


needs_cmake = pytest.mark.skipif(not shutil.which("cmake"), reason="cmake is not installed")


@needs_cmake
def test_cmake_alone(folder: Path, tmp_path: Path) -> None:
    cmake(folder, tmp_path / "build")
    assert (tmp_path / "build" / "libresidual.a").is_file()


@needs_cmake
def test_cmake_consumer(folder: Path, model: Path, tmp_path: Path) -> None:
    """An application that adds the folder and links the target computes what `run` computes."""
    import numpy as np

    from tinyc.compiler import compile
    from tinyc.verification import run

    app = tmp_path / "app"
    app.mkdir()
    (app / "main.c").write_text(CONSUMER)
    (app / "CMakeLists.txt").write_text(
        "cmake_minimum_required(VERSION 3.16)\nproject(app C)\n"
        f'add_subdirectory("{folder}" network)\n'
        "add_executable(app main.c)\ntarget_link_libraries(app residual)\n"
    )
    cmake(app, tmp_path / "build")
    done = subprocess.run([str(tmp_path / "build" / "app")], capture_output=True, text=True, check=True)
    codes = np.arange(256, dtype=np.int64) - 128
    expected = run(compile(model, "stm32f746"), codes.astype(np.int8).reshape(8, 8, 4))
    assert [int(line) for line in done.stdout.split()] == expected.reshape(-1).tolist()


def test_cmsis_nn_becomes_the_default(tinyc: Run, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By option or by environment, CMakeLists.txt links that copy; without, the stand-in."""
    copy = tmp_path / "CMSIS-NN"
    (copy / "Include").mkdir(parents=True)
    (copy / "Source").mkdir()
    (copy / "Include" / "arm_nnfunctions.h").write_text("")
    monkeypatch.setattr("tinyc.codegen.emit.uses_cmsis", lambda network: True)  # whatever kernels the build chooses
    build = ("build", model, "--target", "cortex-m4", "--json")
    ran = tinyc(*build, "-o", tmp_path / "option", "--cmsis-nn", copy)
    assert ran.code == 0 and ran.data["cmsis_nn"] == str(copy)
    monkeypatch.setenv("CMSIS_NN_DIR", str(copy))
    assert tinyc(*build, "-o", tmp_path / "environment").data["cmsis_nn"] == str(copy)
    monkeypatch.delenv("CMSIS_NN_DIR")
    assert tinyc(*build, "-o", tmp_path / "neither").data["cmsis_nn"] is None
    lines = [(tmp_path / name / "CMakeLists.txt").read_text() for name in ("option", "environment", "neither")]
    assert lines[0] == lines[1] and f'set(CMSIS_NN_DIR "{copy.resolve()}" CACHE PATH' in lines[0]
    assert 'set(CMSIS_NN_DIR "" CACHE PATH' in lines[2]
