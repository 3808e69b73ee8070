"""Runs a generated C project: natively on this machine, or on an emulated Cortex-M that counts instructions.
"""

from __future__ import annotations

from tinyc.simulate.emulator import run_emulated
from tinyc.simulate.host import run_host
from tinyc.simulate.results import ProgramFailed, RunResult

__all__ = ["ProgramFailed", "RunResult", "run_emulated", "run_host"]
