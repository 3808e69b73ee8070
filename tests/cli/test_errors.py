"""Exit codes, and the sentences that come with them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import Run
from tests.support.flat_model import FlatModel
from tinyc.cli import main


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ((), "the following arguments are required: COMMAND"),
        (("fly",), "invalid choice: 'fly'"),
        (("build",), "the following arguments are required: MODEL, --target"),
        (("build", "{model}"), "required: --target"),
        (("build", "{model}", "--target", "stm32f747"), "Did you mean stm32f746"),
        (("build", "missing.tflite", "--target", "cortex-m4"), "there is no file missing.tflite"),
        (("build", "{model}", "--target", "cortex-m4", "-p", "fold-paddin"), "did you mean fold-padding"),
        (("build", "{model}", "--target", "cortex-m4", "--disable-pass", "cse"), "there is no pass 'cse'"),
        (
            ("build", "{model}", "--target", "cortex-m4", "--print-after", "nothing"),
            "there is no pass 'nothing'",
        ),
        (("build", "{model}", "--target", "cortex-m4", "--time-limit", "-1"), "expected a number of seconds"),
        (
            ("build", "{model}", "--target", "cortex-m4", "--schedule", "no.json"),
            "cannot read the schedule no.json",
        ),
        (("build", "{model}", "--target", "cortex-m4", "--cmsis-nn", "."), "isn't a copy of CMSIS-NN"),
        (("build", "{model}", "--targ", "cortex-m4"), "required: --target"),
        (("verify", "{model}", "-n", "0"), "expected a whole number of 1 or more"),
        (("verify", "{model}", "--on", "moon"), "invalid choice: 'moon'"),
        (("verify", "{model}", "--inputs", "no.npz"), "cannot read the inputs no.npz"),
    ],
)
def test_usage(
    tinyc: Run,
    model: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    words: tuple[str, ...],
    sentence: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    given = [word.replace("{model}", str(model)) for word in words]
    ran = tinyc(*given)
    assert ran.code == 2 and ran.out == "" and sentence in ran.err, ran.err
    assert "Traceback" not in ran.err
    json = tinyc(*given, "--json")
    assert json.code == 2 and sentence in json.data["error"] and json.data["exit_code"] == 2
    assert list(tmp_path.iterdir()) == []


def test_damaged_and_unknown_files(tinyc: Run, model: Path, tmp_path: Path) -> None:
    (tmp_path / "cut.tflite").write_bytes(model.read_bytes()[:200])
    (tmp_path / "text.tflite").write_text("not a model")
    (tmp_path / "empty.tflite").write_bytes(b"")
    for name in ("cut", "text", "empty"):
        for command in (("build", "--target", "cortex-m4", "-o", tmp_path / "out"), ("inspect",)):
            ran = tinyc(command[0], tmp_path / f"{name}.tflite", *command[1:], "--json")
            assert ran.code == 3 and ran.data["exit_code"] == 3 and ran.data["problems"], (name, command)
    assert not (tmp_path / "out").exists()


def unsupported(folder: Path) -> Path:
    """A model with two operators that tinyc lacks."""
    flat = FlatModel()
    x, y, z = (flat.tensor(name, (1, 4), scale=[0.5], zero_point=[0]) for name in ("x", "y", "z"))
    flat.operator("COS", [x], [y])
    flat.operator("CUSTOM", [y], [z])
    flat.operators[-1].custom = "magic"
    flat.inputs, flat.outputs = [x], [z]
    path = folder / "odd.tflite"
    path.write_bytes(flat.to_bytes())
    return path


def test_every_unsupported_operator_is_named(tinyc: Run, tmp_path: Path) -> None:
    path = unsupported(tmp_path)
    ran = tinyc("build", path, "--target", "cortex-m4", "-o", tmp_path / "out", "--json")
    assert ran.code == 3 and len(ran.data["problems"]) >= 2 and not (tmp_path / "out").exists()
    assert "COS" in ran.err and "magic" in ran.err
    ran = tinyc("inspect", path, "--json")
    assert ran.code == 3 and not ran.data["supported"]
    assert [op["supported"] for op in ran.data["operators"]] == [False, False]
    assert "COS" in ran.err and "magic" in ran.err


def test_too_little_sram(tinyc: Run, models: dict[str, Path], tmp_path: Path) -> None:
    ran = tinyc("build", models["large"], "--target", "nrf52840", "-o", tmp_path / "out", "--json")
    assert ran.code == 4 and not (tmp_path / "out").exists()
    assert ran.data["exit_code"] == 4 and ran.data["arena_bytes"] > ran.data["sram_bytes"] == 262_144
    assert "peak is at operator 'conv'" in ran.err and "image 1,048,576, conv 1,048,576" in ran.err
    assert "such as mps" in ran.err  # boards that would do
    ran = tinyc("plan", models["large"], "--target", "nrf52840")
    assert ran.code == 4 and "<- peak" in ran.out and "nrf52840 has 262,144" in ran.err


def test_too_little_flash(tinyc: Run, models: dict[str, Path], tmp_path: Path) -> None:
    ran = tinyc("build", models["heavy"], "--target", "nrf52840", "-o", tmp_path / "out")
    assert ran.code == 4 and not (tmp_path / "out").exists()
    assert "weights 1,20" in ran.err and "1,048,576 bytes of flash" in ran.err


def test_too_many_repeated_macs(tinyc: Run, model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tinyc.report.summary.mac_overhead", lambda compiled: 0.25)
    plan = ("plan", model, "--target", "cortex-m4", "--max-mac-overhead")
    ran = tinyc(*plan, "0.2", "--json")
    assert ran.code == 4 and "repeats 25.0%" in ran.data["error"] and "allows 20.0%" in ran.err
    assert tinyc(*plan, "0.25").code == 0
    assert tinyc(*plan, "-1").code == 2


def test_missing_tools(tinyc: Run, model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    ran = tinyc("verify", model, "-n", "1", "--json")
    assert ran.code == 6 and ran.data["exit_code"] == 6 and "apt install gcc" in ran.err
    ran = tinyc("profile", model, "--target", "cortex-m4")
    assert ran.code == 6 and "gcc-arm-none-eabi" in ran.err


def test_a_defect_is_one_sentence(tinyc: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> None:
        raise ZeroDivisionError("odd")

    monkeypatch.setattr("tinyc.targets.describe", broken)
    ran = tinyc("targets", "--json")
    assert ran.code == 1 and "ZeroDivisionError: odd" in ran.data["error"]
    assert "TINYC_DEBUG=1" in ran.err and "Traceback" not in ran.err
    monkeypatch.setenv("TINYC_DEBUG", "1")
    assert "Traceback" in tinyc("targets").err


def test_interrupt(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted() -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("tinyc.targets.describe", interrupted)
    assert main(["targets"]) == 130


def test_a_closed_pipe_is_quiet() -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "tinyc", "targets"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdout is not None and process.stderr is not None
    process.stdout.close()
    assert process.stderr.read() == b"" and process.wait() == 141
    process.stderr.close()
