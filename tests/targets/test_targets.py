"""Target files: what they say, how mistakes in them are told, and how other packages add theirs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from tinyc import targets
from tinyc.errors import UsageError

CORES = {
    "cortex-m0plus": "none",
    "cortex-m3": "none",
    "cortex-m4": "dsp",
    "cortex-m7": "dsp",
    "cortex-m33": "dsp",
    "cortex-m55": "mve",
    "cortex-m85": "mve",
}
# name: core, KiB of contiguous SRAM, KiB of flash, from the datasheets
BOARDS = {
    "stm32f427": ("cortex-m4", 192, 2048),
    "stm32f746": ("cortex-m7", 320, 1024),
    "stm32h743": ("cortex-m7", 512, 2048),
    "nrf52840": ("cortex-m4", 256, 1024),
    "rp2040": ("cortex-m0plus", 264, 2048),
    "rp2350": ("cortex-m33", 520, 4096),
    "mps2-an386": ("cortex-m4", 4096, 4096),
    "mps2-an500": ("cortex-m7", 4096, 4096),
    "mps3-an547": ("cortex-m55", 4096, 8192),
}

CORE = """
name = "mine"
description = "A core"
simd = "dsp"
cpu_flags = ["-mcpu=cortex-m4"]
[emulator]
machine = "mps2-an386"
"""
BOARD = """
name = "mine"
description = "A board"
core = "cortex-m4"
[[memory]]
name = "RAM"
kind = "sram"
origin = 0x2000_0000
bytes = 1024
speed = 0
"""
SECOND = '[[memory]]\nname = "{name}"\nkind = "{kind}"\norigin = {origin}\nbytes = 512\nspeed = 1\n'


@pytest.fixture(autouse=True)
def fresh_registry() -> Iterator[None]:
    targets._registry.cache_clear()
    yield
    targets._registry.cache_clear()


@pytest.mark.parametrize(("name", "simd"), CORES.items())
def test_cores(name: str, simd: str) -> None:
    core = targets.load(name)
    assert (core.name, core.core, core.simd) == (name, name, simd)
    assert (core.memories, core.sram_bytes, core.flash_bytes) == ((), None, None)
    assert f"-mcpu={name}" in core.cpu_flags


@pytest.mark.parametrize(("name", "facts"), BOARDS.items())
def test_boards(name: str, facts: tuple[str, int, int]) -> None:
    board = targets.load(name)
    assert (board.core, board.sram_bytes, board.flash_bytes) == (facts[0], facts[1] * 1024, facts[2] * 1024)
    assert board.simd == CORES[facts[0]]


def test_names_and_description() -> None:
    assert targets.names() == tuple(sorted({**CORES, **BOARDS}))
    facts = {row["name"]: row for row in json.loads(json.dumps(targets.describe()))}
    assert facts["stm32f746"]["sram_bytes"] == 327_680 and facts["stm32f746"]["owner"] == "tinyc"
    assert facts["stm32f746"]["memories"][0]["name"] == "DTCM"
    assert facts["cortex-m4"]["sram_bytes"] is None


def test_a_board_can_refine_the_cores_flags_and_keeps_its_emulator() -> None:
    board = targets.load("stm32h743")
    assert "-mfpu=fpv5-d16" in board.cpu_flags
    assert board.emulator == targets.load("cortex-m7").emulator


def test_unknown_name() -> None:
    with pytest.raises(UsageError, match='no target called "stm32f74".*Did you mean stm32f746'):
        targets.load("stm32f74")
    with pytest.raises(
        UsageError, match="Known targets: cortex-m0plus,"
    ):
        targets.load("?")


@pytest.mark.parametrize("text", [CORE, BOARD])
def test_a_users_own_file(tmp_path: Path, text: str) -> None:
    path = tmp_path / "any-name.toml"
    path.write_text(text)
    target = targets.load(str(path))
    assert target.name == "mine" and target.simd == "dsp"
    assert target.sram_bytes == (1024 if text is BOARD else None)


def test_only_adjoining_banks_add_up(tmp_path: Path) -> None:
    def sram(kind: str, origin: str) -> int | None:
        path = tmp_path / "board.toml"
        path.write_text(BOARD + SECOND.format(name="B", kind=kind, origin=origin))
        return targets.load(str(path)).sram_bytes

    assert sram("sram", "0x2000_0400") == 1536
    assert sram("dtcm", "0x1FFF_FE00") == 1536
    assert sram("sram", "0x2000_0404") == 1024
    assert sram("external", "0x2000_0400") == 1024


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (CORE.replace("simd", "smid"), "lacks the key simd; the keys are name, description, simd"),
        (CORE.replace('"dsp"\n', '"dsp"\nturbo = true\n'), "has the unknown key turbo"),
        (CORE.replace('"dsp"', '"neon"'), 'has simd = "neon", but simd must be one of none, dsp, mve'),
        (CORE.replace('["-mcpu=cortex-m4"]', '"-mcpu=cortex-m4"'), "cpu_flags must be a list"),
        (CORE.replace('"-mcpu=cortex-m4"', "4"), "cpu_flags must be a list of texts"),
        (CORE.replace("machine", "engine"), "section emulator, lacks the key machine"),
        (CORE + "trap_unaligned = 1\n", "trap_unaligned must be true or false"),
        (BOARD.replace("1024", '"1K"'), "memory 0, has bytes = '1K', but bytes must be a whole number"),
        (BOARD.replace("1024", "true"), "bytes must be a whole number"),
        (BOARD.replace("1024", "0"), "needs bytes > 0"),
        (BOARD.replace('"sram"', '"ram"'), "kind must be one of sram, flash, dtcm, itcm, external"),
        (BOARD.replace('"sram"', '"flash"'), "nowhere to put an arena"),
        (BOARD.replace('"cortex-m4"', '"cortex-m5"'), 'no target called "cortex-m5".*Did you mean'),
        (BOARD.replace('"cortex-m4"', '"nrf52840"'), "nrf52840 is named as a core, but it is a board"),
        (
            BOARD + SECOND.format(name="B", kind="sram", origin="0x2000_03FF"),
            "RAM ends at 0x20000400, B begins",
        ),
        (BOARD + SECOND.format(name="RAM", kind="sram", origin="0x3000_0000"), "two memories the same name"),
        (BOARD.split("[[")[0] + "memory = [1]\n", "memory 0, must be a table with the keys name, kind"),
        ("name = ", "isn't valid TOML"),
    ],
)
def test_mistakes_are_sentences(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(text)
    with pytest.raises(UsageError, match=words) as caught:
        targets.load(str(path))
    assert str(caught.value).endswith((".", "too."))


def test_a_missing_file() -> None:
    with pytest.raises(UsageError, match="nowhere.toml can't be read: No such file"):
        targets.load("nowhere.toml")


@dataclass(frozen=True)
class Distribution:
    name: str


@dataclass(frozen=True)
class Plugin:
    """Stands for an entry point of another package."""

    brings: object
    name: str = "boards"
    value: str = "acme_boards:targets"
    dist: Distribution | None = Distribution("acme-boards")

    def load(self) -> object:
        if isinstance(self.brings, Exception):
            raise self.brings
        return self.brings


def install(monkeypatch: pytest.MonkeyPatch, brings: object) -> None:
    monkeypatch.setattr(
        targets, "entry_points", lambda group: [Plugin(brings)] if group == "tinyc.targets" else []
    )


def test_plugins_bring_folders_and_objects(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text(BOARD)
    mine = replace(targets.load("nrf52840"), name="other")
    for brings in (tmp_path, str(tmp_path), lambda: tmp_path):
        targets._registry.cache_clear()
        install(monkeypatch, brings)
        assert targets.load("mine").sram_bytes == 1024 and "mine" in targets.names()
        assert {row["owner"] for row in targets.describe() if row["name"] == "mine"} == {"acme-boards"}
    targets._registry.cache_clear()
    install(monkeypatch, lambda: [mine])
    assert targets.load("other") is mine


def test_a_duplicate_name_names_both_owners(monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch, [targets.load("nrf52840")])
    targets._registry.cache_clear()
    with pytest.raises(UsageError, match="called nrf52840: tinyc and acme-boards"):
        targets.names()


def test_a_plugins_file_must_be_called_like_its_target(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "yours.toml").write_text(BOARD)
    install(monkeypatch, tmp_path)
    with pytest.raises(UsageError, match="calls itself mine; .* Rename the file to mine.toml"):
        targets.load("yours")


def test_broken_plugins_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch, ImportError("no module acme"))
    with pytest.raises(UsageError, match="plugin boards .*failed to load: ImportError.*no module acme"):
        targets.names()
    for wrong in (42, [42]):
        install(monkeypatch, wrong)
        with pytest.raises(UsageError, match="plugin of acme-boards gave 42; tinyc expected a folder"):
            targets.names()


def test_boards_that_name_each_other_end(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text(BOARD.replace("cortex-m4", "yours"))
    (tmp_path / "yours.toml").write_text(
        BOARD.replace("cortex-m4", "mine").replace('"mine"\nd', '"yours"\nd')
    )
    install(monkeypatch, tmp_path)
    with pytest.raises(UsageError, match="yours is named as a core, but it is a board with the core mine"):
        targets.load("mine")
