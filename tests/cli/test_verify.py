"""`tinyc verify`: what is compared, that a wrong answer is found, and which inputs are used."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from tests.cli.conftest import Run
from tests.cli.test_commands import needs_emulator
from tests.conftest import ROOT
from tinyc.compiler import Compiled, compile
from tinyc.errors import UsageError
from tinyc.ir.types import Array
from tinyc.reference.tflm import TflmReference
from tinyc.verification import load_samples, make_samples, run
from tinyc.verification.compare import Difference, difference


@pytest.fixture(scope="module")
def compiled(model: Path) -> Compiled:
    return compile(model)


def test_host(tinyc: Run, model: Path) -> None:
    data = tinyc("verify", model, "--json").data
    assert data["outputs_compared"] == 20 * 10 and data["mismatches"] == 0 and data["max_abs_diff"] == 0
    assert data["reference"].startswith("tflite-micro 0.dev2026") and data["on"] == "host"
    ran = tinyc("verify", model, "-n", 2)
    assert ran.code == 0 and "20 outputs of 2 inputs: all equal" in ran.out and "sanitizers" in ran.out


@needs_emulator
def test_emulator(tinyc: Run, model: Path) -> None:
    ran = tinyc("verify", model, "--on", "emulator", "--target", "nrf52840", "-n", 3, "--per-layer", "--json")
    assert ran.code == 0 and ran.data["on"] == "emulator" and ran.data["outputs_compared"] == 30


@pytest.mark.parametrize("io", ["int8", "asis"])
def test_float_ends(tinyc: Run, models: dict[str, Path], io: str) -> None:
    """The same model file, with codes or with reals at the ends, equals the reference."""
    data = tinyc("verify", models["float_ends"], "--io", io, "-n", 8, "--per-layer", "--json").data
    assert data["mismatches"] == 0 and data["outputs_compared"] == 8 * 256
    assert all(layer["found"]["mismatches"] == 0 for layer in data["layers"] if layer["found"])


def test_per_layer(tinyc: Run, model: Path) -> None:
    data = tinyc("verify", model, "--per-layer", "-n", 2, "--json").data
    assert [(row["operator"], row["found"]["compared"]) for row in data["layers"]] == [
        ("conv", 512),
        ("sum", 512),
        ("down", 128),
        ("scores", 20),
    ]


def test_streamed(tinyc: Run, models: dict[str, Path]) -> None:
    """Streamed operators are never whole in the arena: they are named, and only outputs compared."""
    verify = ("verify", models["streamed"], "-n", 3, "--per-layer", "--json")
    data = tinyc(*verify, "--objective", "sram").data
    assert data["mismatches"] == 0 and data["outputs_compared"] == 3 * 16 * 16 * 4
    assert [row["tensor"] for row in data["layers"]] == ["wide", "spread", "narrow"]
    assert data["layers"][0]["found"] is None
    assert tinyc(*verify, "--objective", "sram", "--input", "stream").data["mismatches"] == 0
    data = tinyc(*verify, "--objective", "speed").data
    assert [row["found"]["mismatches"] for row in data["layers"]] == [0, 0, 0]


def test_wrong_outputs_are_found(tinyc: Run, model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The reference, made wrong in one element of every output, stands for a compiler that is wrong."""
    right = TflmReference.run

    def wrong(self: TflmReference, inputs: Sequence[Array]) -> list[Array]:
        (scores,) = right(self, inputs)
        scores[0, 4] ^= 8
        return [scores]

    monkeypatch.setattr(TflmReference, "run", wrong)
    ran = tinyc("verify", model, "-n", 3, "--json")
    assert ran.code == 5 and ran.data["exit_code"] == 5
    assert ran.data["mismatches"] == 3 and ran.data["max_abs_diff"] == 8
    assert "In sample 0, element 4 of 'scores'" in ran.err and "--per-layer" in ran.err


def test_the_first_wrong_layer_is_named(tinyc: Run, model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    right = TflmReference.tensors

    def wrong(self: TflmReference, inputs: Sequence[Array], indices: Sequence[int]) -> dict[int, Array]:
        found = right(self, inputs, indices)
        for array in found.values():
            if array.shape == (1, 4, 4, 4) or array.size == 10:
                array += 1
        return found

    monkeypatch.setattr(TflmReference, "tensors", wrong)
    ran = tinyc("verify", model, "-n", 1, "--per-layer", "--json")
    assert ran.code == 5 and "The first operator that differs is 'down' (kernel " in ran.err
    assert [bool(row["found"]["mismatches"]) for row in ran.data["layers"]] == [False, False, True, True]


def test_inputs_of_a_user(tinyc: Run, model: Path, compiled: Compiled, tmp_path: Path) -> None:
    codes = np.random.default_rng(0).integers(-128, 128, (7, 8, 8, 4)).astype(np.int8)
    reals = (codes.astype(np.float32) - 3) * np.float32(0.05)
    np.savez(tmp_path / "codes.npz", x=codes)
    np.savez(tmp_path / "reals.npz", image=reals, labels=np.arange(7))
    loaded = [load_samples(compiled, tmp_path / f"{name}.npz") for name in ("codes", "reals")]
    for samples in loaded:
        np.testing.assert_array_equal(np.concatenate([x for (x,) in samples]), codes)
    data = tinyc("verify", model, "--inputs", tmp_path / "reals.npz", "-n", 4, "--json").data
    assert data["samples"] == 4 and data["mismatches"] == 0


@pytest.mark.parametrize(
    ("arrays", "sentence"),
    [
        (
            {"x": np.zeros((2, 8, 8, 3), np.int8)},
            "takes samples of shape [1, 8, 8, 4], got an array of [2, 8, 8, 3]",
        ),
        ({"x": np.zeros((2, 8, 8, 4), np.int16)}, "takes int8 codes, or real numbers as float; got int16"),
        ({"a": np.zeros(1), "b": np.zeros(1)}, "has no array 'image' or 'input_0' or 'x'; it has 'a', 'b'"),
        ({"x": np.zeros((0, 8, 8, 4), np.int8)}, "expected the same number of samples (1 or more)"),
    ],
)
def test_unfit_inputs(compiled: Compiled, tmp_path: Path, arrays: dict[str, Array], sentence: str) -> None:
    np.savez(tmp_path / "x.npz", **arrays)  # type: ignore[arg-type]
    with pytest.raises(UsageError) as error:
        load_samples(compiled, tmp_path / "x.npz")
    assert sentence in str(error.value)


def test_no_pickles(compiled: Compiled, tmp_path: Path) -> None:
    np.savez(tmp_path / "x.npz", x=np.array([{"a": 1}], dtype=object))
    with pytest.raises(UsageError, match="cannot read the inputs"):
        load_samples(compiled, tmp_path / "x.npz")


def test_generated_inputs(compiled: Compiled) -> None:
    """Random first, then the extremes; the same for the same seed, others for another."""
    samples = [sample[0] for sample in make_samples(compiled, 9, seed=1)]
    lowest, highest, zero = (np.unique(x).tolist() for x in samples[1:4])
    assert (lowest, highest, zero) == ([-128], [127], [3])
    assert samples[4].reshape(-1)[:3].tolist() == [-128, -127, -126]
    assert samples[6].reshape(-1)[:3].tolist() == [-128, 127, -128]
    again, other = make_samples(compiled, 9, seed=1), make_samples(compiled, 9, seed=2)
    assert all((a == b[0]).all() for a, b in zip(samples, again, strict=True))
    assert not (samples[0] == other[0][0]).all() and not (samples[0] == samples[8]).all()


def test_differences() -> None:
    codes = np.array([-128, 0, 127], np.int8)
    assert difference(codes, codes) == Difference(3)
    assert difference(codes, np.array([127, 0, 126], np.int8)) == Difference(3, 2, 255, 2)
    assert difference(codes, codes - np.int8(1), tolerance=1) == Difference(3, 1, 255, 3)
    reals = np.array([0.0, np.nan, 1.0], np.float32)
    assert difference(reals, reals) == Difference(3)
    assert difference(reals, np.array([-0.0, 1.0, 3.0], np.float32)) == Difference(3, 2, float("inf"), 2)
    with pytest.raises(ValueError, match="expected 3 of int8, got 2 of int8"):
        difference(codes[:2], codes)
    assert Difference(3, 2, 5, 3) + Difference(1, 0, 1, 1) == Difference(4, 2, 5, 4)


def test_run_refuses_what_does_not_fit(compiled: Compiled) -> None:
    with pytest.raises(UsageError, match=r"has the shape \[1, 8, 8, 4\], got \[8, 8, 3\]"):
        run(compiled, np.zeros((8, 8, 3), np.int8))
    with pytest.raises(UsageError, match="takes int8 codes"):
        run(compiled, np.zeros((8, 8, 4), np.int64))
    with pytest.raises(UsageError, match="on='host' or on='emulator'"):
        run(compiled, np.zeros((8, 8, 4), np.int8), on="moon")  # type: ignore[arg-type]


def test_passes_that_change_numbers_are_told_and_no_failure(tinyc: Run) -> None:
    vit = ROOT / "tests" / "data" / "tflite_vit" / "vit.tflite"
    verify = ("verify", vit, "-n", 2, "-p", "recognise-layer-norm,default")
    data = tinyc(*verify, "--json").data
    assert data["mismatches"] == 0 == data["max_abs_diff"] and "after recognise-layer-norm" in data["reference"]
    assert data["by_design"]["passes"] == ["recognise-layer-norm"] and data["by_design"]["outputs_compared"] == 10
    assert data["by_design"]["max_abs_diff"] > 0 and data["by_design"]["reference"].startswith("tflite-micro")
    told = tinyc(*verify).out
    assert "all equal" in told and "by design: recognise-layer-norm changes numbers" in told
    assert tinyc("verify", vit, "-n", 1, "--json").data["by_design"] is None
