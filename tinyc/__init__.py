"""tinyc: an ahead-of-time compiler for neural networks on Arm Cortex-M microcontrollers.

    compiled = tinyc.compile("model.tflite", target="stm32f746")
    compiled.write("out/")

Importing this package is cheap; everything heavy is loaded on first use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

__version__ = "0.1.0"
__all__ = ["Compiled", "__version__", "compile"]

if TYPE_CHECKING:
    from tinyc.compiler import Compiled, compile


def __getattr__(name: str) -> object:
    if name in ("Compiled", "compile"):
        from tinyc import compiler

        return getattr(compiler, name)
    raise AttributeError(f"module 'tinyc' has no attribute {name!r}")
