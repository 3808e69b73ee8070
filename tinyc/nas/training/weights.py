"""The weights that all networks of a space share, and the part of them that one network is."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from tinyc.nas.training.families import Family


class SharedWeights(nn.Module):
    """Every parameter in its largest form, by the name that it has in the networks."""

    def __init__(self, family: Family[Any]) -> None:
        super().__init__()
        largest: dict[str, nn.Parameter] = {}
        for corner in family.corners:
            for name, found in family.build(corner).named_parameters():
                if name not in largest or found.numel() > largest[name].numel():
                    largest[name] = found
        self.names = tuple(largest)
        self.all = nn.ParameterList(largest.values())

    def part(self, network: nn.Module) -> dict[str, Tensor]:
        """Views of the weights with the shapes that the network's own parameters have, by name."""
        largest = dict(zip(self.names, self.all, strict=True))
        return {name: cut(largest[name], tuple(own.shape)) for name, own in network.named_parameters()}

    def copy_into(self, network: nn.Module) -> None:
        """Give the network its part, as weights of its own."""
        with torch.no_grad():
            part = self.part(network)
            for name, own in network.named_parameters():
                own.copy_(part[name])


def cut(whole: Tensor, shape: tuple[int, ...]) -> Tensor:
    """The first elements along every axis, but the middle of a kernel (axes 2 and 3 of four)."""
    starts = [(n - k) // 2 if whole.ndim == 4 and axis >= 2 else 0
              for axis, (n, k) in enumerate(zip(whole.shape, shape, strict=True))]  # fmt: skip
    return whole[tuple(slice(start, start + k) for start, k in zip(starts, shape, strict=True))]
