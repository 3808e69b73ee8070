"""Depthwise convolutions for cores with 16-bit pairs: through strips of gathered rows, or straight from the input."""

from __future__ import annotations

from tinyc.kernels.depthwise import rows, strips
from tinyc.kernels.depthwise.strips import Geometry

__all__ = ["Geometry", "rows", "strips"]
