"""Code of the MLPerf Tiny networks, without weights and tables: 24 KB at -O3, 12 KB at -Os."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

import tinyc
from tinyc.verification import execute, make_samples

QUICK = ("person_detect",)  # the most code of all on both cores
LIMITS = {"-O3": 24 * 1024, "-Os": 12 * 1024}


@pytest.mark.parametrize("level", LIMITS)
@pytest.mark.parametrize("core", ["cortex-m4", "cortex-m55"])
@pytest.mark.parametrize("name", [
    *QUICK,
    *(pytest.param(name, marks=pytest.mark.long)
      for name in ("kws_ref_model", "vww_96_int8", "pretrainedResnet_quant", "ad01_int8")),
])  # fmt: skip
def test_code_stays_small(shared_models: Path, name: str, core: str, level: str) -> None:
    if not (shutil.which("arm-none-eabi-gcc") and shutil.which("qemu-system-arm")):
        pytest.skip("the cross compiler or the emulator is not installed")
    compiled = tinyc.compile(shared_models / f"{name}.tflite", core)
    result = execute(compiled, make_samples(compiled, 1), on="emulator", optimize=level)
    assert result.text_bytes is not None and result.text_bytes <= LIMITS[level], result.code
