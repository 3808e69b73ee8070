"""Kernels for cores with Helium (MVE): dense sums by dot products, depthwise filters sixteen channels abreast."""

from __future__ import annotations

from tinyc.kernels.helium import columns, dense

__all__ = ["columns", "dense"]
