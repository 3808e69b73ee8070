"""A trainer of one's own in a search, and what is said without PyTorch. Nothing here needs PyTorch."""

from __future__ import annotations

import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from tests.conftest import ROOT
from tests.nas.support import BUDGET, SETTINGS, SMALL_AUDIO, SMALL_CNN, TARGET
from tinyc.errors import ToolchainError, UsageError
from tinyc.nas.report import Need
from tinyc.nas.search import search
from tinyc.nas.spaces import DsCnnSpec
from tinyc.nas.training import Images, Trainer, supernet

X, Y = np.zeros((4, 1, 8, 8), np.float32), np.zeros(4, np.int64)


class Predictor:
    """A predictor of accuracy that was "trained" to like one kernel size."""

    def __init__(self) -> None:
        self.liked = 0

    def train(self) -> None:
        self.liked = 7

    def score(self, spec: DsCnnSpec, report: Need | None = None) -> float:
        return sum(block.kernel == self.liked for block in spec.blocks) / len(spec.blocks)

    def extract(self, spec: DsCnnSpec) -> bytes:
        return b""


def test_a_predictor_leads_the_search() -> None:
    trainer: Trainer[DsCnnSpec] = Predictor()
    trainer.train()
    found = search(
        SMALL_AUDIO, trainer.score, BUDGET, target=TARGET, objective="speed", settings=SETTINGS, generations=3
    )
    assert found.best.score == 1.0
    assert {block.kernel for block in found.best.spec.blocks} == {7}


def test_without_pytorch_a_sentence_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(ToolchainError, match=r'pip install "tinyc\[train\]"'):
        supernet(SMALL_CNN, Images(X, Y), Images(X, Y))


@pytest.mark.skipif(find_spec("torch") is not None, reason="PyTorch is here: test_training.py runs the loop")
def test_the_loop_says_what_to_install(tmp_path: Path) -> None:
    script = [sys.executable, str(ROOT / "benchmarks" / "nas_digits.py"), "--seeds", "1", "--output", str(tmp_path)]
    done = subprocess.run(script, capture_output=True, text=True, timeout=120)
    assert done.returncode == ToolchainError.exit_code
    assert re.fullmatch(r'stopped: .*pip install "tinyc\[train\]"\n', done.stderr), done.stderr


@pytest.mark.parametrize(
    ("x", "y", "message"),
    [
        (X[0], Y, r"images are float32 \[N,C,H,W\]; got float32 \[1, 8, 8\]"),
        (X.astype(np.float64), Y, "got float64"),
        (X, Y[:3], r"classes of 4 images are int64 \[4\]; got int64 \[3\]"),
        (X, Y.astype(np.int32), "got int32"),
    ],
)
def test_images_of_another_form_are_refused(x: np.ndarray, y: np.ndarray, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        Images(x, y)
