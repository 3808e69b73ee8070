"""Average and max pooling."""

from __future__ import annotations

from tinyc.kernels.pool import line, plain

__all__ = ["line", "plain"]
