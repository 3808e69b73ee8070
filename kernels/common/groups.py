"""Convolutions with a few groups as ordinary ones: with weights of zero for the channels of other groups."""

from __future__ import annotations

import numpy as np

from tinyc.ir.types import Array
from tinyc.program.kernel import Site

MOST_GROUPS = 4  # weights take as many times the flash, and there are as many times the products


def many_groups(site: Site) -> str | None:
    """Why a convolution has too many groups to be served so, where it has."""
    groups = site.sig.input(0).shape[3] // site.sig.input(1).shape[3]
    return f"it takes up to {MOST_GROUPS} groups" if groups > MOST_GROUPS else None


def filters(site: Site) -> Array:
    """Weights of a convolution over all input channels, int8[outputs, rows, columns, channels]."""
    w, channels = site.constant(1), site.sig.input(0).shape[3]
    outputs, rows, columns, depth = w.shape
    groups = channels // depth
    if groups == 1:
        return w
    spread = np.zeros((groups, outputs // groups, rows, columns, groups, depth), w.dtype)
    for group in range(groups):
        spread[group, ..., group, :] = w.reshape(groups, -1, rows, columns, depth)[group]
    return spread.reshape(outputs, rows, columns, channels)
