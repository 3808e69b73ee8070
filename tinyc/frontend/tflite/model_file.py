"""A .tflite file as plain data: tensors, operators, inputs and outputs, as they stand in the file.

Reading raises ModelError only where the file is damaged. What tinyc cannot compile is not decided here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tinyc.errors import ModelError
from tinyc.frontend.tflite.reader import Table, open_tflite
from tinyc.frontend.tflite.refusal import Refusal
from tinyc.frontend.tflite.schema import BUILTIN_OPERATORS, OPTIONS, TABLES, TENSOR_TYPES
from tinyc.ir.types import Array

_EMPTY: Array = np.empty(0)
MAX_FILE_BYTES = 512 << 20
MAX_OPERATORS = 20_000  # far beyond any network for a microcontroller
MAX_TENSORS = 100_000
MAX_ENDS = 1000  # inputs, and outputs, of a network
FILE_VERSION = 3


@dataclass(frozen=True, slots=True)
class FileTensor:
    """One tensor. `name` is unique in the file: a repeated or empty name gets its index appended."""

    index: int
    name: str
    type: str
    shape: tuple[int, ...]
    signature: tuple[int, ...]
    data: memoryview
    scales: Array
    zero_points: Array
    axis: int
    external: bool
    variable: bool
    sparse: bool
    custom_quantisation: bool


@dataclass(frozen=True, slots=True)
class FileOperator:
    """One operator; inputs and outputs are indices of tensors, -1 is an input that is left out."""

    index: int
    code: str
    custom: str
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    options_type: int
    record: Table

    @property
    def label(self) -> str:
        """Its name for people: the builtin operator, or the custom operator's own name."""
        return f"{self.code} {self.custom!r}" if self.custom and self.code == "CUSTOM" else self.code

    def options(self, schema: str) -> Options:
        """The options, of table `schema` or absent. Raises Refusal where they are of another table."""
        if self.options_type not in (0, OPTIONS[schema]):
            found = f"its options are of type {self.options_type}, expected {OPTIONS[schema]} ({schema})"
            raise Refusal(found, "the file is damaged: convert the model again")
        table = self.record.table("builtin_options", schema) if self.options_type else None
        return Options(schema, table)


@dataclass(frozen=True, slots=True)
class Options:
    """The options of an operator; a missing table reads as defaults."""

    schema: str
    table: Table | None

    def scalar(self, name: str) -> Any:
        return TABLES[self.schema][name].default if self.table is None else self.table.scalar(name)

    def numbers(self, name: str) -> tuple[int, ...]:
        return () if self.table is None else tuple(self.table.numbers(name).tolist())


@dataclass(frozen=True, slots=True)
class ModelFile:
    """The first subgraph of a file, and how many there are."""

    version: int
    description: str
    subgraphs: int
    compressed: bool
    tensors: tuple[FileTensor, ...]
    operators: tuple[FileOperator, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]


def read_model_file(data: bytes) -> ModelFile:
    """Read a .tflite file. Raises ModelError, with the offset, where it is damaged or beyond the limits."""
    if len(data) > MAX_FILE_BYTES:
        raise ModelError(f"the file has {len(data)} bytes; tinyc reads models of up to {MAX_FILE_BYTES}.")
    root = open_tflite(data)
    subgraphs = root.tables("subgraphs")
    if not subgraphs:
        raise ModelError("the model holds no subgraph, so there is nothing to compile.")
    main = subgraphs[0]
    return ModelFile(
        version=root.scalar("version"),
        description=root.text("description"),
        subgraphs=len(subgraphs),
        compressed=any(m.text("name") == "COMPRESSION_METADATA" for m in root.tables("metadata")),
        tensors=_tensors(main, root.tables("buffers")),
        operators=_operators(main, root.tables("operator_codes")),
        inputs=_ends(main, "inputs"),
        outputs=_ends(main, "outputs"),
    )


def _indices(table: Table, field: str) -> tuple[int, ...]:
    return tuple(table.numbers(field).tolist())


def _ends(subgraph: Table, field: str) -> tuple[int, ...]:
    found = _indices(subgraph, field)
    _limit(f"network {field}", found, MAX_ENDS)
    return found


def _limit(what: str, found: Sequence[object], limit: int) -> None:
    if len(found) > limit:
        raise ModelError(f"the model has {len(found)} {what}; tinyc compiles up to {limit}.")


# ---------------------------------------------------------------------- tensors
def _tensors(subgraph: Table, buffers: list[Table]) -> tuple[FileTensor, ...]:
    tables = subgraph.tables("tensors")
    _limit("tensors", tables, MAX_TENSORS)
    contents: dict[int, memoryview] = {}
    names: set[str] = set()
    return tuple(_tensor(index, table, buffers, contents, names) for index, table in enumerate(tables))


def _tensor(
    index: int, table: Table, buffers: list[Table], contents: dict[int, memoryview], names: set[str]
) -> FileTensor:
    buffer: int = table.scalar("buffer")
    if buffer >= len(buffers):
        raise ModelError(f"tensor {index}: names buffer {buffer} of {len(buffers)}; the file is damaged.")
    if buffer not in contents:
        contents[buffer] = buffers[buffer].bytes("data")
    quantization = table.table("quantization")
    type_: int = table.scalar("type")
    return FileTensor(
        index=index,
        name=_unique(table.text("name"), index, names),
        type=TENSOR_TYPES[type_] if 0 <= type_ < len(TENSOR_TYPES) else f"type number {type_}",
        shape=_indices(table, "shape"),
        signature=_indices(table, "shape_signature"),
        data=contents[buffer],
        scales=_EMPTY if quantization is None else quantization.numbers("scale"),
        zero_points=_EMPTY if quantization is None else quantization.numbers("zero_point"),
        axis=0 if quantization is None else quantization.scalar("quantized_dimension"),
        external=bool(buffers[buffer].scalar("offset")),
        variable=table.scalar("is_variable"),
        sparse=table.has("sparsity"),
        custom_quantisation=quantization is not None and quantization.scalar("details_type") != 0,
    )


def _unique(name: str, index: int, names: set[str]) -> str:
    name = name or f"#{index}"
    while name in names:
        name = f"{name}#{index}"
    names.add(name)
    return name


# ---------------------------------------------------------------------- operators
def _operators(subgraph: Table, codes: list[Table]) -> tuple[FileOperator, ...]:
    tables = subgraph.tables("operators")
    _limit("operators", tables, MAX_OPERATORS)
    known = [_code(table) for table in codes]
    return tuple(_operator(index, table, known) for index, table in enumerate(tables))


def _code(table: Table) -> tuple[str, str]:
    """(operator, custom name). Old files have the number in the first field, new ones in the second."""
    number = max(table.scalar("deprecated_builtin_code"), table.scalar("builtin_code"))
    known = 0 <= number < len(BUILTIN_OPERATORS)
    return BUILTIN_OPERATORS[number] if known else f"operator number {number}", table.text("custom_code")


def _operator(index: int, table: Table, codes: list[tuple[str, str]]) -> FileOperator:
    code: int = table.scalar("opcode_index")
    if code >= len(codes):
        raise ModelError(
            f"operator {index}: names operator code {code} of {len(codes)}; the file is damaged."
        )
    return FileOperator(
        index,
        *codes[code],
        inputs=_indices(table, "inputs"),
        outputs=_indices(table, "outputs"),
        options_type=table.scalar("builtin_options_type"),
        record=table,
    )
