"""Kernels for cores with Helium (MVE): dense sums two pixels times four channels at a time, sixteen channels abreast."""

from __future__ import annotations

from tinyc.kernels.helium import columns, dense

__all__ = ["columns", "dense"]
