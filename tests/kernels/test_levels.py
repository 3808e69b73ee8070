"""Assembly that takes nearly all registers must compile however the application is compiled: unoptimised, for size,
with a frame pointer."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tinyc.targets import load

FOLDER = ROOT / "kernels"
WITH_ASSEMBLY = sorted(path for path in FOLDER.glob("*/tinyc_*.c") if "__asm__" in path.read_text(encoding="utf-8"))
INCLUDES = [f"-I{folder}" for folder in sorted({path.parent for path in FOLDER.glob("*/tinyc_*.h")})]
LEVELS = ("-O0", "-O1", "-Os", "-O3", "-O2 -fno-omit-frame-pointer")


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("core", ["cortex-m4", "cortex-m7", "cortex-m55"])
def test_every_level_compiles(core: str, level: str, tmp_path: Path) -> None:
    if shutil.which("arm-none-eabi-gcc") is None:
        pytest.skip("the cross compiler is not installed")
    assert WITH_ASSEMBLY
    flags = [*load(core).cpu_flags, *level.split(), "-std=c99", "-pedantic", "-Wall", "-Wextra", "-Werror"]
    command = ["arm-none-eabi-gcc", *flags, *INCLUDES, "-c", *map(str, WITH_ASSEMBLY)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[:2000]
