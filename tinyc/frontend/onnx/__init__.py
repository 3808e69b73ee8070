"""ONNX files (QDQ and QOperator): from untrusted bytes to a Graph, with every problem named."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tinyc.errors import ModelError
from tinyc.frontend.onnx.external import self_contained
from tinyc.frontend.onnx.importer import Importer
from tinyc.frontend.onnx.inspection import inspect
from tinyc.frontend.onnx.model_file import read_model_file
from tinyc.frontend.onnx.tensors import Placement
from tinyc.ir.graph import Graph

__all__ = ["Imported", "Placement", "import_onnx", "import_placed", "inspect", "self_contained"]


@dataclass(frozen=True)
class Imported:
    """A network, and how the file's tensors lie in its values: by `source`, and by the name of an input or output."""

    graph: Graph
    placements: Mapping[str, Placement]
    inputs: Mapping[str, Placement]
    outputs: Mapping[str, Placement]


def import_onnx(data: bytes, name: str, path: str | Path | None = None) -> Graph:
    """The network of an .onnx file (external data inside, see `self_contained`), under the given name.

    Images are [N,H,W,C] in the graph, its inputs and outputs included. A free batch size is taken as 1.
    Raises ModelError with every problem, ToolchainError where the package `onnx` is missing.
    """
    return import_placed(data, name, path).graph


def import_placed(data: bytes, name: str, path: str | Path | None = None) -> Imported:
    """`import_onnx`, and where the file's tensors are."""
    importer = Importer(read_model_file(data), name, path)
    importer.run()
    if importer.problems:
        raise ModelError([problem.text for problem in importer.problems])
    inputs, outputs = (
        {port.name: importer.ports[port.name] for port in ports}
        for ports in (importer.file.inputs, importer.file.outputs)
    )
    return Imported(importer.graph, importer.placements, inputs, outputs)
