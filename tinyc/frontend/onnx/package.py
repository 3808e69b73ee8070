"""The `onnx` package, which only this frontend needs: loaded on first use."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

from tinyc.errors import ToolchainError


def require_onnx() -> Any:
    """The module `onnx`. Raises ToolchainError where it is not installed."""
    try:
        import onnx
        import onnx.external_data_helper
        import onnx.numpy_helper
        import onnx.shape_inference
    except ImportError:
        raise ToolchainError(
            f"reading ONNX models needs the package onnx, which is not installed in {sys.executable}: "
            "pip install 'tinyc[onnx]'."
        ) from None
    module: ModuleType = onnx
    return module
