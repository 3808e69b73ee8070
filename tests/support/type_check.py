"""Runs mypy (strict, see pyproject.toml) over the package as installed: `tinyc` with passes, kernels, targets inside.

Type checkers see setuptools' package mapping in a wheel only, so the tree is laid out with links in build/types.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
MAPPED = ("passes", "kernels", "targets")


def main() -> int:
    """mypy's exit status."""
    tree = ROOT / "build" / "types" / "tinyc"
    tree.mkdir(parents=True, exist_ok=True)
    for stale in tree.iterdir():
        stale.unlink()
    for source in [*(ROOT / "tinyc").iterdir(), *(ROOT / name for name in MAPPED)]:
        if source.name != "__pycache__":
            (tree / source.name).symlink_to(source)
    command = [sys.executable, "-m", "mypy", "-p", "tinyc"]
    return subprocess.run(command, cwd=ROOT, env={**os.environ, "MYPYPATH": str(tree.parent)}).returncode


if __name__ == "__main__":
    sys.exit(main())
