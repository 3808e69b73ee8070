"""Kernels for cores with Helium (MVE): sums as dot products of sixteen codes."""

from __future__ import annotations

from tinyc.kernels.helium import columns, dense, depthwise

__all__ = ["columns", "dense", "depthwise"]
