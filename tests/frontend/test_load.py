"""`tinyc.frontend.load` by content, and the sentences for files that are no model."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.frontend.test_operators import convolution
from tinyc.errors import ModelError, TinycError, UsageError
from tinyc.frontend import load
from tinyc.frontend.tflite.naming import short_names


def failure(path: Path) -> TinycError:
    with pytest.raises(TinycError) as caught:
        load(path)
    return caught.value


def test_the_content_decides(tmp_path: Path) -> None:
    file = tmp_path / "my-model.bin"
    file.write_bytes(convolution("CONV_2D", 2, 0, 0).to_bytes())
    assert load(file).name == "my-model"
    assert load(str(file)).nodes[0].op.name == "conv2d"


def test_what_cannot_be_read(tmp_path: Path) -> None:
    missing = failure(tmp_path / "none.tflite")
    assert (
        isinstance(missing, UsageError)
        and str(missing) == f"there is no file {tmp_path / 'none.tflite'}; check the path."
    )
    folder = failure(tmp_path)
    assert isinstance(folder, UsageError) and "is a directory" in str(folder)
    assert isinstance(failure(Path("a\0b")), UsageError)


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", "is empty; copy or convert the model again."),
        (b"\x08\x07\x12\x04onnx", "the ONNX file holds no graph"),
        (b"PK\x03\x04" + bytes(30), "is a zip archive"),
        (b"\x89HDF\r\n\x1a\n" + bytes(30), "is an HDF5 file"),
        (b"hello, world", "is no model that tinyc knows: expected a TFLite file"),
        (b"\0\0\0\0TFL3", "damaged at offset 0: an offset leads to 0"),
    ],
)
def test_what_is_no_model(data: bytes, expected: str, tmp_path: Path) -> None:
    file = tmp_path / "model.tflite"
    file.write_bytes(data)
    error = failure(file)
    assert isinstance(error, ModelError) and error.exit_code == 3 and expected in str(error)


def test_importing_the_frontend_brings_no_heavy_package() -> None:
    code = "import sys, tinyc.frontend.tflite; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()
    assert not {"tflite", "flatbuffers", "tflite_micro", "onnx", "rich"} & set(loaded)


def test_short_names() -> None:
    paths = ["a/conv/Relu;other", "a/conv_1/Relu", "b/conv/Relu", "pool", "3d/x y", "same", "same", ""]
    assert list(short_names(dict(enumerate(paths))).values()) == [
        "a_conv_Relu", "conv_1_Relu", "b_conv_Relu", "pool", "x_y", "same", "same.1", "t",
    ]  # fmt: skip
