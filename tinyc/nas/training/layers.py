"""Layers that the networks of the spaces are made of, with the shapes and paddings of `tinyc.nas.Network`."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from tinyc.ops.window import same_padding


class ConvNorm(nn.Module):
    """Convolution with padding SAME (which the shape of the input decides), batch normalisation, and a clamp to 0…6
    unless `linear`."""

    def __init__(
        self, inputs: int, outputs: int, kernel: int, *, stride: int = 1, groups: int = 1, linear: bool = False
    ) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, kernel, stride, groups=groups, bias=False)
        self.norm = nn.BatchNorm2d(outputs, momentum=None)  # None: statistics are means over all batches seen
        self.kernel, self.stride, self.linear = kernel, stride, linear

    def forward(self, x: Tensor) -> Tensor:
        """[N,C,H,W] to [N,outputs,⌈H/stride⌉,⌈W/stride⌉]."""
        (top, bottom), (left, right) = (same_padding(n, self.kernel, self.stride, 1) for n in x.shape[2:])
        if (top, left) == (bottom, right):
            y = functional.conv2d(x, self.conv.weight, None, self.stride, (top, left), 1, self.conv.groups)
        else:
            y = self.conv(functional.pad(x, (left, right, top, bottom)))
        y = self.norm(y)
        return y if self.linear else functional.relu6(y)


class Stacked(nn.Module):
    """`parts` dense layers of equal size that run as one; the first outputs of each part form a smaller one."""

    def __init__(self, inputs: int, outputs: int, parts: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(parts, outputs, inputs).uniform_(-1, 1) * inputs**-0.5)
        self.bias = nn.Parameter(torch.zeros(parts, outputs))

    def forward(self, x: Tensor) -> Tensor:
        """[…,inputs] to […,parts · outputs]."""
        return functional.linear(x, self.weight.flatten(0, 1), self.bias.flatten())


class Factored(nn.Module):
    """A dense layer, or two with `rank` channels between. `parts` as in `Stacked`; names tell the two forms apart, as
    they share no weights."""

    def __init__(self, inputs: int, outputs: int, rank: int | None, parts: int = 1) -> None:
        super().__init__()
        if rank is None:
            self.dense = Stacked(inputs, outputs, parts)
        else:
            self.low, self.high = nn.Linear(inputs, rank), Stacked(rank, outputs, parts)
        self.factored = rank is not None

    def forward(self, x: Tensor) -> Tensor:
        """[…,inputs] to […,parts · outputs]."""
        y: Tensor = self.high(self.low(x)) if self.factored else self.dense(x)
        return y
