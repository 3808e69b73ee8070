"""What another package brings through entry points is listed with its owner, and compiles."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ROOT

MODULE = """
from dataclasses import dataclass
from pathlib import Path

from tinyc.ir.transform import Pass, graph_pass
from tinyc.ops import Add
from tinyc.program.kernel import Kernel, kernel


@graph_pass("do-nothing")
@dataclass(frozen=True)
class DoNothing(Pass):
    \"\"\"Looks and leaves.\"\"\"

    times: int = 3

    def rewrite(self, node, graph):
        return False


@kernel("acme/add", op=Add)
class AcmeAdd(Kernel):
    \"\"\"Faster, they say.\"\"\"

    def refuses(self, site, target):
        return "it is for listing only"


BOARDS = str(Path(__file__).parent)
"""
ENTRY_POINTS = """
[tinyc.passes]
acme = acme_plugin
[tinyc.kernels]
acme = acme_plugin
[tinyc.targets]
acme = acme_plugin:BOARDS
"""
BOARD = """
name = "acme-board"
description = "A board of another package"
core = "cortex-m4"

[[memory]]
name = "RAM"
kind = "sram"
origin = 0x2000_0000
bytes = 65536
speed = 0
"""


@pytest.fixture
def plugin(tmp_path: Path) -> Path:
    """A folder that, on the path, is an installed package with entry points."""
    (tmp_path / "acme_plugin.py").write_text(MODULE)
    (tmp_path / "acme-board.toml").write_text(BOARD)
    info = tmp_path / "acme_plugin-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: acme-plugin\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(ENTRY_POINTS)
    return tmp_path


def listed(plugin: Path, *words: str) -> Any:
    done = subprocess.run(
        [sys.executable, "-m", "tinyc", *words, "--json"],
        env={**os.environ, "PYTHONPATH": os.pathsep.join((str(ROOT), str(plugin)))},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_listed_with_owner(plugin: Path) -> None:
    (found,) = (row for row in listed(plugin, "passes")["passes"] if row["name"] == "do-nothing")
    assert found["owner"] == "acme_plugin" and found["options"] == {"times": "3"}
    (found,) = (row for row in listed(plugin, "kernels")["kernels"] if row["name"] == "acme/add")
    assert found["owner"] == "acme_plugin" and found["provider"] == "acme" and found["operators"] == ["add"]
    (found,) = (row for row in listed(plugin, "targets")["targets"] if row["name"] == "acme-board")
    assert found["owner"] == "acme-plugin"


def test_used(plugin: Path, model: Path) -> None:
    """Their pass in a pipeline, with an option; their board as the target."""
    data = listed(plugin, "plan", str(model), "--target", "acme-board", "-p", "do-nothing{times=5}")
    assert data["passes"][-1] == "do-nothing{times=5}" and data["target"] == "acme-board"
    assert data["sram_bytes"] == 65_536 and data["flash_bytes"] is None  # it describes no flash
