"""What a supernet must know of a space: how to build a spec's network, and which specs bound the space."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from torch import nn

from tinyc.errors import UsageError
from tinyc.nas.spaces.cnn import Block, CnnSpace, CnnSpec
from tinyc.nas.spaces.space import Space
from tinyc.nas.spaces.vit import DENSE, VitLayer, VitSpace, VitSpec
from tinyc.nas.training.networks import Cnn, Vit

S = TypeVar("S")


@dataclass(frozen=True)
class Family(Generic[S]):
    """A space with its networks; make one for a space of your own.

    `build(spec)`: the network, images [N,C,R,R] to logits, with the same names for what networks share. `resolution`:
    the R that a spec takes. `corners`: specs among which every parameter occurs in its largest form; the first is the
    network that teaches the others. `smallest` completes the sandwich.
    """

    space: Space[S]
    build: Callable[[S], nn.Module]
    resolution: Callable[[S], int]
    corners: tuple[S, ...]
    smallest: S


def family_of(space: Space[Any]) -> Family[Any]:
    """The family of one of the spaces of tinyc. Raises UsageError for others."""
    if isinstance(space, CnnSpace):
        return cnn(space)
    if isinstance(space, VitSpace):
        return vit(space)
    raise UsageError(
        f"there are no PyTorch networks for the space {space.name!r}. Describe them in a "
        "tinyc.nas.training.families.Family and give that to tinyc.nas.training.engine.Supernet."
    )


def cnn(space: CnnSpace) -> Family[CnnSpec]:
    """Inverted residuals: smaller networks are the first channels, blocks and the middles of the kernels."""

    def bound(pick: Callable[[Any], Any]) -> CnnSpec:
        block = Block(pick(space.kernels), pick(space.expansions))
        stages = tuple((block,) * (pick(space.depths) if kind.open else 1) for kind in space.stages)
        return CnnSpec(pick(space.resolutions), pick(space.widths), stages)

    return Family(space, lambda spec: Cnn(space, spec), lambda spec: spec.resolution, (bound(max),), bound(min))


def vit(space: VitSpace) -> Family[VitSpec]:
    """Transformers: the first channels, heads, ranks and blocks; patches of every size have weights of their own."""

    def bound(pick: Callable[[Any], Any], token: int, rank: float) -> VitSpec:
        layer = VitLayer(pick(space.heads), pick(space.mlp_ratios), rank, rank)
        return VitSpec(token, pick(space.embeddings), (layer,) * pick(space.depths))

    ranks = sorted({max(space.ranks), max((r for r in space.ranks if r != DENSE), default=DENSE)}, reverse=True)
    corners = tuple(bound(max, token, rank) for token in sorted(space.tokens) for rank in ranks)
    smallest = bound(min, max(space.tokens), min(space.ranks))
    return Family(space, lambda spec: Vit(space, spec), lambda spec: space.resolution, corners, smallest)
