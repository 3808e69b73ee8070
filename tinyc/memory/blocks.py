"""What is packed: blocks, trails, the packing that answers, and the verifier that trusts none of the solvers.

Two blocks that are alive at a common step obey, for some order of the pair,

    offset[b] >= offset[a] + d(a, b)        where d(a, b) = size[a], or min(size[a], D) under Trail(a, b, D)

so "in place" (D = 0) and "the output trails its input by D bytes" are the same constraint as "disjoint".
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from tinyc.errors import TinycError


class PackingError(TinycError):
    """The blocks contradict themselves, or a packing breaks a constraint."""


@dataclass(frozen=True, slots=True)
class Block:
    """One buffer to place: `size` bytes, live from step `first` to step `last`, both inclusive.

    `offset`, where given, is fixed by the caller. A block of no bytes constrains nothing.
    """

    name: str
    size: int
    first: int
    last: int
    align: int = 16
    offset: int | None = None


@dataclass(frozen=True, slots=True, order=True)
class Trail:
    """Permission to overlap: `lower` may start `distance` bytes or more below `upper`, whatever their sizes.

    The output of an operator trails its input: written bytes never catch up with bytes still to be read.
    Several trails for one pair: the most permissive counts. Blocks with no common step need no trail.
    """

    lower: str
    upper: str
    distance: int


@dataclass(frozen=True)
class Packing:
    """Byte offset of every block, and how good it is.

    `peak` is max(offset + size); no packing has a peak below `lower_bound`; `optimal` says that the two
    met or that everything between them was searched. `method` names what found the offsets.
    """

    offsets: Mapping[str, int]
    peak: int
    lower_bound: int
    optimal: bool
    seconds: float
    method: str


def check(blocks: Iterable[Block], trails: Iterable[Trail], offsets: Mapping[str, int]) -> None:
    """Raise `PackingError`, naming the offenders, unless `offsets` keeps every constraint.

    Written from the definition, with no code of the solvers, so that it can judge them: O(n^2) pairs.
    """
    blocks = tuple(blocks)
    distance = {(t.lower, t.upper): t.distance for t in sorted(trails, key=lambda t: -t.distance)}
    for block in blocks:
        _check_alone(block, offsets)
    for i, a in enumerate(blocks):
        for b in blocks[:i]:
            if a.first <= b.last and b.first <= a.last and a.size and b.size:
                _check_pair(a, b, distance, offsets)


def _check_alone(block: Block, offsets: Mapping[str, int]) -> None:
    offset = offsets.get(block.name)
    if offset is None:
        raise PackingError(f"Block '{block.name}' has no offset in this packing.")
    if offset < 0 or offset % block.align:
        raise PackingError(f"Block '{block.name}' is at {offset}; it must be aligned to {block.align}.")
    if block.offset is not None and offset != block.offset:
        raise PackingError(f"Block '{block.name}' is at {offset}, but its caller fixed it at {block.offset}.")


def _check_pair(
    a: Block, b: Block, distance: Mapping[tuple[str, str], int], offsets: Mapping[str, int]
) -> None:
    at_a, at_b = offsets[a.name], offsets[b.name]
    a_to_b = min(a.size, distance.get((a.name, b.name), a.size))
    b_to_a = min(b.size, distance.get((b.name, a.name), b.size))
    if at_b >= at_a + a_to_b or at_a >= at_b + b_to_a:
        return
    raise PackingError(
        f"Blocks '{b.name}' (bytes {at_b}..{at_b + b.size - 1}) and '{a.name}' (bytes {at_a}.."
        f"{at_a + a.size - 1}) overlap in steps {max(a.first, b.first)}..{min(a.last, b.last)}, "
        "and no trail permits it."
    )


def validate(blocks: Sequence[Block], trails: Iterable[Trail]) -> None:
    """Raise `PackingError` with a sentence for every block or trail that means nothing."""
    names = {block.name for block in blocks}
    problems = [problem for block in blocks if (problem := _block_problem(block))]
    if len(names) < len(blocks):
        twice = [name for name, times in Counter(block.name for block in blocks).items() if times > 1]
        problems.append(f"Block names must be unique; given more than once: {', '.join(twice)}.")
    for trail in trails:
        if trail.distance < 0:
            problems.append(f"{_name(trail)} has distance {trail.distance}; give 0 or more bytes.")
        if trail.lower == trail.upper or trail.lower not in names or trail.upper not in names:
            problems.append(f"{_name(trail)} must name two different blocks, both of them given.")
    if problems:
        raise PackingError("\n".join(problems))


def _name(trail: Trail) -> str:
    return f"Trail '{trail.lower}' below '{trail.upper}'"


def _block_problem(block: Block) -> str | None:
    where = f"Block '{block.name}'"
    if block.size < 0:
        return f"{where} has size {block.size}; give 0 or more bytes."
    if block.first > block.last:
        return f"{where} is live from step {block.first} to {block.last}; the last cannot precede the first."
    if block.align < 1:
        return f"{where} has alignment {block.align}; give 1 or more."
    if block.offset is not None and (block.offset < 0 or block.offset % block.align):
        return f"{where} is fixed at {block.offset}, which is no multiple of its alignment {block.align}."
    return None
