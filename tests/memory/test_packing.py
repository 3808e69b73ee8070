"""The packer against a brute force, against its own verifier, and on hard instances."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tinyc.memory import Block, PackingError, Trail, check, lower_bound, max_live, pack
from tinyc.memory import packing as packer

DSA = Path(__file__).resolve().parents[3] / "shared" / "dsa"


def valid(a: Block, at_a: int, b: Block, at_b: int, trails: list[Trail]) -> bool:
    """The constraint of one pair, from its definition."""
    a_to_b = min([a.size, *(t.distance for t in trails if (t.lower, t.upper) == (a.name, b.name))])
    b_to_a = min([b.size, *(t.distance for t in trails if (t.lower, t.upper) == (b.name, a.name))])
    apart = a.last < b.first or b.last < a.first or not a.size or not b.size
    return apart or at_b >= at_a + a_to_b or at_a >= at_b + b_to_a


def brute_force(blocks: list[Block], trails: list[Trail]) -> int | None:
    """The least peak over all offsets, by trying them; None if the fixed blocks exclude any packing."""

    def fits(placed: list[int], peak: int) -> bool:
        if len(placed) == len(blocks):
            return True
        block = blocks[len(placed)]
        free = range(0, peak - block.size + 1, block.align)
        return any(
            all(valid(blocks[i], at, block, offset, trails) for i, at in enumerate(placed))
            and fits([*placed, offset], peak)
            for offset in (free if block.offset is None else [block.offset])
            if offset + block.size <= peak
        )

    highest = sum(b.size + b.align + (b.offset or 0) for b in blocks)
    return next((peak for peak in range(highest + 1) if fits([], peak)), None)


@st.composite
def problems(draw: st.DrawFn, most: int = 5, fixed: bool = False) -> tuple[list[Block], list[Trail]]:
    """A few small blocks, some trails between them, alignments that need not divide each other."""
    aligns = draw(st.sampled_from([[1], [1, 2, 4], [4], [2, 3], [1, 6]]))
    blocks = []
    for number in range(draw(st.integers(1, most))):
        first, align = draw(st.integers(0, 4)), draw(st.sampled_from(aligns))
        offset = draw(st.sampled_from([None, None, 0, align, 2 * align])) if fixed else None
        last = first + draw(st.integers(0, 3))
        blocks.append(Block(f"b{number}", draw(st.integers(0, 9)), first, last, align, offset))
    pairs = [(a.name, b.name) for a in blocks for b in blocks if a is not b]
    chosen = draw(st.lists(st.sampled_from(pairs), max_size=6)) if pairs else []
    return blocks, [Trail(a, b, draw(st.integers(0, 5))) for a, b in chosen]


@given(problems())
@settings(max_examples=300)
def test_optimal_against_brute_force(problem: tuple[list[Block], list[Trail]]) -> None:
    blocks, trails = problem
    best = brute_force(blocks, trails)
    packing = pack(blocks, trails)
    check(blocks, trails, packing.offsets)
    assert (packing.peak, packing.optimal) == (best, True)
    assert lower_bound(blocks, trails) <= best


@given(problems(most=4, fixed=True))
@settings(max_examples=200)
def test_fixed_blocks_against_brute_force(problem: tuple[list[Block], list[Trail]]) -> None:
    blocks, trails = problem
    best = brute_force(blocks, trails)
    if best is None:
        with pytest.raises(PackingError, match="both fixed|overlap while both are alive"):
            pack(blocks, trails)
        return
    packing = pack(blocks, trails)
    check(blocks, trails, packing.offsets)
    assert (packing.peak, packing.optimal) == (best, True)
    assert lower_bound(blocks, trails) <= best
