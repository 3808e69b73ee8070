"""The pass that docs/passes.md shows: registered, plugged in, tested the way that the page asks for."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.support.passes import check_pass, check_unchanged
from tinyc.ir.transform import PASSES, find_pass

(SOURCE,) = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "passes.md").read_text(encoding="utf-8"), re.DOTALL)

_IMAGE = "%x = input : int8[1,4,4,2] q(0.1;3)\n"
BEFORE = _IMAGE + """
        %f = tanh(%x) : int8[1,4,4,2] q(0.0078125;0)
        %y = max_pool2d(%f) {extent=(2,2),stride=(2,2)} : int8[1,2,2,2] q(0.0078125;0)
        return %y
"""
AFTER = _IMAGE + """
        %p = max_pool2d(%x) {extent=(2,2),stride=(2,2)} : int8[1,2,2,2] q(0.1;3)
        %y = tanh(%p) : int8[1,2,2,2] q(0.0078125;0)
        return %y
"""
REFUSALS = {
    "a function that falls": BEFORE.replace("tanh(%x)", "leaky_relu(%x) {alpha=-0.5}"),
    "a clamp in the pool": BEFORE.replace("stride=(2,2)", "stride=(2,2),clamp=(0,127)"),
    "a second reader": BEFORE.replace("return %y", "return %y, %f"),
    "an average": BEFORE.replace("max_pool2d", "average_pool2d"),
}


@pytest.fixture(scope="module", autouse=True)
def pool_first(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The page's module, imported as a plug-in's; gone again afterwards."""
    folder: Path = tmp_path_factory.mktemp("pass")
    (folder / "acme_pool_first.py").write_text(SOURCE, encoding="utf-8")
    sys.path.insert(0, str(folder))
    find_pass("dead-code")  # ours first, as they are when a plug-in is loaded
    __import__("acme_pool_first")
    yield
    sys.path.remove(str(folder))
    del sys.modules["acme_pool_first"], PASSES._items["pool-first"], PASSES._owners["pool-first"]


def test_it_pools_first() -> None:
    check_pass("pool-first", BEFORE, AFTER)
    assert PASSES.owner("pool-first") == "acme_pool_first"


def test_its_option_spares_small_windows() -> None:
    check_unchanged("pool-first{least=5}", BEFORE)


@pytest.mark.parametrize("why", REFUSALS)
def test_it_refuses(why: str) -> None:
    check_unchanged("pool-first", REFUSALS[why])
