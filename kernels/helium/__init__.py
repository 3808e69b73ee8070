"""Kernels for cores with Helium (MVE): sums as dot products of sixteen codes, channels as lanes, tensors added."""

from __future__ import annotations

from tinyc.kernels.helium import add, columns, dense, depthwise, lanes

__all__ = ["add", "columns", "dense", "depthwise", "lanes"]
