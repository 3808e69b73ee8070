"""README.md and docs/: every command runs, every link and path exists, figures are those that come out."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import tinyc
from tests.conftest import ROOT

EXAMPLE = ROOT / "docs" / "example" / "digits.tflite"
ONNX_EXAMPLE = ROOT / "tests" / "data" / "onnx" / "cnn_ts17_pre_qdq_channel_s8.onnx"
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
WITH_COMMANDS = [p for p in PAGES if p.name != "command-line.md"]  # that page has a test of its own
README = (ROOT / "README.md").read_text(encoding="utf-8")
PATH = re.compile(r"`((?:tinyc|passes|kernels|targets|tests|benchmarks|docs)/[\w./-]*)`")
EMULATED = ("--on emulator", "tinyc profile")


def blocks(page: Path, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)


def commands(page: Path) -> list[str]:
    lines = [line.strip() for block in blocks(page, "sh") for line in block.splitlines()]
    return [line for line in lines if re.match(r"(python -m )?tinyc ", line)]


def identify(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where a reader would stand: the example as model.tflite, ONNX networks, and the repository's docs."""
    shutil.copy(EXAMPLE, tmp_path / "model.tflite")
    shutil.copy(ONNX_EXAMPLE, tmp_path / "model.onnx")
    shutil.copy(EXAMPLE.parent / "digits_vit.onnx", tmp_path / "model_float.onnx")
    shutil.copy(EXAMPLE.parent / "digits_calibration.npz", tmp_path / "calibration.npz")
    for name in ("docs", "tests"):
        (tmp_path / name).symlink_to(ROOT / name)
    return tmp_path


def has_emulator() -> bool:
    return all(shutil.which(tool) for tool in ("arm-none-eabi-gcc", "qemu-system-arm"))


@pytest.mark.parametrize("page", [p for p in WITH_COMMANDS if commands(p)], ids=identify)
def test_commands_run(page: Path, folder: Path) -> None:
    """In order, each with the exit code that its comment gives, else 0."""
    for line in commands(page):
        if any(word in line for word in EMULATED) and not has_emulator():
            continue
        words, _, comment = line.partition("#")
        expected = re.search(r"exit code (\d)", comment)
        done = subprocess.run(
            f"{sys.executable} -m {words.removeprefix('python -m ')}",
            shell=True, cwd=folder, capture_output=True, text=True, timeout=300,
            env={**os.environ, "PYTHONPATH": str(ROOT), "CMSIS_NN_DIR": ""},
        )
        assert done.returncode == (int(expected.group(1)) if expected else 0), f"{line}\n{done.stderr}"


def test_pages_have_commands() -> None:
    """So that a change of the pages' form cannot leave the test above without work."""
    assert sum(len(commands(page)) for page in WITH_COMMANDS) > 15


@pytest.mark.parametrize("page", PAGES, ids=identify)
def test_links_and_paths_exist(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    links = [link.partition("#")[0] for link in re.findall(r"\]\(([^)]+)\)", text) if "://" not in link]
    missing = [link for link in links if not (page.parent / link).exists()]
    missing += [path for path in PATH.findall(text) if not (ROOT / path).exists()]
    assert not missing, f"{identify(page)} names what does not exist: {', '.join(missing)}"


def test_readme_python_runs(folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(folder)
    (block,) = blocks(ROOT / "README.md", "python")
    exec(compile(block, "README.md", "exec"), {})
    figures, digit = capsys.readouterr().out.splitlines()
    assert figures.startswith(f"{tinyc.compile(EXAMPLE, 'stm32f746', objective='sram').plan.arena_bytes} True")
    assert digit.isdigit() and (folder / "out_python" / "model.c").is_file()


def test_readme_c_compiles(folder: Path) -> None:
    if shutil.which("gcc") is None:
        pytest.skip("gcc is not on this machine")
    (block,) = blocks(ROOT / "README.md", "c")
    (folder / "main.c").write_text(block)
    tinyc.compile(folder / "model.tflite", "stm32f746").write(folder / "out")
    flags = ["-std=c99", "-Wall", "-Wextra", "-Werror", "-fsyntax-only", f"-I{folder / 'out'}"]
    done = subprocess.run(["gcc", *flags, str(folder / "main.c")], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("objective", ["speed", "sram"])
def test_readme_shows_the_demos_figures(objective: str) -> None:
    arena = tinyc.compile(EXAMPLE, "stm32f746", objective=objective).plan.arena_bytes
    (shown,) = re.findall(rf"stm32f746, --objective {objective}.*?\n.*?arena ([\d,]+), stack", README)
    assert shown == f"{arena:,}", "run python -m tests.docs.refresh"


def test_readme_shows_the_refusal_that_comes() -> None:
    compiled = tinyc.compile(EXAMPLE, str(ROOT / "docs" / "example" / "small-board.toml"), objective="speed")
    (shown,) = re.findall(r"```text\n(tinyc: .*?)```", README, re.DOTALL)
    with pytest.raises(tinyc.errors.DoesNotFit) as refused:
        compiled.check_fits()
    assert " ".join(shown.split()) == f"tinyc: {refused.value}", "run python -m tests.docs.refresh"


def test_the_demo_measures(tmp_path: Path) -> None:
    if not has_emulator():
        pytest.skip("needs the cross compiler and the emulator")
    demo = [sys.executable, str(ROOT / "benchmarks" / "demo.py"), "--output", str(tmp_path)]
    done = subprocess.run(demo, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("accuracy 98.61% (355 of 360)") == 3  # the reference, and both builds on the core
    assert (tmp_path / "sram" / "digits.c").is_file()


def test_quantize_python_runs(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(folder)
    (block,) = blocks(ROOT / "docs" / "quantize.md", "python")
    exec(compile(block, "quantize.md", "exec"), {})
    ratio, problems = capsys.readouterr().out.split(maxsplit=1)
    assert float(ratio) > 20 and problems == "()\n" and (folder / "model_percentile.onnx").is_file()


def test_the_transformer_loses_no_accuracy_on_the_core(tmp_path: Path) -> None:
    """On a third of the held-out images; docs/quantize.md shows all of them."""
    if not has_emulator():
        pytest.skip("needs the cross compiler and the emulator")
    script = [sys.executable, str(ROOT / "benchmarks" / "vit_digits.py"), "--images", "120", "--output", str(tmp_path)]
    done = subprocess.run(script, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    found = [int(n) for n in re.findall(r"accuracy [\d.]+% \((\d+) of 120\)", done.stdout)]
    assert len(found) == 4 and min(found) >= found[0] - 1.2 and found[0] >= 116


def test_quantize_shows_the_transformers_figures() -> None:
    """Accuracies are those of the models in the repository; arenas those that come out now."""
    (shown,) = (b for b in blocks(ROOT / "docs" / "quantize.md", "text") if "held-out" in b)
    rights = [int(n) for n in re.findall(r"\((\d+) of 360\)", shown)]
    assert len(rights) == 4 and min(rights) >= 0.99 * rights[0], "run python -m tests.docs.refresh"


def test_the_memory_table_prints() -> None:
    table = [sys.executable, str(ROOT / "benchmarks" / "memory.py"), str(EXAMPLE.parent)]
    done = subprocess.run(table, capture_output=True, text=True, timeout=60)
    head, row = done.stdout.splitlines()
    assert head.split()[:5] == ["model", "max-live", "arena", "sram", "sram+stream"]
    assert row.split()[:2] == ["digits", "36,864"] and len(row.split()) == 5


def test_the_instruction_table_prints() -> None:
    if not has_emulator():
        pytest.skip("the cross compiler or the emulator is not installed")
    table = [sys.executable, str(ROOT / "benchmarks" / "instructions.py"), str(EXAMPLE.parent), "--models", "digits"]
    done = subprocess.run(
        [*table, "--cores", "cortex-m7,cortex-m4"], capture_output=True, text=True, timeout=120,
        env={**os.environ, "CMSIS_NN_DIR": ""},
    )  # fmt: skip
    head, m4, m7 = (line.split() for line in done.stdout.splitlines())
    assert head[:3] == ["model", "core", "instructions"] and (m4[1], m7[1]) == ("cortex-m4", "cortex-m7")
    counts = [int(row[2].replace(",", "")) for row in (m4, m7)]
    assert m4[6] == "+0.0%" and abs(counts[1] / counts[0] - 1) < 0.03  # pipelines differ, code hardly does
    assert all(int(row[8].replace(",", "")) < int(row[7].replace(",", "")) for row in (m4, m7))  # -Os and -O3
