"""Whole networks from torch's exporters and onnxruntime's quantiser: compiled, run as C, compared."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from tests.conftest import ROOT
from tests.frontend_onnx.cases import conv
from tests.frontend_onnx.qdq import F32, Model
from tests.frontend_onnx.test_onnx_files import FIXTURES
from tinyc.compiler import Compiled, compile
from tinyc.ir.interpreter import evaluate
from tinyc.report.manifest import manifest
from tinyc.verification import Verification, make_samples, verify
from tinyc.verification.compare import Difference
from tinyc.verification.layers import Layer, compare_layers

NAMES = sorted(path.stem for path in FIXTURES.glob("cnn_*.onnx"))
IN_C = ("cnn_ts17_raw_qdq_channel_s8", "cnn_dynamo18_raw_qop_tensor_u8", "cnn_dynamo20_pre_qdq_tensor_u8")


def test_the_fixtures_are_there_and_small() -> None:
    assert len(NAMES) == 18
    assert sum(path.stat().st_size for path in FIXTURES.glob("cnn_*.onnx")) < 300_000


def shares(compiled: Compiled, count: int) -> tuple[float, float]:
    """(largest difference, share of equal elements over all operators), each on the reference's inputs."""
    from tinyc.reference.reference import open_reference
    from tinyc.verification.values import converted

    assert compiled.source is not None
    inputs = [converted(x, compiled.graph.inputs, compiled.imported.inputs) for x in make_samples(compiled, count)]
    layers = compare_layers(compiled, open_reference(compiled.source), inputs, ())
    found = [layer.found for layer in layers if layer.found is not None]
    assert len(found) >= 12
    unequal, compared = sum(f.unequal for f in found), sum(f.compared for f in found)
    return max(f.max_abs_diff for f in found), 1 - unequal / compared


@pytest.mark.parametrize("name", NAMES)
def test_every_operator_is_within_one_code(name: str) -> None:
    compiled = compile(FIXTURES / f"{name}.onnx")
    assert not any(node.op.name == "transpose" for node in compiled.graph.nodes)
    largest, share = shares(compiled, 3)
    assert largest <= 1 and share >= 0.99


@pytest.mark.parametrize("name", IN_C)
def test_the_generated_c_is_within_two_codes(name: str) -> None:
    compiled = compile(FIXTURES / f"{name}.onnx", objective="sram")
    found = verify(compiled, make_samples(compiled, 20))
    assert found.failure is None and found.found.compared == 100 and found.found.max_abs_diff <= 2
    assert found.reference.startswith("onnxruntime")


@pytest.mark.parametrize(("io", "unsigned"), [("int8", False), ("asis", True)])
def test_images_at_both_ends(tmp_path: Path, io: str, unsigned: bool) -> None:
    """Samples and outputs are turned between [N,H,W,C] and [N,C,H,W] for the reference."""
    m, random = Model(unsigned=unsigned), np.random.default_rng(1)
    x = m.quant(conv(m, random, m.input((1, 3, 6, 5)), (4, 3, 3, 3), pads=[1, 1, 1, 1]), 0.1, 3)
    path = tmp_path / "m.onnx"
    path.write_bytes(
        m.build(m.quant(m.node("AveragePool", x, kernel_shape=[3, 2], count_include_pad=1, pads=[1, 0, 1, 1]), 0.06, 1))
    )
    compiled = compile(path, io=io)
    found = verify(compiled, make_samples(compiled, 8), per_layer=True)
    assert found.failure is None and found.layers is not None
    assert [layer.tensor is not None for layer in found.layers if "pool" in layer.kernel] == [True]


def test_a_wrong_network_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from tinyc.reference.ort import OrtReference

    compiled = compile(FIXTURES / f"{IN_C[0]}.onnx")
    right = OrtReference.run
    monkeypatch.setattr(OrtReference, "run", lambda self, inputs: [a + F32(4 / 256) for a in right(self, inputs)])
    found = verify(compiled, make_samples(compiled, 2))
    assert found.failure is not None and "by more than 2 codes" in str(found.failure)


def test_a_mismatch_of_outputs_alone_tells_what_operators_have() -> None:
    layer = Layer("sum", "tinyc/add_s8", "y", Difference(100, 0, 1, 2))
    found = Verification("host", "onnxruntime", 1, Difference(10, 1, 3, 4), None, (layer, layer), tolerance=2)
    assert "1 of 10 outputs differ from onnxruntime by more than 2 codes, by up to 3" in str(found.failure)
    assert "4 of 200 elements of its operators have one" in str(found.failure)


def test_the_manifest_names_the_reference() -> None:
    record = manifest(compile(FIXTURES / f"{NAMES[0]}.onnx"), {})["reference"]
    pinned = re.search(r"onnxruntime==([\w.]+)", (ROOT / "pyproject.toml").read_text())
    assert pinned is not None
    assert (record["name"], record["version"], record["tolerance"]) == ("onnxruntime", pinned.group(1), 2)


def test_micro_kws(shared_models: Path) -> None:
    compiled = compile(shared_models / "micro_kws_qdq.onnx")
    found = verify(compiled, make_samples(compiled, 20), per_layer=True)
    assert found.failure is None and found.layers is not None
    assert all(layer.found is None or layer.found.max_abs_diff <= 1 for layer in found.layers)
    largest, share = shares(compiled, 5)
    assert largest <= 1 and share >= 0.99
    assert not any(node.op.name == "transpose" for node in compiled.graph.nodes)


# ---------------------------------------------------------------------- transformers
@pytest.mark.parametrize("name", ["vit_micro", "vit_240"])
def test_stored_answers(shared_models: Path, name: str) -> None:
    """Onnxruntime's answers to fixed inputs, as they were when the models were made."""
    compiled = compile(shared_models / f"{name}_qdq.onnx", io="asis", objective="sram")
    image = np.load(shared_models / f"{name}.input.npy").transpose(0, 2, 3, 1)
    expected = np.load(shared_models / f"{name}.ort_off.npy")
    last = compiled.imported.outputs[0].producer
    assert last is not None
    found = evaluate(compiled.graph, [image])[0]
    assert np.abs(np.rint((found - expected) / last.input(0).type.scale)).max() <= 2


@pytest.mark.parametrize(("name", "least"), [("vit_micro_qdq", 30), ("vit_240_qdq", 200)])
def test_vision_transformers(shared_models: Path, name: str, least: int, long: bool) -> None:
    """Twenty inputs; of the large one by default those on which less exact integers were beyond two codes."""
    compiled = compile(shared_models / f"{name}.onnx", objective="sram")
    samples = make_samples(compiled, 20)
    few = samples if long or name == "vit_micro_qdq" else [samples[6], samples[16]]
    found = verify(compiled, few, per_layer=True)
    assert found.failure is None and found.layers is not None
    assert not any(node.op.name == "transpose" for node in compiled.graph.nodes)
    layers = [layer.found for layer in found.layers if layer.found is not None]
    tensors = [layer.tensor for layer in found.layers if layer.tensor is not None]
    assert len(set(tensors)) == len(tensors) >= least
    assert max(f.max_abs_diff for f in layers) <= 1
    assert min(1 - f.unequal / f.compared for f in layers) > 0.995
    assert {layer.kernel.split("/")[1] for layer in found.layers} >= {"layer_norm_s8", "matmul_rows_s8", "lut_s8"}
