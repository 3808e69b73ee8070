"""What a .tflite file holds, supported or not: the data behind `tinyc inspect`."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

from tinyc.frontend.tflite.importer import Importer
from tinyc.frontend.tflite.model_file import FileOperator, FileTensor, ModelFile, read_model_file


@dataclass(frozen=True, slots=True)
class TensorInfo:
    """A tensor as the file describes it; `scales` counts the quantisation scales (0: not quantised)."""

    name: str
    type: str
    shape: tuple[int, ...]
    scales: int
    constant_bytes: int


@dataclass(frozen=True, slots=True)
class OperatorInfo:
    """An operator; `reasons` says why it is not supported and is empty where it is."""

    index: int
    code: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    reasons: tuple[str, ...]

    @property
    def supported(self) -> bool:
        return not self.reasons


@dataclass(frozen=True, slots=True)
class Inspection:
    """`problems` are those of the model as a whole; those of operators are with them."""

    version: int
    description: str
    subgraphs: int
    inputs: tuple[TensorInfo, ...]
    outputs: tuple[TensorInfo, ...]
    tensors: tuple[TensorInfo, ...]
    operators: tuple[OperatorInfo, ...]
    problems: tuple[str, ...]

    @property
    def supported(self) -> bool:
        """Whether the model compiles."""
        return not self.problems and all(op.supported for op in self.operators)


def inspect(data: bytes) -> Inspection:
    """Describe a .tflite file. Raises ModelError only where the file cannot be read."""
    file = read_model_file(data)
    importer = Importer(file, "model", len(data))
    importer.run()
    reasons: defaultdict[int | None, list[str]] = defaultdict(list)
    for problem in importer.problems:
        reasons[problem.operator].append(problem.text)
    tensors = tuple(map(_tensor, file.tensors))
    return Inspection(
        version=file.version,
        description=file.description,
        subgraphs=file.subgraphs,
        inputs=_pick(tensors, file.inputs),
        outputs=_pick(tensors, file.outputs),
        tensors=tensors,
        operators=tuple(_operator(file, op, reasons[op.index]) for op in file.operators),
        problems=tuple(reasons[None]),
    )


def _tensor(tensor: FileTensor) -> TensorInfo:
    return TensorInfo(tensor.name, tensor.type, tensor.shape, len(tensor.scales), len(tensor.data))


def _pick(tensors: tuple[TensorInfo, ...], indices: tuple[int, ...]) -> tuple[TensorInfo, ...]:
    return tuple(tensors[i] for i in indices if 0 <= i < len(tensors))


def _operator(file: ModelFile, op: FileOperator, reasons: list[str]) -> OperatorInfo:
    return OperatorInfo(op.index, op.label, _names(file, op.inputs), _names(file, op.outputs), tuple(reasons))


def _names(file: ModelFile, indices: tuple[int, ...]) -> tuple[str, ...]:
    return tuple(file.tensors[i].name if 0 <= i < len(file.tensors) else "" for i in indices)
