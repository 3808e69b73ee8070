"""Plain text in a pipe, colour on a terminal, names that cannot command it, and quick starts."""

from __future__ import annotations

import os
import pty
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import Run
from tests.conftest import ROOT
from tinyc.cli.console import printable, table

ESCAPE = b"\x1b"


def on_a_terminal(*words: str, **environment: str) -> bytes:
    """What a command writes to a terminal (standard output and error together)."""
    mine, theirs = pty.openpty()
    env = {"PATH": os.environ["PATH"], "TERM": "xterm-256color", "PYTHONPATH": str(ROOT), **environment}
    process = subprocess.Popen(
        [sys.executable, "-m", "tinyc", *words],
        stdin=subprocess.DEVNULL,
        stdout=theirs,
        stderr=theirs,
        env=env,
    )
    os.close(theirs)
    found = b""
    try:
        while part := os.read(mine, 65536):
            found += part
    except OSError:  # Linux says so where the other end is closed
        pass
    process.wait()
    os.close(mine)
    return found


def test_plain_in_a_pipe(model: Path) -> None:
    for words in (["plan", str(model), "--target", "cortex-m4"], ["targets"], ["build"]):
        done = subprocess.run(
            [sys.executable, "-m", "tinyc", *words], capture_output=True, env=os.environ | {"TERM": "xterm"}
        )
        assert ESCAPE not in done.stdout + done.stderr and done.stdout + done.stderr


def test_colour_on_a_terminal(model: Path) -> None:
    words = ("plan", str(model), "--target", "cortex-m4")
    assert ESCAPE in on_a_terminal(*words)
    for plain in ({"NO_COLOR": "1"}, {"TERM": "dumb"}):
        found = on_a_terminal(*words, **plain)
        assert ESCAPE not in found and b"<- peak" in found


def test_long_lines_stay_whole(tinyc: Run) -> None:
    """A pipe is no 80 columns wide."""
    assert all(line.startswith("  ") for line in tinyc("passes").out.splitlines())


def test_names_cannot_command_the_terminal() -> None:
    assert printable("a\x1b[31mb\r\nc\x9b1m\u202ed") == "a?[31mb??c?1m?d"


def test_table() -> None:
    rows = [("short", 1, "x"), ("n" * 100, 12345, "y" * 100)]
    head, first, second = (getattr(line, "text", line) for line in table(("name", "bytes", "more"), rows))
    assert head.split() == ["name", "bytes", "more"]
    assert first.index("     1") + 6 == second.index("12,345") + 6 == head.index("bytes") + 5
    assert "..." + "n" * 69 in second and "y" * 100 in second and "n" * 70 not in second
    assert table(("a",), []) == []


def best(*words: str) -> float:
    """Processor seconds of the quickest of several runs: what else the machine does has no say."""
    times = []
    for _ in range(5):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([sys.executable, *words], check=True, capture_output=True, cwd=ROOT)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        times.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return min(times)


def test_quick_start() -> None:
    assert best("-m", "tinyc", "--help") < 0.3
    assert best("-c", "import tinyc") < 0.2


@pytest.mark.parametrize("start", ["import tinyc", "import tinyc.cli as c; c.parser()"])
def test_nothing_heavy_is_imported(start: str) -> None:
    heavy = ("numpy", "rich", "tflite", "tinyc.compiler")
    look = f"{start}; import sys; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", look], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout == "[]\n"
