"""Convolutions and dense layers for cores with 16-bit pairs: two pixels times two channels at a time.

The codes that two output pixels read are widened once into columns; weights are packed in pairs of channels at compile
time, and the input's zero point is folded into the bias.
"""

from __future__ import annotations

from tinyc.kernels.pointwise import add, columns, dense, pointwise

__all__ = ["add", "columns", "dense", "pointwise"]
