"""A flatbuffer reader for untrusted bytes.

Every offset, vtable, vector length and string is checked at the point of use; nothing is assumed about
alignment. The bytes of vectors that one file may make us read are limited by its size, so that many offsets
to one long vector cost no more than an honest file. Nothing here recurses.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tinyc.errors import ModelError
from tinyc.frontend.tflite.schema import SCALARS, TABLES, Field
from tinyc.ir.types import Array

READS_PER_BYTE = 4  # an honest file reads each vector once; some writers share strings
SPARE_BYTES = 1 << 16


class Reader:
    """Bounds-checked access to `data`. All positions are absolute offsets in the file."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self._budget = READS_PER_BYTE * len(data) + SPARE_BYTES

    def damaged(self, at: int, what: str) -> ModelError:
        return ModelError(
            f"the file is damaged at offset {at}: {what} (of {len(self.data)} bytes). Copy it again."
        )

    def scalar(self, at: int, kind: str) -> Any:
        """The number of schema type `kind` at an offset."""
        layout = SCALARS[kind]
        if at < 0 or at + layout.size > len(self.data):
            raise self.damaged(at, f"a value of {layout.size} bytes lies outside the file")
        return layout.unpack_from(self.data, at)[0]

    def follow(self, at: int) -> int:
        """The target of the unsigned 32-bit offset stored at `at`."""
        target: int = at + self.scalar(at, "u32")
        if not at < target <= len(self.data) - 4:
            raise self.damaged(at, f"an offset leads to {target}, outside the file")
        return target

    def span(self, at: int, width: int) -> tuple[int, int]:
        """(first byte, number of elements) of the vector at `at`, whose elements have `width` bytes."""
        count: int = self.scalar(at, "u32")
        size = count * width
        if size > len(self.data) - at - 4:
            raise self.damaged(at, f"a vector of {count} elements of {width} bytes reaches past the end")
        self._budget -= size + 4
        if self._budget < 0:
            raise self.damaged(at, "its vectors overlap so often that they add up to several times the file")
        return at + 4, count

    def bytes(self, at: int) -> memoryview:
        """A vector of bytes, not copied."""
        start, count = self.span(at, 1)
        return memoryview(self.data)[start : start + count]

    def numbers(self, at: int, kind: str) -> Array:
        """A vector of numbers."""
        dtype = np.dtype(SCALARS[kind].format)
        start, count = self.span(at, dtype.itemsize)
        return np.frombuffer(self.data, dtype, count, start)

    def text(self, at: int) -> str:
        """A string; what cannot be shown safely in a terminal or a C comment's line is replaced."""
        raw = str(self.bytes(at), "utf-8", "replace")
        return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in raw)

    def table(self, at: int, schema: str) -> Table:
        return Table(self, at, schema)


class Table:
    """One table at `at`; `schema` names it in schema.TABLES. Absent fields read as their default."""

    __slots__ = ("_at", "_fields", "_reader", "_size", "_vtable", "schema")

    def __init__(self, reader: Reader, at: int, schema: str) -> None:
        self._reader, self._at, self.schema = reader, at, schema
        self._fields: dict[str, Field] = TABLES[schema]
        self._vtable: int = at - reader.scalar(at, "i32")
        self._size: int = reader.scalar(self._vtable, "u16")
        if self._size < 4 or self._size % 2 or self._vtable + self._size > len(reader.data):
            raise reader.damaged(self._vtable, f"the field list of a {schema} table has {self._size} bytes")

    def _position(self, field: Field) -> int | None:
        """Where a field is stored, or None where it is absent."""
        entry = 4 + 2 * field.slot
        if entry + 2 > self._size:
            return None
        offset: int = self._reader.scalar(self._vtable + entry, "u16")
        return self._at + offset if offset else None

    def scalar(self, name: str) -> Any:
        field = self._fields[name]
        at = self._position(field)
        return field.default if at is None else self._reader.scalar(at, field.kind)

    def has(self, name: str) -> bool:
        return self._position(self._fields[name]) is not None

    def _target(self, name: str) -> int | None:
        at = self._position(self._fields[name])
        return None if at is None else self._reader.follow(at)

    def text(self, name: str) -> str:
        at = self._target(name)
        return "" if at is None else self._reader.text(at)

    def bytes(self, name: str) -> memoryview:
        at = self._target(name)
        return memoryview(b"") if at is None else self._reader.bytes(at)

    def numbers(self, name: str) -> Array:
        field = self._fields[name]
        at = self._target(name)
        return np.empty(0, SCALARS[field.of].format) if at is None else self._reader.numbers(at, field.of)

    def table(self, name: str, schema: str | None = None) -> Table | None:
        """A table; `schema` says which, for a union."""
        at = self._target(name)
        return None if at is None else self._reader.table(at, schema or self._fields[name].of)

    def tables(self, name: str) -> list[Table]:
        at = self._target(name)
        if at is None:
            return []
        start, count = self._reader.span(at, 4)
        return [
            self._reader.table(self._reader.follow(position), self._fields[name].of)
            for position in range(start, start + 4 * count, 4)
        ]


def open_tflite(data: bytes) -> Table:
    """The root table of a .tflite file. Raises ModelError where the bytes cannot be one."""
    reader = Reader(data)
    if len(data) < 8 or data[4:8] != b"TFL3":
        raise ModelError(
            f"this is no TFLite file: expected the identifier 'TFL3' at offset 4, got {bytes(data[4:8])!r}."
        )
    return reader.table(reader.follow(0), "Model")
