"""What kernels answer about an operator, as a whole and in blocks of rows.

Networks repeat their blocks, and searches theirs from network to network, so answers are remembered for all operators
of the same outline. Those that rest on numbers are asked for again each time.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache, partial
from typing import TYPE_CHECKING

from tinyc.errors import ModelError, UsageError
from tinyc.ir.graph import Node
from tinyc.ir.outline import NumbersAsked, Outline
from tinyc.program.kernel import KERNELS, Kernel, Site, usable
from tinyc.program.lower import one_image, stage_kernel
from tinyc.program.rows import Blocks, RowStage, row_stages
from tinyc.schedule.step import Means

if TYPE_CHECKING:
    from tinyc.targets import Target

KNOWN = 1 << 15  # questions whose answers are remembered


@dataclass(frozen=True)
class Asked:
    """Who is asked: the kernels of a target, those of one provider where there are any, or a single one; and whether
    about the operator as a whole or in blocks."""

    target: Target
    provider: str | None = None
    wanted: str | None = None
    blocks: Blocks | None = None


@dataclass(frozen=True, eq=False)
class _Place:
    """An operator as kernels see it: as a whole, or in blocks."""

    node: Node
    blocks: Blocks | None

    @cached_property
    def whole(self) -> tuple[Site, int]:
        return one_image(self.node)

    @cached_property
    def stages(self) -> tuple[RowStage, ...]:
        """Its blocks; none where it has no rows to make one after the other."""
        assert self.blocks is not None
        found = row_stages(self.node, *self.blocks)
        return () if isinstance(found, str) else found


def means_of(node: Node, outline: Outline, asked: Asked) -> tuple[Means, ...]:
    """The kernels of an operator, the fastest first, each with less scratch than all before.

    None for an operator that cannot stream, or whose blocks no kernel computes. Raises what `usable` raises where none
    serves it as a whole.
    """
    place = _Place(node, asked.blocks)
    kernels = _kernels_alike(outline, asked, len(KERNELS))
    kernels = _kernels(place, asked) if kernels is None else kernels
    found = _means_alike(outline, asked, kernels, len(KERNELS))
    return _means(place, asked, kernels) if found is None else found


@lru_cache(maxsize=8)  # their kernels are asked one question after the other
def _alike(outline: Outline, blocks: Blocks | None) -> _Place:
    return _Place(outline.node(), blocks)


@lru_cache(maxsize=KNOWN)
def _kernels_alike(outline: Outline, asked: Asked, registered: int) -> tuple[Kernel, ...] | None:
    """Which of so many registered kernels serve every operator of an outline; None where the operator must be asked."""
    try:
        return _kernels(_alike(outline, asked.blocks), asked)
    except (NumbersAsked, Exception):  # what is really wrong shows with the operator, which has a name
        return None


@lru_cache(maxsize=KNOWN)
def _means_alike(
    outline: Outline, asked: Asked, kernels: tuple[Kernel, ...], registered: int
) -> tuple[Means, ...] | None:
    """What these kernels, and those of the stages that the compiler adds, need for every operator of an outline."""
    try:
        return _means(_alike(outline, asked.blocks), asked, kernels)
    except (NumbersAsked, Exception):  # likewise
        return None


def _kernels(place: _Place, asked: Asked) -> tuple[Kernel, ...]:
    """The kernels that serve an operator, in the order of their registration."""
    name = place.node.name
    serving = partial(usable, name, target=asked.target, preferred=asked.wanted, provider=asked.provider)
    if place.blocks is None:
        return tuple(serving([place.whole[0]]))
    if not place.stages:
        return ()
    try:  # of several stages, the last is the operator's own
        return tuple(serving(place.stages[-1].sites))
    except (ModelError, UsageError):  # no kernel computes its rows, or not the one asked for
        return ()


def _means(place: _Place, asked: Asked, kernels: Sequence[Kernel]) -> tuple[Means, ...]:
    """What these kernels need, the fastest first, without those that have no less scratch than a faster one."""
    if place.blocks is None:
        site, images = place.whole
        inputs = enumerate(place.node.inputs)
        reads = [i for i, v in inputs if v is not None and not v.is_constant and images == 1]
        found = [_as_a_whole(kernel, site, images, reads, asked.target) for kernel in kernels]
    else:
        found = [_in_rows(kernel, place.stages, asked.target) for kernel in kernels]
    kept: list[Means] = []
    for _, means in sorted(found, key=lambda f: f[0]):
        if not kept or means.scratch < kept[-1].scratch:
            kept.append(means)
    return tuple(kept)


def _as_a_whole(
    kernel: Kernel, site: Site, images: int, reads: Sequence[int], target: Target
) -> tuple[float, Means]:
    """The instructions of one image, and what the kernel needs for all; `reads` are inputs that may be written over."""
    distances = [(i, kernel.trails(site, i)) for i in reads]
    trails = tuple((i, distance) for i, distance in distances if distance is not None)
    cost = kernel.cost(site, target)
    return cost, Means(kernel.name, kernel.scratch(site, target), images * cost, trails)


def _in_rows(kernel: Kernel, stages: Sequence[RowStage], target: Target) -> tuple[float, Means]:
    """The instructions of the operator's own stage, and what the kernel needs with those that the compiler adds."""
    scratch, work, own = 0, 0.0, 0.0
    for stage in stages:
        serving, own = stage_kernel(kernel, stage, target), 0.0
        for times, variant in stage.runs:
            cost = times * serving.cost(variant.site, target)
            scratch, work, own = max(scratch, serving.scratch(variant.site, target)), work + cost, own + cost
    trails = ((i, d) for i, d in enumerate(_block_trails(kernel, stages[-1])) if d is not None)
    return own, Means(kernel.name, scratch, work, tuple(trails))


def _block_trails(kernel: Kernel, stage: RowStage) -> Iterator[int | None]:
    """For each activation that a stage reads, how far below it its blocks may be written meanwhile (`Means`)."""
    for value, _ in stage.reads:
        distances = []
        for variant in stage.variants:
            reads = [index for index, read in enumerate(variant.inputs) if read is value]
            distances.append(kernel.trails(variant.site, reads[0]) if len(reads) == 1 else None)
        known = [distance for distance in distances if distance is not None]
        yield max(known) if known and len(known) == len(distances) else None
