"""The schema table and the reader agree with the schema's own generated accessors (the `tflite` package)."""

from __future__ import annotations

import inspect
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tflite  # type: ignore[import-untyped]

from tinyc.frontend.tflite.reader import Table, open_tflite
from tinyc.frontend.tflite.schema import (
    ACTIVATION_TYPES,
    BUILTIN_OPERATORS,
    OPTIONS,
    PADDINGS,
    TABLES,
    TENSOR_TYPES,
    Field,
)
from tinyc.ir.types import Array

NUMBER_TYPES = {
    "bool": "BoolFlags", "i8": "Int8Flags", "u8": "Uint8Flags", "i32": "Int32Flags", "u32": "Uint32Flags",
    "i64": "Int64Flags", "u64": "Uint64Flags", "f32": "Float32Flags",
}  # fmt: skip
ALL_FIELDS = [(table, name) for table, fields in TABLES.items() for name in fields]


MERGED = ("OperatorCode", "builtin_code")  # the package's accessor returns the older field where it should


def camel(name: str) -> str:
    """The accessor's name in the package: stride_w is Conv2DOptions.StrideW."""
    return "".join(part.capitalize() for part in name.split("_"))


@pytest.mark.parametrize(("table", "name"), ALL_FIELDS)
def test_slot_kind_and_default(table: str, name: str) -> None:
    field: Field = TABLES[table][name]
    source = inspect.getsource(getattr(getattr(tflite, table), camel(name)))
    offset = re.search(r"Offset\((\d+)\)", source)
    assert offset is not None and int(offset[1]) == 4 + 2 * field.slot
    if field.kind in NUMBER_TYPES:
        assert NUMBER_TYPES[field.kind] in source
        default = "0" if (table, name) == MERGED else re.findall(r"return ([\w.-]+)\n", source)[-1]
        assert {"True": True, "False": False}.get(default, default) in (field.default, repr(field.default))
        assert isinstance(field.default, {"f32": float, "bool": bool}.get(field.kind, int))
    elif field.kind == "numbers":
        assert NUMBER_TYPES[field.of] in source
    elif field.kind in ("table", "tables") and field.of:
        assert re.search(rf"obj = {field.of}\(\)", source)
    elif field.kind == "text":
        assert "self._tab.String" in source
    elif field.kind == "bytes":
        assert "Uint8Flags" in source


def members(enum: type) -> dict[str, int]:
    return {name: n for name, n in vars(enum).items() if isinstance(n, int) and not name.startswith("_")}


@pytest.mark.parametrize(
    ("names", "enum"),
    [
        (BUILTIN_OPERATORS, tflite.BuiltinOperator), (TENSOR_TYPES, tflite.TensorType),
        (ACTIVATION_TYPES, tflite.ActivationFunctionType), (PADDINGS, tflite.Padding),
    ],
)  # fmt: skip
def test_enumerations(names: tuple[str, ...], enum: type) -> None:
    assert {name: number for number, name in enumerate(names)} == members(enum)


def test_option_tables() -> None:
    assert OPTIONS.items() <= members(tflite.BuiltinOptions).items()
    assert set(OPTIONS) == {name for name in TABLES if name.endswith("Options")}


# ---------------------------------------------------------------------- the same values on real bytes
def same(ours: Table, theirs: Any) -> int:
    """Compare every field of a table and of the tables in it; how many were compared."""
    compared = 0
    for name, field in TABLES[ours.schema].items():
        compared += 1
        get = getattr(theirs, camel(name))
        if (ours.schema, name) == MERGED:
            assert max(ours.scalar(name), ours.scalar("deprecated_builtin_code")) == get()
        elif field.kind in NUMBER_TYPES:
            assert ours.scalar(name) == get()
        elif field.kind == "text":
            assert ours.text(name) == (get() or b"").decode()
        elif field.kind in ("numbers", "bytes"):
            found: Array = ours.numbers(name) if field.kind == "numbers" else np.asarray(ours.bytes(name))
            expected = getattr(theirs, f"{camel(name)}AsNumpy")()
            assert np.array_equal(found, expected if isinstance(expected, np.ndarray) else [])
        elif field.kind == "tables":
            inner = ours.tables(name)
            assert len(inner) == getattr(theirs, f"{camel(name)}Length")()
            compared += sum(same(table, get(index)) for index, table in enumerate(inner))
        else:
            compared += same_table(ours, name, field, get())
    return compared


def same_table(ours: Table, name: str, field: Field, theirs: Any) -> int:
    if theirs is None:
        assert not ours.has(name)
        return 0
    if field.of:
        table = ours.table(name)
        assert table is not None
        return same(table, theirs)
    schemas = {number: schema for schema, number in OPTIONS.items()}
    schema = schemas.get(ours.scalar("builtin_options_type"))
    if schema is None:
        return 0
    options = getattr(tflite, schema)()
    options.Init(theirs.Bytes, theirs.Pos)
    table = ours.table(name, schema)
    assert table is not None
    return same(table, options)


@pytest.mark.parametrize("name", ["kws_ref_model", "mcunet_vww", "person_detect"])
def test_reads_what_the_accessors_read(name: str, shared_models: Path) -> None:
    data = (shared_models / f"{name}.tflite").read_bytes()
    assert same(open_tflite(data), tflite.Model.GetRootAs(data, 0)) > 500
