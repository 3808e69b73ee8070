"""Damaged, hostile and unsupported ONNX files: a sentence for each problem, never a traceback."""

from __future__ import annotations

import random
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.frontend_onnx.cases import conv
from tests.frontend_onnx.qdq import F32, Model, onnx
from tinyc.errors import ModelError, ToolchainError
from tinyc.frontend import import_model, inspect, is_onnx, load, read_model
from tinyc.frontend.onnx import import_onnx
from tinyc.ir.verifier import verify

FIXTURES = Path(__file__).resolve().parent.parent / "data" / "onnx"


def small(opset: int = 17) -> bytes:
    """A convolution, a pool, a dense layer."""
    m, rng = Model(opset=opset), np.random.default_rng(0)
    x = m.quant(conv(m, rng, m.input((1, 3, 6, 6)), (4, 3, 3, 3)), 0.1, 3)
    x = m.node("Flatten", m.node("MaxPool", x, kernel_shape=[2, 2]))
    w = m.weights(rng.integers(-99, 99, (36, 5)).astype(np.int8), F32(0.01))
    return m.build(m.quant(m.node("MatMul", x, w), 0.1, 0))


def changed(data: bytes, change: Any) -> bytes:
    model = onnx.ModelProto.FromString(data)
    change(model)
    result: bytes = model.SerializeToString()
    return result


def problems(data: bytes) -> list[str]:
    with pytest.raises(ModelError) as caught:
        import_onnx(data, "m")
    for problem in caught.value.problems:
        assert problem.endswith(".") and "Traceback" not in problem
    return list(caught.value.problems)


def one(data: bytes) -> str:
    (problem,) = problems(data)
    return problem


# ---------------------------------------------------------------------- the file as a whole
def test_a_file_is_known_by_its_content(tmp_path: Path) -> None:
    path = tmp_path / "network.bin"
    path.write_bytes(small())
    assert is_onnx(read_model(path)) and load(path).name == "network"


def test_without_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(ToolchainError, match=r"pip install 'tinyc\[onnx\]'"):
        import_onnx(b"\x08\x08", "m")


def test_truncated() -> None:
    data = small()
    refused = 0
    for size in range(2, len(data), 41):
        try:
            verify(import_onnx(data[:size], "m"))
        except ModelError as error:
            refused += all(problem.endswith(".") for problem in error.problems)
    assert refused == len(range(2, len(data), 41))


def mutated(data: bytes, source: random.Random) -> bytes:
    """One to four bytes changed, moved or lost."""
    found = bytearray(data)
    for _ in range(source.randint(1, 4)):
        at = source.randrange(2, len(found) - 40)
        kind = source.randrange(4)
        if kind == 0:
            found[at] ^= 1 << source.randrange(8)
        elif kind == 1:
            found[at] = source.choice((0, 1, 127, 128, 255, source.randrange(256)))
        elif kind == 2:
            other, size = source.randrange(len(found) - 40), source.randint(1, 32)
            found[at : at + size] = found[other : other + size]
        else:
            del found[at : at + source.choice((1, 4))]
    return bytes(found)


def survives(data: bytes) -> bool:
    """Whether it was accepted; anything but a Graph that verifies or a ModelError escapes."""
    try:
        verify(import_model(data, "fuzz"))
        accepted = True
    except ModelError as error:
        accepted = False
        assert error.problems and all(error.problems)
    try:
        assert inspect(data).supported == accepted
    except ModelError:
        assert not accepted
    return accepted


@pytest.mark.parametrize("fixture", [None, "cnn_ts17_raw_qop_tensor_u8.onnx"])
def test_mutations(fixture: str | None, long: bool) -> None:
    data = small() if fixture is None else (FIXTURES / fixture).read_bytes()
    source, count = random.Random(4), 20_000 if long else 300 if fixture is None else 60
    accepted = sum(survives(mutated(data, source)) for _ in range(count))
    assert 0 < accepted < count


def test_no_graph() -> None:
    assert "holds no graph" in one(onnx.ModelProto(ir_version=8).SerializeToString())


def test_opset_out_of_range() -> None:
    newest = onnx.defs.onnx_opset_version()
    for opset in (12, newest + 1, 0):
        assert any(f"uses opset {opset}; tinyc reads 13 to {newest}" in p for p in problems(small(opset)))


def test_cycle() -> None:
    def change(model: Any) -> None:
        conv_node = next(n for n in model.graph.node if n.op_type == "Conv")
        last = model.graph.node[-1]
        conv_node.input[0] = last.output[0]

    assert any("the graph has a cycle through" in p for p in problems(changed(small(), change)))


def test_nodes_out_of_order_are_sorted() -> None:
    def change(model: Any) -> None:
        nodes = list(model.graph.node)
        del model.graph.node[:]
        model.graph.node.extend(reversed(nodes))

    assert str(import_onnx(changed(small(), change), "m")).count("conv2d") == 1


def test_missing_initialiser() -> None:
    def change(model: Any) -> None:
        name = next(t.name for t in model.graph.initializer if t.name.startswith("w"))
        kept = [t for t in model.graph.initializer if t.name != name]
        del model.graph.initializer[:]
        model.graph.initializer.extend(kept)

    assert any(
        "which is neither an input nor an initialiser nor written by a node" in p
        for p in problems(changed(small(), change))
    )


def test_data_that_does_not_fit_its_shape() -> None:
    def change(model: Any) -> None:
        tensor = next(t for t in model.graph.initializer if t.name.startswith("w"))
        tensor.dims[0] += 1

    assert any("its data does not fit its shape" in p for p in problems(changed(small(), change)))


def test_written_twice() -> None:
    def change(model: Any) -> None:
        model.graph.node.append(model.graph.node[-1])

    assert any("which exists already" in p for p in problems(changed(small(), change)))


def test_unknown_domain_and_function() -> None:
    def change(model: Any) -> None:
        model.graph.node[0].domain = "my.domain"
        model.functions.add().name = "f"

    found = problems(changed(small(), change))
    assert any("operators of the domain 'my.domain' are not supported" in p for p in found)
    assert any("defines 1 functions of its own" in p for p in found)


# ---------------------------------------------------------------------- external data
def external(tmp_path: Path, location: str, **more: str) -> Path:
    def change(model: Any) -> None:
        tensor = next(t for t in model.graph.initializer if t.name.startswith("w"))
        (tmp_path / "weights.bin").write_bytes(b"pad!" + tensor.raw_data)
        tensor.ClearField("raw_data")
        tensor.data_location = onnx.TensorProto.EXTERNAL
        for key, value in {"location": location, "offset": "4", **more}.items():
            tensor.external_data.add(key=key, value=value)

    path = tmp_path / "m.onnx"
    path.write_bytes(changed(small(), change))
    return path


def test_external_data_beside_the_model(tmp_path: Path) -> None:
    path = external(tmp_path, "weights.bin")
    assert str(load(path)) == str(import_onnx(small(), "m"))
    assert any("its data is in another file" in p for p in problems(path.read_bytes()))


@pytest.mark.parametrize("location", ["../weights.bin", "/etc/passwd", "", ".", "link"])
def test_external_data_elsewhere_is_refused(tmp_path: Path, location: str) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "link").symlink_to("/etc/passwd")
    path = external(folder, location)
    with pytest.raises(ModelError, match="only from beside the model"):
        load(path)


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"length": "9999"}, "which has"),
        ({"offset": "-4"}, "expected a number"),
        ({"location": "none.bin"}, "not beside the model"),
    ],
)
def test_external_data_that_is_not_there(tmp_path: Path, more: dict[str, str], message: str) -> None:
    path = external(tmp_path, **{"location": "weights.bin", **more})
    with pytest.raises(ModelError, match=message):
        load(path)


# ---------------------------------------------------------------------- what is not supported
def test_a_float_model_says_what_to_run() -> None:
    x = onnx.helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, [1, 4])
    y = onnx.helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, None)
    nodes = [onnx.helper.make_node("Relu", ["x"], ["a"]), onnx.helper.make_node("Tanh", ["a"], ["y"])]
    model = onnx.helper.make_model(
        onnx.helper.make_graph(nodes, "m", [x], [y]), opset_imports=[onnx.helper.make_opsetid("", 17)]
    )
    found = one(model.SerializeToString())
    assert "computes in float32 throughout" in found and "tinyc quantize MODEL.onnx --calibrate" in found


def test_all_problems_at_once() -> None:
    m = Model()
    x = m.quant(m.node("Einsum", m.input((1, 4)), equation="ij->ij"))
    y = m.quant(m.node("LSTM", x))
    found = problems(m.build(y))
    assert [p.split(" (")[0].split(" ", 2)[2] for p in found] == ["Einsum", "LSTM"]
    info = inspect(m.build(y))
    assert [op.code for op in info.operators if not op.supported] == ["Einsum", "LSTM"]


def test_free_batch_is_one() -> None:
    m = Model()
    graph = import_onnx(m.build(m.quant(m.node("Relu", m.input(("batch", 4))))), "m")
    assert graph.inputs[0].type.shape == (1, 4)


def test_images_are_nhwc_at_the_ends() -> None:
    m = Model()
    graph = import_onnx(
        m.build(m.quant(conv(m, np.random.default_rng(0), m.input((1, 3, 8, 6)), (5, 3, 1, 1)), 0.1, 0)), "m"
    )
    assert graph.inputs[0].type.shape == (1, 8, 6, 3) and graph.outputs[0].type.shape == (1, 8, 6, 5)
    m = Model()
    graph = import_onnx(m.build(m.quant(m.node("Transpose", m.input((1, 3, 8, 6)), perm=[0, 1, 3, 2]))), "m")
    assert graph.inputs[0].type.shape == (1, 3, 8, 6)  # nothing says that it is an image
