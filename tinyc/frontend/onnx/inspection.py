"""What an .onnx file holds, supported or not: the data behind `tinyc inspect`."""

from __future__ import annotations

from collections import defaultdict

from tinyc.frontend.onnx.importer import Importer
from tinyc.frontend.onnx.model_file import FileNode, FilePort, read_model_file
from tinyc.frontend.tflite.inspection import Inspection, OperatorInfo, TensorInfo
from tinyc.ir.types import Array


def inspect(data: bytes) -> Inspection:
    """Describe an .onnx file (external data inside). Raises ModelError only where the file cannot be read."""
    file = read_model_file(data)
    importer = Importer(file, "model")
    importer.run()
    reasons: defaultdict[int | None, list[str]] = defaultdict(list)
    for problem in importer.problems:
        reasons[problem.operator].append(problem.text)
    inputs, outputs = (tuple(map(_port, ports)) for ports in (file.inputs, file.outputs))
    constants = tuple(_constant(name, array) for name, array in file.constants.items())
    return Inspection(
        version=file.opset,
        description=file.producer,
        subgraphs=1,
        inputs=inputs,
        outputs=outputs,
        tensors=(*inputs, *constants, *outputs),
        operators=tuple(_operator(node, reasons[node.index]) for node in file.nodes),
        problems=tuple(reasons[None]),
    )


def _port(port: FilePort) -> TensorInfo:
    """A free dimension is shown as -1."""
    return TensorInfo(port.name, port.element, tuple(-1 if n is None else n for n in port.shape or ()), 0, 0)


def _constant(name: str, array: Array) -> TensorInfo:
    return TensorInfo(name, array.dtype.name.upper(), array.shape, 0, array.nbytes)


def _operator(node: FileNode, reasons: list[str]) -> OperatorInfo:
    return OperatorInfo(node.index, node.op, node.inputs, node.outputs, tuple(reasons))
