"""`tinyc nas`: what it prints, its exit codes, its pictures."""

from __future__ import annotations

import json
import xml.etree.ElementTree as Xml
from pathlib import Path
from typing import Any

import pytest

from tinyc.cli import main

SMALL = ("--space", "tests.nas.support:SMALL_AUDIO", "--target", "cortex-m4", "--objective", "speed")


def run(capsys: pytest.CaptureFixture[str], *words: object) -> tuple[int, Any, str]:
    """Exit code, the object of --json, standard error."""
    code = main(["nas", *map(str, words), "--json"])
    said = capsys.readouterr()
    return code, json.loads(said.out), said.err


def test_plan(capsys: pytest.CaptureFixture[str]) -> None:
    code, data, _ = run(capsys, "plan", *SMALL, "--seed", 2)
    assert code == 0 and data["feasible"] and data["sram"] > 0
    again = run(capsys, "plan", *SMALL, "--spec", json.dumps(data["spec"]))[1]
    assert again == data
    code, data, said = run(capsys, "plan", *SMALL, "--seed", 2, "--sram", data["sram"] - 1)
    assert code == 4 and not data["feasible"]
    assert "by 1: the peak is at" in said
    assert main(["nas", "plan", *SMALL]) == 0
    assert "SRAM" in capsys.readouterr().out


def test_select(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    small = ("--space", "tests.nas.support:SMALL_CNN", *SMALL[2:], "--samples", 2, "--svg", tmp_path / "grid.svg")
    code, data, _ = run(capsys, "select", *small, "--cells", "w0.2-r32,w0.3-r32")
    assert code == 0 and {c["name"] for c in data["cells"]} == {"w0.2-r32", "w0.3-r32"}
    assert data["chosen"] == "w0.3-r32"
    Xml.parse(tmp_path / "grid.svg")
    assert run(capsys, "select", *small, "--cells", "w9")[0] == 2
    assert "no grid of cells" in run(capsys, "select", *SMALL)[2]


def test_search(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    words = ("search", *SMALL, "--sram", 2400, "--population", 4, "--generations", 2, "--goals", "sram")
    files = ("--svg", tmp_path / "front.svg", "--checkpoint", tmp_path / "search.json")
    code, data, said = run(capsys, *words, *files)
    assert code == 0 and said.count("generation ") == 2
    assert data["best"]["score"] == max(o["score"] for o in data["front"])
    assert data["best"]["sram"] <= 2400 and data["generations"] == 2
    dots = [e for e in Xml.parse(tmp_path / "front.svg").iter() if e.tag.endswith("circle") and e.get("r") == "4"]
    assert len(dots) == len(data["front"])
    resumed = run(capsys, *words, *files)
    assert resumed[1] == data and "generation" not in resumed[2]
    parallel = run(capsys, *words, "--workers", 2)
    assert parallel[1] == data


def test_a_budget_that_nothing_keeps(capsys: pytest.CaptureFixture[str]) -> None:
    words = ("search", *SMALL, "--sram", 100, "--flash", 900_000, "--population", 4, "--tries", 12)
    code, data, said = run(capsys, *words)
    assert code == 4 and "none of 12 networks of the space keeps the budget. The nearest miss needs sram" in said
    assert "Allow more sram, or give the space smaller choices." in data["error"]


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (("plan", "--space", "nowhere", "--target", "cortex-m4"), 2, "no search space 'nowhere'"),
        (("plan", "--space", "os:path", "--target", "cortex-m4"), 2, "is no search space"),
        (("plan", "--space", "no_such_module:x", "--target", "cortex-m4"), 2, "Expected module:name"),
        (("plan", *SMALL, "--spec", "{}"), 2, "expected an object with dimensions"),
        (("search", *SMALL, "--score", "os:nothing"), 2, "cannot find 'os:nothing'"),
        (("search", *SMALL, "--goals", "beauty"), 2, "there is no figure 'beauty'"),
        (("select", *SMALL, "--svg", "/no/such/folder/x.svg"), 2, "no grid"),
        (("plan", "--target", "cortex-m9"), 2, 'no target called "cortex-m9"'),
    ],
)
def test_mistakes_are_sentences(
    capsys: pytest.CaptureFixture[str], words: tuple[str, ...], code: int, sentence: str
) -> None:
    found, data, said = run(capsys, *words)
    assert found == code
    assert sentence in said and sentence in data["error"]
    assert "Traceback" not in said
