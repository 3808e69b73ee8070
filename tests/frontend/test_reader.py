"""The flatbuffer reader refuses every offset, length and table that leads outside, and says where."""

from __future__ import annotations

import struct

import numpy as np
import pytest

from tests.frontend.test_operators import convolution
from tests.support.flat_model import FlatModel
from tinyc.errors import ModelError
from tinyc.frontend.tflite import import_tflite
from tinyc.frontend.tflite.model_file import MAX_ENDS, MAX_OPERATORS, read_model_file
from tinyc.frontend.tflite.reader import READS_PER_BYTE, SPARE_BYTES, Reader, open_tflite


def words(*values: int) -> bytes:
    return struct.pack(f"<{len(values)}I", *values)


def refusal(action: object) -> str:
    assert callable(action)
    with pytest.raises(ModelError) as caught:
        action()
    return str(caught.value)


def test_scalars_outside() -> None:
    reader = Reader(bytes(6))
    for at in (-1, 3, 6, 1 << 40):
        assert f"damaged at offset {at}: a value of 4 bytes lies outside the file (of 6 bytes)" in refusal(
            lambda at=at: reader.scalar(at, "u32")
        )
    assert reader.scalar(2, "u32") == 0


def test_offsets_outside() -> None:
    for offset in (0, 5, 8, 0xFFFFFFFF):
        assert f"an offset leads to {offset}, outside the file" in refusal(
            lambda o=offset: Reader(words(o, 0)).follow(0)
        )
    assert Reader(words(4, 0)).follow(0) == 4


def test_vectors_past_the_end() -> None:
    assert "a vector of 3 elements of 4 bytes reaches past the end" in refusal(
        lambda: Reader(words(3, 1, 2)).numbers(0, "i32")
    )
    assert "a vector of 4294967295 elements" in refusal(lambda: Reader(words(0xFFFFFFFF, 1)).bytes(0))
    np.testing.assert_array_equal(Reader(words(2, 1, 2)).numbers(0, "i32"), [1, 2])


def test_unaligned_vectors() -> None:
    np.testing.assert_array_equal(Reader(b"\0" + words(2, 1, 2)).numbers(1, "i32"), [1, 2])


def test_vectors_read_over_and_over() -> None:
    data = words(1000, *range(1000))
    reader = Reader(data)
    for _ in range(READS_PER_BYTE):
        reader.numbers(0, "i32")
    with pytest.raises(ModelError, match="overlap so often that they add up to several times the file"):
        for _ in range(SPARE_BYTES // len(data) + 1):
            reader.numbers(0, "i32")


def test_field_lists() -> None:
    assert "field list of a Buffer table has 3 bytes" in refusal(
        lambda: Reader(words(0x00000003, 4)).table(4, "Buffer")
    )
    assert "field list of a Buffer table has 5 bytes" in refusal(
        lambda: Reader(words(0x00000005, 4)).table(4, "Buffer")
    )
    assert "field list of a Buffer table has 65534 bytes" in refusal(
        lambda: Reader(words(0x0000FFFE, 4)).table(4, "Buffer")
    )
    assert "damaged at offset -4" in refusal(lambda: Reader(words(0, 8)).table(4, "Buffer"))


def test_absent_fields_read_as_defaults() -> None:
    data = struct.pack("<HHi", 4, 4, 4)  # a field list without fields, and a table that uses it
    found = Reader(data).table(4, "OperatorCode")
    assert (found.scalar("version"), found.text("custom_code"), found.has("version")) == (1, "", False)
    assert Reader(data).table(4, "Model").tables("buffers") == []


def test_fields_outside() -> None:
    data = struct.pack("<HHHHi", 6, 8, 0xFFF0, 0, 8)
    assert "a value of 1 bytes lies outside" in refusal(
        lambda: Reader(data).table(8, "OperatorCode").scalar("deprecated_builtin_code")
    )


def test_strings_are_safe_to_show() -> None:
    raw = b"a\x1b[31m\n*\xff"
    assert Reader(words(len(raw)) + raw).text(0) == "a\ufffd[31m\ufffd*\ufffd"


def test_identifier() -> None:
    for data in (b"", b"TFL3", b"\x08\0\0\0ONNX\0\0\0\0"):
        assert "this is no TFLite file: expected the identifier 'TFL3' at offset 4" in refusal(
            lambda d=data: open_tflite(d)
        )


def test_no_subgraph() -> None:
    flat = FlatModel(subgraphs=0)
    assert "the model holds no subgraph" in refusal(lambda: import_tflite(flat.to_bytes(), "m"))


def test_too_many_operators() -> None:
    flat = convolution("CONV_2D", 2, 0, 0)
    flat.operators *= MAX_OPERATORS + 1
    data = flat.to_bytes()
    assert f"the model has {MAX_OPERATORS + 1} operators; tinyc compiles up to {MAX_OPERATORS}" in refusal(
        lambda: read_model_file(data)
    )


def test_too_many_inputs() -> None:
    flat = convolution("CONV_2D", 2, 0, 0)
    flat.inputs *= MAX_ENDS + 1
    data = flat.to_bytes()
    assert f"the model has {MAX_ENDS + 1} network inputs; tinyc compiles up to" in refusal(
        lambda: read_model_file(data)
    )


def test_names_are_unique() -> None:
    flat = FlatModel()
    for name in ("x", "x", "", "x#3", ""):
        flat.tensor(name, (1,))
    assert [t.name for t in read_model_file(flat.to_bytes()).tensors] == ["x", "x#1", "#2", "x#3", "#4"]
