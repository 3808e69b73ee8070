"""The TFLM worker: answers, refusals in TFLM's words, recovery from one that dies, hangs or is missing."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import numpy as np
import pytest

from tests.frontend.test_operators import convolution
from tinyc.errors import ModelError, ToolchainError
from tinyc.reference import tflm
from tinyc.reference.tflm import TflmReference

IMAGE = np.arange(70, dtype=np.int8).reshape(1, 7, 5, 2)


def reference() -> TflmReference:
    return TflmReference(convolution("CONV_2D", 2, 0, 0).to_bytes())


def test_outputs_and_tensors_agree() -> None:
    model = reference()
    (output,) = model.run([IMAGE])
    tensors = model.tensors([IMAGE], [0, 3])
    assert output.shape == (1, 7, 5, 2) and output.dtype == np.int8
    np.testing.assert_array_equal(tensors[0], IMAGE)
    np.testing.assert_array_equal(tensors[3], output)
    assert len(np.unique(output)) > 10


def test_models_do_not_mix() -> None:
    first, second = reference(), TflmReference(convolution("CONV_2D", 3, 0, 0).to_bytes())
    for _ in range(2):
        assert first.run([IMAGE])[0].shape[3] == 2
        assert second.run([IMAGE])[0].shape[3] == 3


def test_a_refusal_is_in_tflms_words() -> None:
    flat = convolution("CONV_2D", 2, 0, 0)
    flat.operators[0].code, flat.operators[0].table = "LSH_PROJECTION", None
    with pytest.raises(ModelError, match=r"does not run this model \(.*\); it said: .*LSH_PROJECTION"):
        TflmReference(flat.to_bytes()).run([IMAGE])
    assert len(reference().run([IMAGE])) == 1


def test_an_input_of_the_wrong_shape() -> None:
    with pytest.raises(ModelError, match="Got 6 but expected 7 for dimension 1 of input 0"):
        reference().run([IMAGE[:, :6]])


def test_a_worker_that_dies_is_replaced() -> None:
    model = reference()
    model.run([IMAGE])
    process = tflm._worker().process
    process.kill()
    process.wait()
    assert len(model.run([IMAGE])) == 1


def test_a_worker_that_hangs_is_stopped() -> None:
    reference().run([IMAGE])
    os.kill(tflm._worker().process.pid, signal.SIGSTOP)
    hurried = TflmReference(convolution("CONV_2D", 2, 0, 0).to_bytes(), seconds=0.2)
    with pytest.raises(ToolchainError, match=r"gave no answer within 0\.2 s"):
        hurried.run([IMAGE])
    assert len(reference().run([IMAGE])) == 1


def test_a_missing_package_names_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    tflm._stop_worker()
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ToolchainError, match=r"pip install 'tinyc\[verify\]'") as caught:
        reference().run([IMAGE])
    assert caught.value.exit_code == 6


def test_a_package_that_does_not_load(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    tflm._stop_worker()
    (tmp_path / "tflite_micro.py").write_text("raise ImportError('wrong processor')")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ToolchainError, match=r"does not load; it said: .*wrong processor"):
        reference().run([IMAGE])


def test_the_version_is_named() -> None:
    assert TflmReference.version().startswith("tflite-micro 0.dev")
