"""Weights kept in files of their own: read only from beside the model, and put into it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tinyc.errors import ModelError
from tinyc.frontend.onnx.model_file import parse
from tinyc.frontend.onnx.package import require_onnx

MAX_BYTES = 1 << 31  # of one protobuf message


def self_contained(data: bytes, path: Path) -> bytes:
    """The model file with its external data inside; the same bytes where there is none.

    Raises ModelError, with every problem, for data that is missing, too short or outside the model's folder.
    """
    proto, onnx = parse(data), require_onnx()
    outside = [t for t in proto.graph.initializer if t.data_location == onnx.TensorProto.EXTERNAL]
    if not outside:
        return data
    problems, total = [], len(data)
    for tensor in outside:
        try:
            found = _read(tensor, path.parent, MAX_BYTES - total)
        except (OSError, ValueError) as error:
            problems.append(f"initialiser {tensor.name!r}: {getattr(error, 'strerror', None) or error}.")
            continue
        total += len(found)
        tensor.raw_data = found
        tensor.data_location = onnx.TensorProto.DEFAULT
        del tensor.external_data[:]
    if problems:
        raise ModelError(problems)
    whole: bytes = proto.SerializeToString(deterministic=True)
    return whole


def _read(tensor: Any, folder: Path, limit: int) -> bytes:
    """The bytes of one tensor. Raises ValueError with the reason where they must not or cannot be read."""
    entries = {entry.key: entry.value for entry in tensor.external_data}
    location = entries.get("location", "")
    file = (folder / location).resolve()
    if not location or Path(location).is_absolute() or folder.resolve() not in file.parents:
        raise ValueError(
            f"its data is said to be in {location!r}, outside the model's folder; tinyc reads external data only "
            "from beside the model"
        )
    if not file.is_file():
        raise ValueError(f"its data file {location!r} is not beside the model; copy it there")
    size = file.stat().st_size
    offset = _number(entries.get("offset", "0"))
    length = _number(entries.get("length", str(max(0, size - offset))))
    if offset + length > size:
        raise ValueError(f"it needs bytes {offset} to {offset + length} of {location!r}, which has {size}")
    if length > limit:
        raise ValueError("the model and its external data exceed 2 GB, more than the targets can hold")
    with file.open("rb") as stream:
        stream.seek(offset)
        return stream.read(length)


def _number(text: str) -> int:
    if not text.isascii() or not text.isdigit():
        raise ValueError(f"its offset or length is {text!r}, expected a number")
    return int(text)
