"""One small vision transformer through every exporter (tests/data/onnx/export.py): compiled, run as C, compared."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from tests.frontend_onnx.test_onnx_files import FIXTURES
from tests.frontend_onnx.test_onnx_networks import shares
from tinyc.compiler import compile
from tinyc.ir.interpreter import evaluate
from tinyc.reference.reference import open_reference
from tinyc.verification import make_samples, verify

NAMES = sorted(path.stem for path in FIXTURES.glob("vit_*.onnx"))
EXPORTS, PREPARED, FORMS = ("ts17", "dynamo18", "dynamo20"), ("raw", "pre"), ("qdq_channel_s8", "qop_tensor_u8")

IN_C = ("vit_ts17_raw_qdq_channel_s8", "vit_dynamo20_pre_qdq_channel_s8")


def test_every_export_is_there_and_all_are_small() -> None:
    assert sorted("_".join(("vit", *parts)) for parts in product(EXPORTS, PREPARED, FORMS)) == NAMES
    assert sum(path.stat().st_size for path in FIXTURES.glob("*.onnx")) < 1_000_000


@pytest.mark.parametrize("name", NAMES)
def test_every_operator_is_within_one_code(name: str) -> None:
    """Before attention is taken apart head by head, so that the file has a tensor for every operator."""
    largest, share = shares(compile(FIXTURES / f"{name}.onnx", disabled_pass=("lower-attention",)), 3)
    assert largest <= 1 and share >= 0.99


@pytest.mark.parametrize("name", NAMES)
def test_the_outputs_are_within_two_codes(name: str) -> None:
    compiled = compile(FIXTURES / f"{name}.onnx", io="asis")
    assert compiled.source is not None and not any(node.op.name == "transpose" for node in compiled.graph.nodes)
    reference, last = open_reference(compiled.source), compiled.imported.outputs[0].producer
    assert last is not None
    for sample in make_samples(compiled, 12):
        (found,), (expected,) = evaluate(compiled.graph, sample), reference.run(sample)
        assert np.abs(np.rint((found - expected) / last.input(0).type.scale)).max() <= 2


@pytest.mark.parametrize("name", IN_C)
def test_the_generated_c_is_within_two_codes(name: str) -> None:
    compiled = compile(FIXTURES / f"{name}.onnx", objective="sram")
    found = verify(compiled, make_samples(compiled, 12))
    assert found.failure is None and found.found.compared == 60 and found.found.max_abs_diff <= 2
