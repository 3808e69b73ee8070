"""Every registered pass: the graphs it is to make of given ones, and the graphs it has to leave alone.

The cases of pass `fold-padding` lie in cases/fold_padding.py, as graphs in text.
"""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from types import ModuleType

import pytest

from tests.support.passes import check_pass, check_unchanged
from tinyc.ir.transform import all_passes

# Those that raise where they find nothing to do, and those that change numbers, have files of their own.
CHANGING = [cls.name for cls in all_passes() if cls.changes_numbers]
OWN_TESTS = {"decompose-patch-embedding", "split-patches", "form-segments", *CHANGING}
NAMES = [cls.name for cls in all_passes() if cls.__module__.startswith("tinyc.passes.") and cls.name not in OWN_TESTS]


def cases_of(name: str) -> ModuleType:
    """The module of a pass's cases; one without cases where there is no such file."""
    module = f"tests.passes.cases.{name.replace('-', '_')}"
    if find_spec(module) is not None:
        return import_module(module)
    empty = ModuleType(module)
    empty.REWRITES, empty.REFUSALS = {}, {}  # type: ignore[attr-defined]
    return empty


@pytest.mark.parametrize("name", NAMES)
def test_every_pass_has_rewrites_and_refusals(name: str) -> None:
    cases = cases_of(name)
    assert cases.REWRITES and cases.REFUSALS, f"{cases.__name__} must hold both for pass {name!r}"


@pytest.mark.parametrize(("name", "title"), [(n, title) for n in NAMES for title in cases_of(n).REWRITES])
def test_rewrite(name: str, title: str) -> None:
    before, after = cases_of(name).REWRITES[title]
    check_pass(name, before, after)


@pytest.mark.parametrize(("name", "title"), [(n, title) for n in NAMES for title in cases_of(n).REFUSALS])
def test_refusal(name: str, title: str) -> None:
    check_unchanged(name, cases_of(name).REFUSALS[title])
