"""Samples for calibration and comparison: from .npz files and folders of .npy, checked against the model's inputs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from tinyc.errors import UsageError
from tinyc.frontend.onnx.model_file import FilePort
from tinyc.ir.types import Array, Shape
from tinyc.verification.samples import find_array, read_npz

Samples = Mapping[str, Array]  # by input: float32[samples, *shape]


def read_samples(path: Path) -> dict[str, Array]:
    """The arrays of an .npz file, or of the .npy files of a folder, each by its name. Raises UsageError."""
    if not path.is_dir():
        return read_npz(path)
    files = sorted(path.glob("*.npy"))
    if not files:
        raise UsageError(f"the folder {path} holds no .npy file; save the samples there, or give an .npz file.")
    return {file.stem: _read_npy(file) for file in files}


def _read_npy(path: Path) -> Array:
    try:
        found = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise UsageError(f"cannot read the samples {path}: {error}. Expected a file that numpy.save wrote.") from error
    if not isinstance(found, np.ndarray):
        raise UsageError(f"{path} is an archive; name it .npz and give it alone.")
    return found


def check_samples(arrays: Mapping[str, Array], ports: Sequence[FilePort], least: int, where: str) -> Samples:
    """The samples of every input of the model, as float32[samples, *shape].

    An array belongs to the input of its name, else as `input_0`, `input_1`, … in order; a single input also takes
    `x` or the only array, or several arrays of one sample each (a folder). Raises UsageError for what is missing, does
    not fit, is not finite, or is fewer than `least` samples.
    """
    shapes = [_shape(port) for port in ports]
    arrays = _joined(arrays, shapes, {port.name for port in ports} | {"input_0", "x"})
    found = {}
    for index, (port, shape) in enumerate(zip(ports, shapes, strict=True)):
        array = find_array(arrays, port.name, index, len(ports), where)
        found[port.name] = _column(array, shape, f"{where}: input {port.name!r}")
    counts = {name: len(column) for name, column in found.items()}
    if len(set(counts.values())) != 1:
        listed = ", ".join(f"{name!r} {count}" for name, count in counts.items())
        raise UsageError(f"{where}: the inputs have different numbers of samples ({listed}); give as many for each.")
    if min(counts.values()) < least:
        raise UsageError(
            f"{where} holds {min(counts.values())} samples, too few for ranges that mean something: {least} are the "
            "least, 100 or more typical ones are usual."
        )
    return found


def _shape(port: FilePort) -> Shape:
    """Of an input whose only free dimension was the batch."""
    assert port.shape is not None
    return tuple(n or 1 for n in port.shape)


def _joined(arrays: Mapping[str, Array], shapes: Sequence[Shape], names: set[str]) -> Mapping[str, Array]:
    """Files of one sample each as one array, for a model with one input."""
    if len(shapes) != 1 or len(arrays) < 2 or names & arrays.keys():
        return arrays
    single = [a for a in arrays.values() if a.shape in (shapes[0], shapes[0][1:])]
    if len(single) != len(arrays):
        return arrays
    return {"x": np.stack([a.reshape(shapes[0]) for a in single])}


def _column(array: Array, shape: Shape, where: str) -> Array:
    rest = array.shape[1:]
    if not (array.ndim and (rest == shape or (shape[:1] == (1,) and rest == shape[1:]))):
        raise UsageError(
            f"{where} takes samples of shape {list(shape)} along a leading axis; got an array of {list(array.shape)}."
        )
    if array.dtype.kind != "f":
        raise UsageError(
            f"{where} takes float32; got {array.dtype}. Prepare the samples as for training (scaled, normalised)."
        )
    column = array.astype(np.float32).reshape(len(array), *shape)
    if not np.isfinite(column).all():
        bad = int(np.flatnonzero(~np.isfinite(column).reshape(len(column), -1).all(axis=1))[0])
        raise UsageError(f"{where}: sample {bad} holds numbers that are not finite (NaN, infinity); leave it out.")
    return column
