"""Arrays and operands that dense layers and convolutions of every provider read."""

from __future__ import annotations

import numpy as np

from tinyc.codegen.writer import CallWriter
from tinyc.ir.types import Array
from tinyc.ops.conv import ChannelMultipliers, Convolution
from tinyc.ops.fully_connected import FullyConnected
from tinyc.program.kernel import Site

BIAS = 2  # its input index


class Same:
    """An array as part of a key: equal to itself alone. Those of a graph are never written."""

    __slots__ = ("array",)

    def __init__(self, array: Array) -> None:
        self.array = array

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Same) and self.array is other.array

    def __hash__(self) -> int:
        return id(self.array)


def multipliers_of(site: Site) -> ChannelMultipliers:
    """How a convolution or dense layer requantises each output channel."""
    op = site.op
    assert isinstance(op, Convolution | FullyConnected)
    return op.multipliers(site.sig)


def multiplier_tables(m: ChannelMultipliers) -> dict[str, Array]:
    """One multiplier and shift per output channel."""
    return {"multiplier": np.array(m.multiplier, np.int32), "shift": np.array(m.shift, np.int32)}


def bias_table(site: Site, channels: int) -> dict[str, Array]:
    """The constant bias, or zeros where there is none (C needs no second case); nothing if it is computed."""
    if not site.has(BIAS):
        return {"bias": np.zeros(channels, np.int32)}
    data = site.data[BIAS]
    return {} if data is None else {"bias": data.reshape(-1)}


def bias_of(site: Site, c: CallWriter) -> str:
    """Pointer to what `bias_table` declares, or to the bias in the arena."""
    return c.input(BIAS) if site.has(BIAS) and site.data[BIAS] is None else c.constant("bias")
