"""Every registered pass: the graphs it is to make of given ones, and the graphs it has to leave alone.

The cases of pass `fold-padding` lie in cases/fold_padding.py, as graphs in text.
"""

from __future__ import annotations

from importlib import import_module
from types import ModuleType

import pytest

from tests.support.passes import check_pass, check_unchanged
from tinyc.ir.transform import all_passes

NAMES = [cls.name for cls in all_passes() if cls.__module__.startswith("tinyc.passes.")]


def cases_of(name: str) -> ModuleType:
    return import_module(f"tests.passes.cases.{name.replace('-', '_')}")


@pytest.mark.parametrize("name", NAMES)
def test_every_pass_has_rewrites_and_refusals(name: str) -> None:
    module = cases_of(name)
    assert module.REWRITES and module.REFUSALS


@pytest.mark.parametrize(("name", "title"), [(n, title) for n in NAMES for title in cases_of(n).REWRITES])
def test_rewrite(name: str, title: str) -> None:
    before, after = cases_of(name).REWRITES[title]
    check_pass(name, before, after)


@pytest.mark.parametrize(("name", "title"), [(n, title) for n in NAMES for title in cases_of(n).REFUSALS])
def test_refusal(name: str, title: str) -> None:
    check_unchanged(name, cases_of(name).REFUSALS[title])
