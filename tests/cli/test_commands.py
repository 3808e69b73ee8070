"""Every command: what it prints with --json, what a person sees, and that streams are kept apart."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.cli.conftest import Run
from tinyc.cli import COMMANDS

PLAN_KEYS = {
    "model",
    "target",
    "arena_bytes",
    "max_live_bytes",
    "lower_bound_bytes",
    "optimal",
    "scratch_bytes",
    "flash",
    "macs",
    "mac_overhead",
    "input_mode",
    "operators",
    "seconds",
}
CONV_MACS, DEPTHWISE_MACS, DENSE_MACS = 8 * 8 * 4 * 9 * 4, 4 * 4 * 4 * 9, 10 * 64

needs_emulator = pytest.mark.skipif(
    not (shutil.which("arm-none-eabi-gcc") and shutil.which("qemu-system-arm")),
    reason="the cross compiler or the emulator is not installed",
)


def test_build(tinyc: Run, model: Path, tmp_path: Path) -> None:
    ran = tinyc("build", model, "--target", "stm32f746", "-o", tmp_path / "out", "--json")
    assert ran.code == 0 and ran.err == ""
    data = ran.data
    assert data.keys() >= PLAN_KEYS
    assert data["model"] == "residual" and data["target"] == "stm32f746" and data["input_mode"] == "stored"
    assert data["macs"] == CONV_MACS + DEPTHWISE_MACS + DENSE_MACS and data["mac_overhead"] == 0.0
    assert data["operators"] == 4 and data["operators_in_model"] == 5
    assert data["flash"].keys() == {"weights", "tables"}
    assert data["lower_bound_bytes"] <= data["arena_bytes"] and data["sram_bytes"] == 327_680
    header = (tmp_path / "out" / "residual.h").read_text()
    assert f"#define RESIDUAL_ARENA_BYTES {data['arena_bytes']}u" in header
    assert sorted(data["files"]) == sorted(
        p.relative_to(tmp_path / "out").as_posix() for p in (tmp_path / "out").rglob("*") if p.is_file()
    )


def test_build_tells_where_memory_goes(tinyc: Run, model: Path, tmp_path: Path) -> None:
    ran = tinyc("build", model, "--target", "stm32f746", "-o", tmp_path / "out")
    assert ran.code == 0 and ran.err == ""
    first, second, third, last = ran.out.splitlines()
    assert first.startswith("residual  5 operators -> 4 after ")
    assert re.match(
        r"  cortex-m7 stm32f746   SRAM \d+ of 327,680 \(optimal\)   flash [\d,]+ of 1,048,576 \(weights", second
    )
    assert third.startswith("  peak at conv: image 256 | ")
    assert "residual.c residual.h" in last and "manifest.json" in last


def test_build_chooses_a_folder(tinyc: Run, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert tinyc("build", model, "--target", "cortex-m4").code == 0
    assert (tmp_path / "residual_cortex-m4" / "manifest.json").is_file()


def test_build_with_a_name(tinyc: Run, model: Path, tmp_path: Path) -> None:
    assert tinyc("build", model, "--target", "cortex-m4", "--name", "net", "-o", tmp_path / "out").code == 0
    assert "net_invoke(void)" in (tmp_path / "out" / "net.h").read_text()
    ran = tinyc("build", model, "--target", "cortex-m4", "--name", "My Net", "-o", tmp_path / "other")
    assert ran.code == 2 and "my_net" in ran.err and not (tmp_path / "other").exists()


def test_build_keeps_float_ends_where_asked(tinyc: Run, models: dict[str, Path], tmp_path: Path) -> None:
    tinyc("build", models["float_ends"], "--target", "cortex-m4", "--io", "asis", "-o", tmp_path / "asis")
    tinyc("build", models["float_ends"], "--target", "cortex-m4", "-o", tmp_path / "int8")
    assert "float *float_ends_input(void);" in (tmp_path / "asis" / "float_ends.h").read_text()
    assert "int8_t *float_ends_input(void);" in (tmp_path / "int8" / "float_ends.h").read_text()


def test_report_is_what_build_prints(tinyc: Run, model: Path, tmp_path: Path) -> None:
    printed = tinyc("build", model, "--target", "stm32f746", "-o", tmp_path / "out", "--json").data
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    for key in ("seconds", "output", "files", "cmsis_nn"):
        printed.pop(key)
    timeline, table = report.pop("timeline"), report.pop("operator_table")
    assert report == printed
    assert timeline[0]["operator"] == "conv" and timeline[-1]["operator"] == "scores"
    assert max(step["live_bytes"] for step in timeline) == printed["peak"]["live_bytes"] <= printed["arena_bytes"]
    assert [row["macs"] for row in table] == [CONV_MACS, 0, DEPTHWISE_MACS, DENSE_MACS]


def test_schedule_is_taken_back(tinyc: Run, model: Path, tmp_path: Path) -> None:
    """A person overrides one decision: the convolution goes to another kernel."""
    tinyc("build", model, "--target", "cortex-m4", "-o", tmp_path / "one")
    schedule = json.loads((tmp_path / "one" / "schedule.json").read_text())
    chosen = schedule["kernels"]["conv"]
    assert chosen != "tinyc/conv_s8"
    schedule["kernels"]["conv"] = "tinyc/conv_s8"
    (tmp_path / "mine.json").write_text(json.dumps(schedule))
    build = ("build", model, "--target", "cortex-m4", "--schedule", tmp_path / "mine.json")
    data = tinyc(*build, "-o", tmp_path / "two", "--json").data
    assert "tinyc/conv_s8" in data["kernels"] and chosen not in data["kernels"]


def test_passes_can_be_chosen(tinyc: Run, models: dict[str, Path], tmp_path: Path) -> None:
    build = ("build", models["residual"], "--target", "cortex-m4", "--json")
    assert tinyc(*build, "-o", tmp_path / "a", "-p", "dead-code").data["passes"] == [
        "drop-float-ends",
        "dead-code",
    ]
    ran = tinyc(*build, "-o", tmp_path / "b", "--disable-pass", "dead-code")
    assert "dead-code" not in ran.data["passes"] and "fold-padding" in ran.data["passes"]
    ran = tinyc(*build, "-o", tmp_path / "c", "--print-after", "fold-padding")
    assert "// after fold-padding" in ran.err and "graph @residual {" in ran.err and ran.data["operators"] == 4


def test_objective(tinyc: Run, models: dict[str, Path], tmp_path: Path) -> None:
    """The least SRAM is less than the fastest network's, and costs no multiply-accumulates."""
    build = ("build", models["streamed"], "--target", "cortex-m4", "--json")
    fast = tinyc(*build, "-o", tmp_path / "fast", "--objective", "speed").data
    small = tinyc(*build, "-o", tmp_path / "small", "--objective", "sram").data
    assert small["arena_bytes"] < fast["arena_bytes"] and small["macs"] == fast["macs"]
    assert fast["segments"] == 0 < small["segments"] and small["mac_overhead"] == 0.0


def test_pushed_input(tinyc: Run, models: dict[str, Path], tmp_path: Path) -> None:
    """The caller hands over rows; no accessor to a whole input is left."""
    build = ("build", models["streamed"], "--target", "cortex-m4", "--objective", "sram", "--json")
    stored = tinyc(*build, "-o", tmp_path / "stored").data
    pushed = tinyc(*build, "-o", tmp_path / "pushed", "--input", "stream").data
    assert (stored["input_mode"], pushed["input_mode"]) == ("stored", "stream")
    headers = [(tmp_path / name / "streamed.h").read_text() for name in ("stored", "pushed")]
    assert ["streamed_push_rows(" in text for text in headers] == [False, True]
    assert ["*streamed_input(void)" in text for text in headers] == [True, False]


def test_plan(tinyc: Run, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    data = tinyc("plan", model, "--target", "stm32f746", "--json").data
    ran = tinyc("plan", model, "--target", "stm32f746")
    assert ran.code == 0 and "conv" in ran.out and "<- peak" in ran.out
    assert f"lower bound {data['lower_bound_bytes']:,}" in ran.out
    assert data.keys() >= PLAN_KEYS and data["timeline"][0]["live"][0].keys() == {"name", "bytes", "offset"}
    assert list(tmp_path.iterdir()) == []


def test_profile(tinyc: Run, model: Path) -> None:
    if not (shutil.which("arm-none-eabi-gcc") and shutil.which("qemu-system-arm")):
        pytest.skip("the cross compiler or the emulator is not installed")
    data = tinyc("profile", model, "--target", "cortex-m4", "--json").data
    assert data.keys() >= {
        "instructions",
        "instructions_per_mac",
        "stack_bytes",
        "text_bytes",
        "rodata_bytes",
    }
    rows = data["operators"]
    keys = {"name", "kernel", "macs", "instructions", "classes", "estimated_instructions", "alternatives"}
    assert [set(row) for row in rows] == [keys] * 4
    assert all(sum(row["classes"].values()) == row["instructions"] for row in rows)
    assert [row["macs"] for row in rows] == [CONV_MACS, 0, DEPTHWISE_MACS, DENSE_MACS]
    assert all(row["instructions"] > 0 for row in rows)
    assert 0 <= data["instructions"] - sum(row["instructions"] for row in rows) < 0.01 * data["instructions"]
    assert data["instructions_per_mac"] == pytest.approx(data["instructions"] / data["macs"], abs=1e-3)
    assert data["stack_bytes"] > 0 and data["text_bytes"] > 0 and data["rodata_bytes"] > 0
    ran = tinyc("profile", model, "--target", "cortex-m4")
    assert f"{data['instructions']:,} instructions" in ran.out and "stand-in" in ran.out
    assert "multiplies" in ran.out and "residual_weights.c" in ran.out
    brought = {kernel for part in data["code"] for kernel in part["kernels"]}
    assert brought == {row["kernel"] for row in rows if not row["kernel"].startswith("cmsis-nn/")}
    assert data["text_bytes"] >= sum(part["text_bytes"] for part in data["code"]) > 0.9 * data["text_bytes"]


@needs_emulator
def test_profile_of_small_code(tinyc: Run, model: Path) -> None:
    fast, small = (tinyc("profile", model, "--target", "cortex-m4", "--optimize", o, "--json").data for o in ("3", "s"))
    assert (fast["optimize"], small["optimize"]) == ("-O3", "-Os")
    assert small["text_bytes"] < fast["text_bytes"] and small["instructions"] > fast["instructions"]


def test_inspect(tinyc: Run, model: Path) -> None:
    data = tinyc("inspect", model, "--json").data
    assert data["supported"] and [op["code"] for op in data["operators"]] == [
        "CONV_2D",
        "ADD",
        "DEPTHWISE_CONV_2D",
        "RESHAPE",
        "FULLY_CONNECTED",
    ]
    ran = tinyc("inspect", model)
    assert ran.code == 0 and "int8[1,8,8,4]" in ran.out and "w0" not in ran.out
    assert "w0" in tinyc("inspect", model, "--tensors").out


def test_targets(tinyc: Run) -> None:
    rows = {row["name"]: row for row in tinyc("targets", "--json").data["targets"]}
    assert rows["stm32f746"]["sram_bytes"] == 327_680 and rows["stm32f746"]["owner"] == "tinyc"
    assert rows["cortex-m55"]["simd"] == "mve" and rows["cortex-m55"]["sram_bytes"] is None
    assert "327,680" in tinyc("targets").out


def test_passes(tinyc: Run) -> None:
    data = tinyc("passes", "--json").data
    rows = {row["name"]: row for row in data["passes"]}
    assert rows["fold-padding"]["owner"] == "tinyc.passes.fold_padding" and rows["fold-padding"]["summary"]
    assert rows["drop-float-ends"]["default_steps"] == []
    steps = {name: row["default_steps"] for name, row in rows.items()}
    pipeline = [name.partition("{")[0] for name in data["default_pipeline"]]
    assert all(pipeline[step - 1] == name for name, found in steps.items() for step in found)
    assert "fold-padding" in tinyc("passes").out
    changing = {name for name, row in rows.items() if row["changes_numbers"]}
    assert {"merge-low-rank", "recognise-layer-norm"} <= changing and not changing & set(pipeline)


def test_kernels(tinyc: Run) -> None:
    rows = {row["name"]: row for row in tinyc("kernels", "--json").data["kernels"]}
    assert rows["cmsis-nn/convolve_s8"]["operators"] == ["conv2d"]
    assert {row["provider"] for row in rows.values()} >= {"cmsis-nn", "tinyc"}
    assert "cmsis-nn/convolve_s8" in tinyc("kernels").out


def test_kernels_of_a_model(tinyc: Run, model: Path) -> None:
    """Every operator's candidates, the cheapest chosen; what refuses says why."""
    data = tinyc("kernels", model, "--target", "cortex-m4", "--json").data
    assert [row["name"] for row in data["operators"]] == ["conv", "sum", "down", "scores"] and data["fell_back"] == []
    for row in data["operators"]:
        costs = [other["estimated_instructions"] for other in row["alternatives"] if other["refusal"] is None]
        assert costs == sorted(costs) and all(row["estimated_instructions"] <= cost for cost in costs)
        assert all(other["estimated_instructions"] is None for other in row["alternatives"] if other["refusal"])
    ran = tinyc("kernels", model, "--target", "cortex-m4")
    assert ran.out.count("<- chosen") == 4 and "cmsis-nn/convolve_s8" in ran.out


def test_kernels_are_chosen_by_option(tinyc: Run, model: Path) -> None:
    def kernels(*options: str) -> dict[str, str]:
        rows = tinyc("plan", model, "--target", "cortex-m4", "--json", *options).data["operator_table"]
        return {row["name"]: row["kernel"] for row in rows}

    library = kernels("--kernels", "cmsis-nn")
    assert all(kernel.startswith("cmsis-nn/") for kernel in library.values())
    mixed = kernels("--kernels", "cmsis-nn,conv=tinyc/conv_s8", "--kernels", "sum=tinyc/add_s8")
    assert mixed == library | {"conv": "tinyc/conv_s8", "sum": "tinyc/add_s8"}
    assert kernels("--kernels", "cmsis-nn", "--kernels", "auto") == kernels() != library
    ran = tinyc("plan", model, "--target", "cortex-m4", "--kernels", "convv=tinyc/conv_s8")
    assert ran.code == 2 and "'convv'" in ran.err and "'conv'" in ran.err
    for wrong in ("fastest", "conv=tinyc/none", "conv=tinyc/add_s8"):
        ran = tinyc("plan", model, "--target", "cortex-m4", "--kernels", wrong)
        assert ran.code == 2 and "Traceback" not in ran.err


def test_an_operator_that_the_provider_lacks_is_told(tinyc: Run, models: dict[str, Path]) -> None:
    ends = ("--io", "asis", "--kernels", "cmsis-nn", "--target", "cortex-m4")
    data = tinyc("plan", models["float_ends"], *ends, "--json").data
    assert data["fell_back"] == ["image", "result"] and data["kernels"].keys() > {"cmsis-nn/convolve_s8"}
    note = "no kernel of the provider asked for serves image, result"
    for command in ("plan", "kernels"):
        assert note in tinyc(command, models["float_ends"], *ends).out
    assert note in tinyc("verify", models["float_ends"], *ends, "-n", "1").out


def test_module_is_the_command() -> None:
    """`python -m tinyc` lists every command."""
    done = subprocess.run([sys.executable, "-m", "tinyc", "--help"], capture_output=True, text=True, check=True)
    assert all(f"    {name}" in done.stdout for name in COMMANDS)
    done = subprocess.run([sys.executable, "-m", "tinyc", "--version"], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("tinyc ")


def test_python_does_the_same(model: Path, tmp_path: Path) -> None:
    """tinyc.compile(…).write gives the folder that `build` gives."""
    import tinyc as package
    from tinyc.cli import main

    package.compile(model, target="cortex-m4").write(tmp_path / "python")
    assert main(["build", str(model), "--target", "cortex-m4", "-o", str(tmp_path / "cli")]) == 0
    assert _contents(tmp_path / "python") == _contents(tmp_path / "cli")


def _contents(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_run_in_python(model: Path) -> None:
    """Codes in, codes out; reals in, reals out; the two agree."""
    import tinyc as package

    compiled = package.compile(model)
    codes = np.arange(256, dtype=np.int64).astype(np.int8).reshape(1, 8, 8, 4)
    scores = compiled.run(codes)
    assert scores.dtype == np.int8 and scores.shape == (1, 10)
    reals = compiled.run((codes[0].astype(np.float32) - 3) * np.float32(0.05))
    np.testing.assert_allclose(reals, (scores.astype(np.float32) + 7) * 0.5)


def test_report_in_a_notebook(model: Path) -> None:
    import tinyc as package

    report = package.compile(model).report()
    html = report._repr_html_()
    assert html.count("data-buffer=") == len(report.memory.buffers)
    assert f"{report.data['arena_bytes']:,}" in html
    assert "http" not in html.replace("http://www.w3.org/2000/svg", "")  # it loads nothing
    assert re.match(r"residual on cortex-m7: \d+ bytes of SRAM \(optimal\), 4 operators", str(report))


def test_plan_draws(tinyc: Run, model: Path, tmp_path: Path) -> None:
    page, picture = tmp_path / "plan.html", tmp_path / "plan.svg"
    ran = tinyc("plan", model, "--target", "cortex-m4", "--html", page, "--svg", picture)
    assert ran.code == 0 and f"wrote {page}" in ran.out and f"wrote {picture}" in ran.out
    assert page.read_text().startswith("<!DOCTYPE html>") and picture.read_text().startswith("<svg ")
    assert tinyc("build", model, "--target", "cortex-m4", "-o", tmp_path / "out").code == 0
    assert (tmp_path / "out" / "report.html").read_bytes() == page.read_bytes()
    ran = tinyc("plan", model, "--target", "cortex-m4", "--svg", tmp_path / "nowhere" / "plan.svg")
    assert ran.code == 2 and "cannot write" in ran.err and "in a folder that exists" in ran.err
