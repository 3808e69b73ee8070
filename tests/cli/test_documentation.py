"""docs/command-line.md: complete, and every command line in it parses."""

from __future__ import annotations

import argparse
import re
import shlex
from collections.abc import Iterator

import pytest

from tests.cli.conftest import Run
from tests.conftest import ROOT
from tinyc.cli import COMMANDS, parser

PAGE = ROOT / "docs" / "command-line.md"
TEXT = PAGE.read_text(encoding="utf-8")
OPTION = re.compile(r"(?<![\w-])--?[a-z][a-z-]*")


def sub_parsers() -> dict[str, argparse.ArgumentParser]:
    (found,) = (a for a in parser()._actions if isinstance(a, argparse._SubParsersAction))
    return dict(found.choices)


def options() -> Iterator[tuple[str, str]]:
    for command, sub in sub_parsers().items():
        for action in (action for one in _with_jobs(sub) for action in one._actions):
            yield from ((command, option) for option in action.option_strings if option not in ("-h", "--help"))


def _with_jobs(sub: argparse.ArgumentParser) -> list[argparse.ArgumentParser]:
    """A command's parser, and those of its jobs where it has some."""
    jobs = [a.choices.values() for a in sub._actions if isinstance(a, argparse._SubParsersAction)]
    return [sub, *(job for found in jobs for job in found)]


def test_every_command_has_a_section() -> None:
    headings = re.findall(r"^## (.*)$", TEXT, re.MULTILINE)
    named = [name.strip() for heading in headings for name in heading.split(",")]
    assert set(sub_parsers()) == set(COMMANDS) <= set(named)


@pytest.mark.parametrize(("command", "option"), sorted(set(options())))
def test_every_option_is_described(command: str, option: str) -> None:
    described = set(OPTION.findall(TEXT))
    assert option in described, f"{command} {option} is not in {PAGE.name}"


def test_every_described_option_exists() -> None:
    known = {option for _, option in options()} | {"--help"}
    words = {word for word in OPTION.findall(TEXT) if word.startswith("--")}
    assert words <= known, sorted(words - known)


def command_lines() -> list[str]:
    """Lines of the shell blocks in all pages that call tinyc."""
    pages = [*sorted((ROOT / "docs").rglob("*.md")), *ROOT.glob("README.md")]
    blocks = [b for page in pages for b in re.findall(r"```sh\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)]
    lines = [line.strip() for block in blocks for line in block.splitlines()]
    return [line for line in lines if re.match(r"(python3? -m )?tinyc ", line)]


@pytest.mark.parametrize("line", command_lines())
def test_documented_command_lines_parse(line: str) -> None:
    words = shlex.split(line, comments=True)
    parser().parse_args(words[words.index("tinyc") + 1 :])


def test_documented_keys_are_printed(tinyc: Run, model: object, tmp_path: object) -> None:
    """The keys that the table of `build` names are those that it prints."""
    section = TEXT.split("Keys of `--json`; sizes in bytes:")[1].split("## plan")[0]
    rows = [line.split("|")[1] for line in section.splitlines() if line.startswith("| `")]
    documented = {key for row in rows for key in re.findall(r"`(\w+)`", row)}
    data = tinyc("build", model, "--target", "cortex-m4", "-o", f"{tmp_path}/out", "--json").data
    assert documented == data.keys()
