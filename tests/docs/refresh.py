"""Brings the printed figures in README.md and the code in docs/kernels.md up to date: python -m tests.docs.refresh"""

from __future__ import annotations

import re
import subprocess
import sys
import textwrap

import tinyc
from tests.conftest import ROOT
from tinyc.errors import DoesNotFit

EXAMPLE = ROOT / "docs" / "example"
KERNEL = ROOT / "docs" / "example_kernel"
KERNEL_FILES = {"python": "acme_pool/__init__.py", "c": "acme_pool/acme_max_pool.c", "toml": "pyproject.toml"}


def refresh_block(page: str, language: str, start: str, text: str) -> None:
    """Replace the page's one block of a language whose text begins with `start`."""
    path = ROOT / page
    block = re.compile(rf"(```{language}\n)(?={re.escape(start)}).*?(```)", re.DOTALL)
    changed, count = block.subn(lambda m: f"{m[1]}{text.rstrip()}\n{m[2]}", path.read_text(encoding="utf-8"))
    assert count == 1, f"{page} has {count} {language} blocks that begin with {start!r}"
    path.write_text(changed, encoding="utf-8")


def refusal() -> str:
    """What `build` prints for the example on the small board where nothing may stream."""
    compiled = tinyc.compile(EXAMPLE / "digits.tflite", str(EXAMPLE / "small-board.toml"), objective="speed")
    try:
        compiled.check_fits()
    except DoesNotFit as error:
        return textwrap.fill(f"tinyc: {error}", 118, break_long_words=False, break_on_hyphens=False)
    raise AssertionError("the example fits the small board now: make the board in docs/example smaller")


def main() -> None:
    demo = [sys.executable, str(ROOT / "benchmarks" / "demo.py")]
    printed = subprocess.run(demo, capture_output=True, text=True, check=True).stdout
    refresh_block("README.md", "text", "docs/example/digits.tflite", printed)
    refresh_block("README.md", "text", "tinyc: ", refusal())
    transformer = [sys.executable, str(ROOT / "benchmarks" / "vit_digits.py")]
    printed = subprocess.run(transformer, capture_output=True, text=True, check=True).stdout
    refresh_block("docs/quantize.md", "text", "docs/example/digits_vit.onnx", printed)
    for language, name in KERNEL_FILES.items():
        text = (KERNEL / name).read_text(encoding="utf-8")
        refresh_block("docs/kernels.md", language, text.splitlines()[0], text)


if __name__ == "__main__":
    main()
