"""Inputs to compare on: generated ones, extremes included, and a user's own from an .npz file."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tinyc.errors import UsageError
from tinyc.ir.graph import Value
from tinyc.ir.types import Array, DType, TensorType
from tinyc.ops import Quantize
from tinyc.verification.values import to_codes, to_real

if TYPE_CHECKING:
    from tinyc.compiler import Compiled
    from tinyc.program.program import Port

Sample = tuple[Array, ...]
EXTREMES = ("lowest", "highest", "zero point", "ramp", "falling ramp", "alternating")


def make_samples(compiled: Compiled, count: int, seed: int = 0) -> list[Sample]:
    """`count` inputs of the compiled network: a random one, then the extremes, then random ones."""
    random = np.random.default_rng(seed)
    kinds = (["random", *EXTREMES] + ["random"] * count)[:count]
    return [tuple(_values(kind, value, random) for value in compiled.graph.inputs) for kind in kinds]


def _values(kind: str, value: Value, random: np.random.Generator) -> Array:
    if value.type.dtype is not DType.float32:
        return _codes(kind, value.type, random)
    codes = _quantised_type(value)
    if kind != "random":
        return to_real(_codes(kind, codes, random), codes)
    between = random.uniform(-0.5, 0.5, value.type.shape)  # real numbers that QUANTIZE has to round
    centred = _codes(kind, codes, random).astype(np.float64) - codes.zero_point
    return ((centred + between) * codes.scale).astype(np.float32)


def _quantised_type(value: Value) -> TensorType:
    """The int8 type that a float32 input is turned into by its first reader."""
    for node in value.users:
        if isinstance(node.op, Quantize):
            return node.output.type
    raise UsageError(
        f"input {value.name!r} is float32 and nothing quantises it; give inputs of your own with --inputs."
    )


def _codes(kind: str, type: TensorType, random: np.random.Generator) -> Array:
    low, high = type.dtype.limits
    index = np.arange(type.elements)
    zero = type.quant.zero_point[0] if type.quant else 0
    fixed: dict[str, Array] = {
        "lowest": np.full(type.elements, low),
        "highest": np.full(type.elements, high),
        "zero point": np.full(type.elements, zero),
        "ramp": low + index % (high - low + 1),
        "falling ramp": high - index % (high - low + 1),
        "alternating": np.where(index % 2 == 0, low, high),
    }
    values = fixed[kind] if kind in fixed else random.integers(low, high, type.elements, endpoint=True)
    return values.astype(type.dtype.numpy).reshape(type.shape)


# ---------------------------------------------------------------------- a user's own
def load_samples(compiled: Compiled, path: Path, limit: int | None = None) -> list[Sample]:
    """The inputs in an .npz file: one array per network input, samples along the first axis.

    An array is found by the input's name, else as `input_0`, `input_1`, …; a single input also as `x`, or
    where it is the only array. int8 arrays are codes; float arrays become codes by the input's scale. Raises
    UsageError.
    """
    arrays = read_npz(path)
    ports = compiled.program.inputs
    columns = [
        _column(find_array(arrays, port.name, index, len(ports), str(path)), port, path)
        for index, port in enumerate(ports)
    ]
    counts = {len(column) for column in columns}
    if len(counts) != 1 or counts == {0}:
        raise UsageError(
            f"{path}: expected the same number of samples (1 or more) for every input, got {sorted(counts)}."
        )
    return list(zip(*columns, strict=True))[:limit]


def read_npz(path: Path) -> dict[str, Array]:
    """The arrays of an .npz file. Raises UsageError."""
    try:
        archive = np.load(path, allow_pickle=False)
        if isinstance(archive, np.ndarray):
            raise UsageError(f"{path} holds a single array (.npy); save it with numpy.savez({path.stem!r}, x=…).")
        with archive:
            return {name: archive[name] for name in archive.files}
    except (OSError, ValueError, zipfile.BadZipFile, EOFError) as error:
        raise UsageError(
            f"cannot read the inputs {path}: {error}. Expected a file that numpy.savez wrote."
        ) from error


def find_array(arrays: Mapping[str, Array], name: str, index: int, count: int, where: str) -> Array:
    """The array of input `index` of `count`, by the names that `load_samples` takes. Raises UsageError."""
    names = [name, f"input_{index}", *(["x"] if count == 1 else [])]
    for name in names:
        if name in arrays:
            return arrays[name]
    if count == 1 and len(arrays) == 1:
        return next(iter(arrays.values()))
    raise UsageError(
        f"{where} has no array {' or '.join(map(repr, names))}; "
        f"it has {', '.join(map(repr, arrays)) or 'none'}."
    )


def _column(array: Array, port: Port, path: Path) -> Sequence[Array]:
    """The samples of one input, each of the input's shape and type."""
    kind, shape = port.type, port.type.shape
    fits = array.shape == shape or array.shape[1:] in (shape, shape[1:] if shape[:1] == (1,) else shape)
    if not fits:
        raise UsageError(
            f"{path}: input {port.name!r} takes samples of shape {list(shape)}, "
            f"got an array of {list(array.shape)}."
        )
    count = array.size // kind.elements
    samples = as_type(array, kind, f"{path}: input {port.name!r}").reshape(count, *shape)
    return list(samples)


def as_type(array: Array, kind: TensorType, where: str) -> Array:
    """An array of codes or reals as the type of a network input. Raises UsageError where it is neither."""
    wanted = kind.dtype
    if array.dtype == wanted.numpy:
        return array
    if wanted is DType.float32 and array.dtype.kind == "f":
        return array.astype(np.float32)
    if wanted is DType.int8 and array.dtype.kind == "f":
        return to_codes(array, kind)
    hint = " codes, or real numbers as float" if wanted is DType.int8 else ""
    raise UsageError(f"{where} takes {wanted.value}{hint}; got {array.dtype}.")
