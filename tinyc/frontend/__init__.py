"""Model files to Graph. `load` picks the reader by what the file holds, not by its name."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from tinyc.errors import ModelError, UsageError
from tinyc.ir.graph import Graph

if TYPE_CHECKING:
    from tinyc.frontend.tflite.inspection import Inspection


def read_file(path: str | Path) -> bytes:
    """The bytes of a model file. Raises UsageError where it cannot be read, ModelError where it is empty."""
    file = Path(path)
    try:
        if file.is_dir():
            raise UsageError(f"{file} is a directory; give the model file inside it.")
        data = file.read_bytes()
    except FileNotFoundError:
        raise UsageError(f"there is no file {file}; check the path.") from None
    except (OSError, ValueError) as error:
        raise UsageError(f"{file} cannot be read: {getattr(error, 'strerror', None) or error}.") from None
    if not data:
        raise ModelError(f"{file} is empty; copy or convert the model again.")
    return data


def load(path: str | Path) -> Graph:
    """The network of a model file, named after the file.

    Raises UsageError where the file cannot be read, ModelError with every problem where it cannot compile,
    ToolchainError where the package that reads its format is missing.
    """
    return import_model(read_model(path), Path(path).stem, path)


def read_model(path: str | Path) -> bytes:
    """The bytes of a model file that is TFLite or ONNX, with the data that an ONNX file keeps beside it put inside."""
    data = read_file(path)
    if is_onnx(data):
        from tinyc.frontend.onnx import self_contained

        return self_contained(data, Path(path))
    if not is_tflite(data):
        raise ModelError(f"{path}: {_what(data)}")
    return data


def import_model(data: bytes, name: str, path: str | Path | None = None) -> Graph:
    """The network of what `read_model` read; messages name its path where they give a command."""
    if is_onnx(data):
        from tinyc.frontend.onnx import import_onnx

        return import_onnx(data, name, path)
    from tinyc.frontend.tflite import import_tflite

    return import_tflite(data, name)


def inspect(data: bytes) -> Inspection:
    """What the file that `read_model` read holds, supported or not."""
    if is_onnx(data):
        from tinyc.frontend.onnx import inspect as inspect_onnx

        return inspect_onnx(data)
    from tinyc.frontend.tflite import inspect as inspect_tflite

    return inspect_tflite(data)


def is_tflite(data: bytes) -> bool:
    """Whether the file has TFLite's identifier."""
    return data[4:8] == b"TFL3"


def is_onnx(data: bytes) -> bool:
    """Whether the file begins as ONNX's protobuf does: field 1, the version of the format, 3 or more."""
    return not is_tflite(data) and len(data) > 1 and data[0] == 8 and 3 <= data[1] < 128


def _what(data: bytes) -> str:
    """What a file that is neither seems to be."""
    if data[:4] == b"PK\x03\x04":
        return (
            "this is a zip archive (Keras or PyTorch?); convert the model to TFLite or ONNX with int8 quantisation."
        )
    if data[:8] == b"\x89HDF\r\n\x1a\n":
        return "this is an HDF5 file (Keras?); convert the model to TFLite with int8 quantisation."
    return (
        "this is no model that tinyc knows: expected a TFLite file, with the identifier 'TFL3' at offset 4, or an "
        "ONNX file."
    )
