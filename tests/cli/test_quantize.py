"""`tinyc quantize`: what it writes and prints, what it refuses, and that `build` names it."""

from __future__ import annotations

import inspect
import shlex
from pathlib import Path

import numpy as np
import onnx
import pytest

from tests.cli.conftest import Run
from tests.quantization.models import build, cnn, images, save, weights
from tests.support.flat_model import FlatModel
from tinyc.quantization import QuantizeOptions, quantize


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the command runs: m.onnx, and data.npz for it."""
    monkeypatch.chdir(tmp_path)
    save(cnn(), tmp_path / "m.onnx")
    np.savez(tmp_path / "data.npz", **images())
    return tmp_path


def test_it_writes_what_python_gives(tinyc: Run, folder: Path) -> None:
    ran = tinyc("quantize", "m.onnx", "--calibrate", "data.npz")
    assert ran.code == 0 and ran.err == ""
    found = quantize("m.onnx", images())
    assert (folder / "m_int8.onnx").read_bytes() == found.model
    head, against, names, row = ran.out.splitlines()
    assert head == f"m_int8.onnx  {len(found.model):,} bytes; ranges from 24 samples" and "24 samples" in against
    assert names.split()[:3] == ["output", "max", "error"] and row.split()[0] == "y" and row.split()[-1].endswith("%")
    assert sorted(path.name for path in folder.iterdir()) == ["data.npz", "m.onnx", "m_int8.onnx"]


def test_every_option_arrives(tinyc: Run, folder: Path) -> None:
    np.savez(folder / "other.npz", **images(9, seed=5))
    words = "--check other.npz -o q.onnx --method percentile --no-per-channel --activations uint8 --no-preprocess"
    data = tinyc("quantize", "m.onnx", "--calibrate", "data.npz", *words.split(), "--json").data
    options = QuantizeOptions("percentile", False, "uint8", False)
    expected = quantize("m.onnx", images(), options, check=images(9, seed=5))
    assert (folder / "q.onnx").read_bytes() == expected.model
    assert data["outputs"] == [
        {"name": "y", **{key: getattr(expected.outputs[0], key) for key in list(data["outputs"][0])[1:]}}
    ]
    assert [data[key] for key in ("method", "per_channel", "activations", "preprocess")] == [
        "percentile", False, "uint8", False,
    ]  # fmt: skip
    assert (data["model"], data["output"], data["calibrated"], data["compared"]) == ("m", "q.onnx", 24, 9)
    assert (data["bytes"], data["supported"]) == (len(expected.model), True)


def test_defaults_are_those_of_python(tinyc: Run, folder: Path) -> None:
    data = tinyc("quantize", "m.onnx", "--calibrate", "data.npz", "--json").data
    defaults = {name: p.default for name, p in inspect.signature(QuantizeOptions).parameters.items()}
    assert {name: data[name] for name in defaults} == defaults


def test_an_existing_file_stays(tinyc: Run, folder: Path) -> None:
    (folder / "m_int8.onnx").write_text("precious")
    ran = tinyc("quantize", "m.onnx", "--calibrate", "missing.npz")
    assert ran.code == 2 and "m_int8.onnx exists and was not touched" in ran.err and "--force" in ran.err
    assert (folder / "m_int8.onnx").read_text() == "precious"
    assert tinyc("quantize", "m.onnx", "--calibrate", "data.npz", "--force").code == 0
    assert onnx.load(folder / "m_int8.onnx").graph.node


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        ("m.onnx", 2, "required: --calibrate"),
        ("missing.onnx --calibrate data.npz", 2, "there is no file missing.onnx"),
        ("m.onnx --calibrate missing.npz", 2, "cannot read the inputs missing.npz"),
        ("m.onnx --calibrate data.npz --check missing.npz", 2, "cannot read the inputs missing.npz"),
        ("m.onnx --calibrate data.npz --method kl", 2, "invalid choice: 'kl'"),
        ("m.onnx --calibrate data.npz -o no/such/q.onnx", 2, "there is no folder no/such"),
        ("m.onnx --calibrate data.npz -o .", 2, "is a folder"),
        ("m.onnx --calibrate wrong.npz", 2, "takes samples of shape [1, 3, 8, 8]"),
        ("data.npz --calibrate data.npz", 3, "zip archive"),
    ],
)
def test_refusals(tinyc: Run, folder: Path, words: str, code: int, sentence: str) -> None:
    np.savez(folder / "wrong.npz", x=np.zeros((8, 3, 9, 8), np.float32))
    before = sorted(folder.iterdir())
    ran = tinyc("quantize", *words.split())
    assert ran.code == code and ran.out == "" and sentence in ran.err and "Traceback" not in ran.err
    assert sorted(folder.iterdir()) == before


def test_what_build_would_refuse(tinyc: Run, folder: Path) -> None:
    """The figures are shown, the file is written, the exit code tells."""
    nodes = [("Conv", ["x", "w"], "c", {"kernel_shape": [1, 1]}), ("CumSum", ["c", "axis"], "y")]
    save(build(nodes, {"w": weights(6, 3, 1, 1), "axis": np.int64(1)}), folder / "m.onnx")
    ran = tinyc("quantize", "m.onnx", "--calibrate", "data.npz", "--json")
    assert ran.code == 3 and (folder / "m_int8.onnx").is_file() and not ran.data["supported"]
    assert "CumSum" in ran.data["problems"][1] and ran.data["outputs"]
    assert "m_int8.onnx was written, but `tinyc build` refuses it" in ran.err


def test_build_names_the_command(tinyc: Run, folder: Path) -> None:
    """The very command, which then runs, for a path that a shell would split."""
    (folder / "my models").mkdir()
    (folder / "m.onnx").rename(folder / "my models" / "m.onnx")
    ran = tinyc("build", "my models/m.onnx", "--target", "cortex-m4")
    assert ran.code == 3
    said = ran.err.split("quantise it first: tinyc ")[1].strip().rstrip(".").replace("DATA.npz", "data.npz")
    assert tinyc(*shlex.split(said)).code == 0 and (folder / "m_int8.onnx").is_file()


def test_build_on_a_float_tflite(tinyc: Run, tmp_path: Path) -> None:
    m = FlatModel()
    x, y = (m.tensor(name, (1, 4), "FLOAT32") for name in "xy")
    m.operator("LOGISTIC", [x], [y])
    m.inputs, m.outputs = [x], [y]
    (tmp_path / "m.tflite").write_bytes(m.to_bytes())
    ran = tinyc("build", tmp_path / "m.tflite", "--target", "cortex-m4")
    assert ran.code == 3 and "full-integer int8 quantisation" in ran.err and "run `tinyc quantize`" in ran.err
