"""TFLite files: from untrusted bytes to a Graph, with every problem named."""

from __future__ import annotations

from tinyc.errors import ModelError
from tinyc.frontend.tflite.importer import Importer
from tinyc.frontend.tflite.inspection import Inspection, inspect
from tinyc.frontend.tflite.model_file import read_model_file
from tinyc.ir.graph import Graph

__all__ = ["Inspection", "import_tflite", "inspect", "tensor_indices"]


def import_tflite(data: bytes, name: str) -> Graph:
    """The network of a .tflite file, under the given name.

    Values carry the name of the file's tensor as `source`. A free batch size (-1) is taken as the 1 that the
    file's shape says. Raises ModelError: with the offset where the file is damaged, else with every problem.
    """
    importer = Importer(read_model_file(data), name, len(data))
    importer.run()
    if importer.problems:
        raise ModelError([problem.text for problem in importer.problems])
    return importer.graph


def tensor_indices(data: bytes) -> dict[str, int]:
    """From a value's `source` to the tensor's index in the file, to compare with a reference."""
    return {tensor.name: tensor.index for tensor in read_model_file(data).tensors}
