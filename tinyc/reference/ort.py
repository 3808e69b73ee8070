"""onnxruntime with graph optimisations off, on the CPU, in one thread: the float32 reference of ONNX models."""

from __future__ import annotations

import sys
from collections.abc import Collection, Mapping, Sequence
from functools import cached_property
from importlib import metadata, util
from typing import Any

import numpy as np

from tinyc.errors import ModelError, ToolchainError
from tinyc.frontend.onnx import Imported, Placement, import_placed
from tinyc.frontend.onnx.model_file import parse
from tinyc.ir.types import Array

PACKAGE = "onnxruntime"
INSTALL = "pip install 'tinyc[verify]'"


class OrtReference:
    """An .onnx model (external data inside) in onnxruntime, seen through the layouts of tinyc's graph.

    Methods raise ToolchainError where the package is missing, and ModelError with onnxruntime's own words
    where it refuses the model or the inputs.
    """

    tolerance = 2
    step = 1

    def __init__(self, model: bytes) -> None:
        _require_package()
        self._model = model
        self._sessions: dict[tuple[str, ...], Any] = {}

    @staticmethod
    def title() -> str:
        _require_package()
        return f"{PACKAGE} {metadata.version(PACKAGE)}"

    @cached_property
    def _imported(self) -> Imported:
        return import_placed(self._model, "model")

    def sources(self) -> Collection[str]:
        return self._imported.placements.keys()

    def run(self, inputs: Sequence[Array]) -> list[Array]:
        placements = self._imported.outputs
        found = self._ask(inputs, tuple(placements))
        outputs = self._imported.graph.outputs
        return [
            _placed(found[name], placed).reshape(value.type.shape)
            for (name, placed), value in zip(placements.items(), outputs, strict=True)
        ]

    def values(self, inputs: Sequence[Array], sources: Sequence[str]) -> Mapping[str, Array]:
        found = self._ask(inputs, tuple(sources))
        return {name: _placed(found[name], self._imported.placements[name]) for name in sources}

    def _ask(self, inputs: Sequence[Array], names: tuple[str, ...]) -> dict[str, Array]:
        """The file's tensors of these names, in the file's own shapes and types."""
        pairs = zip(inputs, self._imported.inputs.items(), strict=True)
        feed = {name: _as_in_file(array, placed) for array, (name, placed) in pairs}
        wanted = tuple(dict.fromkeys(name for name in names if name not in feed))
        if not wanted:
            return feed
        try:
            return feed | dict(zip(wanted, self._session(wanted).run(wanted, feed), strict=True))
        except Exception as error:  # onnxruntime's exceptions have no common base
            raise ModelError(
                f"onnxruntime does not run this model ({first_line(error)}). Without it there is no reference to "
                "compare with."
            ) from None

    def _session(self, names: tuple[str, ...]) -> Any:
        """A session that also gives the tensors of these names."""
        if names not in self._sessions:
            self._sessions[names] = open_session(_with_outputs(self._model, names))
        return self._sessions[names]


def open_session(model: bytes | str) -> Any:
    """An onnxruntime session for a model (or its path): optimisations off, one thread, so always the same numbers."""
    import onnxruntime  # type: ignore[import-untyped]

    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 4
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def _with_outputs(model: bytes, names: Sequence[str]) -> bytes:
    """The model with further tensors as outputs; onnxruntime infers their types."""
    proto = parse(model)
    present = {output.name for output in proto.graph.output}
    for name in names:
        if name not in present:
            proto.graph.output.add().name = name
    changed: bytes = proto.SerializeToString()
    return changed


def _placed(array: Array, placed: Placement) -> Array:
    """A tensor of the file as the graph holds it, flat."""
    codes = (array.astype(np.int16) - 128).astype(np.int8) if array.dtype == np.uint8 else array
    return placed.layout.to_memory(codes).reshape(-1)


def _as_in_file(array: Array, placed: Placement) -> Array:
    """The inverse."""
    found = placed.layout.from_memory(array)
    return (found.astype(np.int16) + 128).astype(np.uint8) if placed.unsigned else np.ascontiguousarray(found)


def first_line(error: Exception) -> str:
    """What onnxruntime said, without the rest."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


def _require_package() -> None:
    if util.find_spec(PACKAGE) is None:
        raise ToolchainError(
            f"the reference needs the package {PACKAGE}, which is not installed in {sys.executable}: {INSTALL}."
        )
