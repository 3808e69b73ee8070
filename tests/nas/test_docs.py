"""The Python of docs/nas.md runs as it stands, from an empty folder."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT

PAGE = (ROOT / "docs" / "nas.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)


@pytest.mark.parametrize("number", range(len(BLOCKS)))
def test_blocks_run(number: int, tmp_path: Path) -> None:
    """As a script, so that worker processes can import it."""
    script = tmp_path / "script.py"
    script.write_text(BLOCKS[number], encoding="utf-8")
    paths = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run(
        [sys.executable, str(script)], cwd=tmp_path, capture_output=True, text=True, timeout=300,
        env=os.environ | {"PYTHONPATH": paths},
    )
    assert done.returncode == 0, done.stderr


def test_the_page_shows_python() -> None:
    assert len(BLOCKS) >= 4


def test_the_space_of_the_page_can_be_searched() -> None:
    """The class that the page shows as an example works with the search, not only by itself."""
    from tests.nas.support import SETTINGS, TARGET
    from tinyc.nas.outcome import most_macs
    from tinyc.nas.report import Budget
    from tinyc.nas.search import search

    (block,) = (b for b in BLOCKS if "class TinySpace" in b)
    names: dict[str, object] = {"__name__": "page"}
    sys.modules["page"] = type(sys)("page")
    sys.modules["page"].__dict__.update(names)
    exec(compile(block, "docs/nas.md", "exec"), sys.modules["page"].__dict__)
    space = sys.modules["page"].__dict__["TinySpace"]()
    found = search(
        space, most_macs, Budget(sram=6_000), target=TARGET, objective="speed", generations=2, settings=SETTINGS
    )
    assert found.best.figures["sram"] <= 6_000
    assert space.from_json(space.to_json(found.best.spec)) == found.best.spec
