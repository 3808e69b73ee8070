"""What the tests of the command line share: model files, and running a command."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.cli.models import FLOAT_ENDS, HEAVY, LARGE, RESIDUAL, STREAMED, write
from tinyc.cli import main


@dataclass(frozen=True)
class Ran:
    """How a command ended and what it printed."""

    code: int
    out: str
    err: str

    @property
    def data(self) -> dict[str, Any]:
        """The one object that --json prints."""
        found = json.loads(self.out)
        assert isinstance(found, dict)
        return found


Run = Callable[..., Ran]


@pytest.fixture
def tinyc(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs a command in this process; arguments become text."""
    monkeypatch.delenv("CMSIS_NN_DIR", raising=False)
    monkeypatch.delenv("TINYC_DEBUG", raising=False)

    def run(*words: object) -> Ran:
        code = main([str(word) for word in words])
        captured = capsys.readouterr()
        return Ran(code, captured.out, captured.err)

    return run


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The model files of tests/cli/models.py by name."""
    folder = tmp_path_factory.mktemp("models")
    texts = {
        "residual": RESIDUAL,
        "float_ends": FLOAT_ENDS,
        "streamed": STREAMED,
        "large": LARGE,
        "heavy": HEAVY,
    }
    return {name: write(folder, name, text) for name, text in texts.items()}


@pytest.fixture(scope="session")
def model(models: dict[str, Path]) -> Path:
    return models["residual"]
