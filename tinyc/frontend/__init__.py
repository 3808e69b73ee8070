"""Model files to Graph. `load` picks the reader by what the file holds, not by its name."""

from __future__ import annotations

from pathlib import Path

from tinyc.errors import ModelError, UsageError
from tinyc.ir.graph import Graph


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

    Raises UsageError where the file cannot be read, ModelError with every problem where it cannot compile.
    """
    data = read_file(path)
    if data[4:8] == b"TFL3":
        from tinyc.frontend.tflite import import_tflite

        return import_tflite(data, Path(path).stem)
    raise ModelError(f"{path}: {_what(data)}")


def _what(data: bytes) -> str:
    """What a file that is no TFLite model seems to be."""
    if data[:4] == b"PK\x03\x04":
        return (
            "this is a zip archive (Keras or PyTorch?); convert the model to TFLite with int8 quantisation."
        )
    if data[:8] == b"\x89HDF\r\n\x1a\n":
        return "this is an HDF5 file (Keras?); convert the model to TFLite with int8 quantisation."
    if data[:1] == b"\x08" and b"onnx" in data[:4096].lower():
        return "this looks like an ONNX model, which this version does not read yet; convert it to TFLite."
    return (
        "this is no model that tinyc knows: expected a TFLite file, with the identifier 'TFL3' at offset 4."
    )
