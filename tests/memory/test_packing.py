"""The packer against a brute force, against its own verifier, and on hard instances."""

from __future__ import annotations

import csv
import random
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tinyc.memory import Block, PackingError, Trail, check, first_fit, lower_bound, max_live, pack
from tinyc.memory.bounds import section_needs
from tinyc.memory.effort import Effort
from tinyc.memory.exact import Search
from tinyc.memory.instance import build
from tinyc.memory.portfolio import Portfolio
from tinyc.nas.compiled import fast_search

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
@settings(max_examples=120)
def test_optimal_against_brute_force(problem: tuple[list[Block], list[Trail]]) -> None:
    blocks, trails = problem
    best = brute_force(blocks, trails)
    packing = pack(blocks, trails, time_limit=60)
    check(blocks, trails, packing.offsets)
    assert (packing.peak, packing.optimal) == (best, True)
    assert lower_bound(blocks, trails) <= best


@given(problems(most=4, fixed=True))
@settings(max_examples=120)
def test_fixed_blocks_against_brute_force(problem: tuple[list[Block], list[Trail]]) -> None:
    blocks, trails = problem
    best = brute_force(blocks, trails)
    if best is None:
        with pytest.raises(PackingError, match="overlap while both are alive"):
            pack(blocks, trails)
        return
    packing = pack(blocks, trails, time_limit=60)
    check(blocks, trails, packing.offsets)
    assert (packing.peak, packing.optimal) == (best, True)
    assert lower_bound(blocks, trails) <= best


@given(problems())
@settings(max_examples=120)
def test_every_rule_decides_by_itself(problem: tuple[list[Block], list[Trail]]) -> None:
    """Without first fit before it, the branch and bound finds the optimum and refuses one byte less."""
    blocks, trails = problem
    best = brute_force(blocks, trails)
    instance = build(blocks, trails)
    if best is None or not instance.blocks:
        return
    portfolio = Portfolio(instance, section_needs(instance))
    for rule in portfolio.rules[::5]:
        for capacity, fits in ((best, True), (best - 1, False)):
            search = Search(portfolio.tables, portfolio.conflicts, capacity, rule)
            assert search.run(10**6, Effort(None, 60))
            assert search.complete is fits
            if fits:
                solid = [block for block in blocks if block.size]
                names = [block.name for block in instance.blocks]
                check(solid, trails, dict(zip(names, search.offsets, strict=True)))


@given(problems())
@settings(max_examples=100)
def test_a_proof_needs_only_the_blocks_around_the_peak(problem: tuple[list[Block], list[Trail]]) -> None:
    """A long chain of small blocks before and after changes neither the optimum nor that it is proved."""
    blocks, trails = problem
    best = brute_force(blocks, trails)
    around = [Block(f"c{i}", 1 + i % 2, i, i + 1, 1) for i in range(-40, 40)]
    packing = pack([*around[:38], *blocks, *around[52:]], trails, time_limit=60)
    assert (packing.peak, packing.optimal) == (max(3, best or 0), True)


@pytest.mark.long
@given(problems(most=6))
@settings(max_examples=5000)
def test_optimal_against_brute_force_long(problem: tuple[list[Block], list[Trail]]) -> None:
    blocks, trails = problem
    packing = pack(blocks, trails, time_limit=60)
    check(blocks, trails, packing.offsets)
    assert (packing.peak, packing.optimal) == (brute_force(blocks, trails), True)


@given(problems(most=12, fixed=False))
def test_bounds_are_ordered(problem: tuple[list[Block], list[Trail]]) -> None:
    blocks, trails = problem
    live = max(sum(b.size for b in blocks if b.first <= step <= b.last) for step in range(9))
    assert live <= max_live(blocks) <= lower_bound(blocks) <= pack(blocks, time_limit=0.05).peak
    packing = pack(blocks, trails, time_limit=0.05)
    check(blocks, trails, packing.offsets)
    assert lower_bound(blocks, trails) <= packing.lower_bound <= packing.peak
    assert packing.peak == max(packing.offsets[b.name] + b.size for b in blocks)


@given(problems(most=9), st.randoms(use_true_random=False))
def test_neither_names_nor_order_change_a_packing(problem: tuple[list[Block], list[Trail]], rng: Random) -> None:
    """But for blocks that differ in nothing: they may change places."""
    blocks, trails = problem
    found = pack(blocks, trails)
    names = {block.name: f"other {number}" for number, block in enumerate(rng.sample(blocks, len(blocks)))}
    shuffled = [replace(block, name=names[block.name]) for block in rng.sample(blocks, len(blocks))]
    again = pack(shuffled, [replace(t, lower=names[t.lower], upper=names[t.upper]) for t in trails][::-1])
    check(shuffled, [replace(t, lower=names[t.lower], upper=names[t.upper]) for t in trails], again.offsets)
    if len({(b.first, b.last, b.size, b.align) for b in blocks}) == len(blocks):
        assert {names[name]: at for name, at in found.offsets.items()} == again.offsets
        assert (found.peak, found.method) == (again.peak, again.method)


@given(problems(most=9))
def test_compiled_first_fit_places_the_same(problem: tuple[list[Block], list[Trail]]) -> None:
    blocks, trails = problem
    number = {block.name: n for n, block in enumerate(blocks)}
    columns = (
        [-(-b.size // b.align) * b.align for b in blocks], [b.align for b in blocks],
        [-1 if b.offset is None else b.offset for b in blocks], [b.first for b in blocks], [b.last for b in blocks],
        [value for t in trails for value in (number[t.lower], number[t.upper], t.distance)],
    )
    compiled = fast_search()
    slow, fast = first_fit.flat(*columns), compiled.flat(*map(compiled.column, columns))
    for order in range(first_fit.orders(slow)):
        by = first_fit.order_number(slow, order)
        assert list(by) == list(compiled.order_number(fast, order))
        offsets = compiled.first_fit(fast, compiled.column(by), 1 << 40)
        assert list(first_fit.first_fit(slow, by, 1 << 40)) == list(offsets)


def chain(length: int, seed: int) -> list[Block]:
    draw = random.Random(seed)
    return [Block(f"t{i}", draw.randint(1, 2000) * draw.choice([1, 4, 16]), i, i + 1) for i in range(length)]


@pytest.mark.parametrize("seed", range(10))
def test_first_fit_solves_a_chain(seed: int) -> None:
    packing = pack(chain(60, seed))
    assert packing.optimal and packing.method.startswith("first fit")


@pytest.mark.parametrize(
    ("inside", "outside", "distance", "peak"),
    [(64, 64, 0, 64), (64, 32, 0, 64), (32, 64, 0, 64), (64, 32, 16, 80), (64, 128, 16, 128), (64, 64, 99, 128)],
)
def test_an_output_trails_its_input(inside: int, outside: int, distance: int, peak: int) -> None:
    """The footprint of vMCU: max(in + D, out), and never more than both."""
    blocks = [Block("in", inside, 0, 1), Block("out", outside, 1, 2)]
    packing = pack(blocks, [Trail("out", "in", distance)])
    assert (packing.peak, packing.lower_bound) == (peak, peak)


def test_a_trail_holds_for_its_own_pair_only() -> None:
    """A residual input that outlives the operator must not be covered by an output that trails another."""
    blocks = [Block("skip", 64, 0, 2), Block("in", 64, 0, 1), Block("out", 64, 1, 2)]
    assert pack(blocks, [Trail("out", "in", 0)]).peak == 128


def test_zero_distance_trails_may_form_a_cycle() -> None:
    blocks = [Block(name, 16, 0, 0) for name in "abc"]
    trails = [Trail("a", "b", 0), Trail("b", "c", 0), Trail("c", "a", 0)]
    packing = pack(blocks, trails)
    check(blocks, trails, packing.offsets)
    assert (packing.peak, packing.optimal) == (16, True)


def test_a_block_that_may_lie_level_with_another_moves_above_it_later() -> None:
    """Found by fuzzing: b1 may start exactly where b0 does, or above all of it; b4 forces it further up."""
    blocks = [Block("b0", 7, 2, 4, 2), Block("b1", 6, 3, 6, 2), Block("b4", 7, 3, 3, 4)]
    trails = [Trail("b1", "b0", 0), Trail("b4", "b1", 2), Trail("b0", "b4", 4)]
    portfolio = Portfolio(build(blocks, trails), [0])
    for rule in portfolio.rules:
        search = Search(portfolio.tables, portfolio.conflicts, 14, rule)
        assert search.run(1000, Effort(None, None)) and search.complete
    assert pack(blocks, trails).peak == brute_force(blocks, trails) == 14


def test_only_the_topmost_block_escapes_rounding() -> None:
    blocks = [Block("a", 10, 0, 0), Block("b", 100, 0, 0)]
    packing = pack(blocks)
    assert (packing.peak, packing.lower_bound, packing.offsets) == (116, 116, {"a": 0, "b": 16})


def test_a_fixed_block_stays_and_others_go_around_it() -> None:
    blocks = [Block("input", 32, 0, 3, offset=64), Block("a", 64, 0, 3), Block("b", 16, 2, 4)]
    packing = pack(blocks)
    check(blocks, [], packing.offsets)
    assert packing.offsets["input"] == 64 and packing.peak == 112 and packing.optimal


def test_blocks_without_bytes_and_no_blocks_at_all() -> None:
    assert (pack([]).peak, pack([]).optimal, max_live([])) == (0, True, 0)
    packing = pack([Block("empty", 0, 0, 9), Block("a", 5, 1, 2)], [Trail("empty", "a", 0)])
    assert packing.peak == 5 and packing.offsets["empty"] == 0


def test_a_capacity_ends_the_search_where_it_is_met() -> None:
    blocks = read_dsa("D")
    packing = pack(blocks, capacity=1 << 20, time_limit=60)
    assert packing.lower_bound < packing.peak <= 1 << 20 and packing.seconds < 60
    hopeless = pack(blocks, capacity=100_000, time_limit=60)
    assert hopeless.peak > 100_000 and hopeless.seconds < 10 and hopeless.method.startswith("first fit")


@pytest.mark.parametrize(
    ("blocks", "trails", "sentence"),
    [
        ([Block("a", -1, 0, 0)], [], "Block 'a' has size -1; give 0 or more bytes."),
        ([Block("a", 1, 2, 1)], [], "Block 'a' is live from step 2 to 1; the last cannot precede the first."),
        ([Block("a", 1, 0, 0, align=0)], [], "Block 'a' has alignment 0; give 1 or more."),
        (
            [Block("a", 1, 0, 0, offset=8)],
            [],
            "Block 'a' is fixed at 8, which is no multiple of its alignment 16.",
        ),
        ([Block("a", 1, 0, 0)] * 2, [], "Block names must be unique; given more than once: a."),
        (
            [Block("a", 1, 0, 0), Block("b", 1, 0, 0)],
            [Trail("a", "b", -4)],
            "Trail 'a' below 'b' has distance -4; give 0 or more bytes.",
        ),
        (
            [Block("a", 1, 0, 0)],
            [Trail("a", "z", 0)],
            "Trail 'a' below 'z' must name two different blocks, both of them given.",
        ),
        (
            [Block("a", 20, 0, 2, offset=0), Block("b", 4, 2, 3, offset=16)],
            [],
            "Blocks 'a' (fixed at 0) and 'b' (fixed at 16) overlap while both are alive; "
            "move one, or leave it to the packer.",
        ),
    ],
)
def test_contradictions_are_refused_in_a_sentence(
    blocks: list[Block], trails: list[Trail], sentence: str
) -> None:
    with pytest.raises(PackingError) as refusal:
        pack(blocks, trails)
    assert str(refusal.value) == sentence


@pytest.mark.parametrize(
    ("offsets", "sentence"),
    [
        ({"a": 0, "b": 16}, "Blocks 'a' (bytes 0..19) and 'b' (bytes 16..31) overlap in steps 1..2"),
        ({"a": 0, "b": 40}, "Block 'b' is at 40; it must be aligned to 16."),
        ({"a": 0}, "Block 'b' has no offset"),
        ({"a": -16, "b": 32}, "Block 'a' is at -16"),
        ({"a": 0, "b": 32, "c": 48}, "Block 'c' is at 48, but its caller fixed it at 96."),
    ],
)
def test_the_verifier_names_the_offenders(offsets: dict[str, int], sentence: str) -> None:
    blocks = [Block("a", 20, 0, 2), Block("b", 16, 1, 3)]
    if "c" in offsets:
        blocks.append(Block("c", 16, 0, 0, offset=96))
    with pytest.raises(PackingError) as refusal:
        check(blocks, [], offsets)
    assert sentence in str(refusal.value)
    check(blocks, [Trail("b", "a", 0)], {"a": 0, "b": 0, "c": 96})


def read_dsa(name: str) -> list[Block]:
    path = DSA / f"{name}.1048576.csv"
    if not path.is_file():
        pytest.skip("the hard instances of ../shared/dsa are not on this machine")
    with path.open(newline="") as lines:
        rows = csv.DictReader(lines)
        return [Block(r["id"], int(r["size"]), int(r["lower"]), int(r["upper"]) - 1, align=1) for r in rows]


@pytest.mark.parametrize("name", "BCH")
def test_hard_instances_are_solved_to_the_bound(name: str) -> None:
    blocks = read_dsa(name)
    packing = pack(blocks, time_limit=60)
    check(blocks, [], packing.offsets)
    assert packing.optimal and packing.peak == max_live(blocks)
    assert packing.method.startswith("branch and bound")


@pytest.mark.parametrize("name", "EK")
def test_the_time_limit_holds_on_hard_instances(name: str) -> None:
    blocks = read_dsa(name)
    for limit in (0.0, 0.3):
        assert_within(blocks, limit)


def test_the_time_limit_holds_on_500_blocks_alive_together() -> None:
    """The densest input: every pair of blocks is a constraint."""
    draw = random.Random(7)
    spans = [(draw.randint(0, 250), draw.randint(250, 500)) for _ in range(500)]
    blocks = [Block(f"b{i}", draw.randint(1, 10**5), *span) for i, span in enumerate(spans)]
    assert_within(blocks, 0.5)


def assert_within(blocks: Sequence[Block], limit: float) -> None:
    """Measured in processor time, so that a busy machine does not fail the test; the set-up is free."""
    begin = time.process_time()
    packing = pack(blocks, time_limit=limit)
    assert time.process_time() - begin < limit + 0.5
    check(blocks, [], packing.offsets)
    assert packing.lower_bound <= packing.peak


def test_an_effort_in_nodes_ends_the_search_at_the_same_packing() -> None:
    blocks = read_dsa("D")
    few, same, more = (pack(blocks, nodes=nodes) for nodes in (50, 50, 3000))
    assert few.offsets == same.offsets and few.peak >= more.peak >= more.lower_bound
    assert not few.optimal


def test_the_same_input_gives_the_same_packing_whatever_the_hash_seed() -> None:
    program = (
        "import random; from tinyc.memory import *; r = random.Random(2)\n"
        "f = [r.randint(0, 20) for _ in range(40)]\n"
        "b = [Block(f'b{i}', r.randint(1, 99) * 8, at, at + r.randint(0, 6)) for i, at in enumerate(f)]\n"
        "t = [Trail(f'b{i}', f'b{i + 1}', 16 * (i % 3)) for i in range(0, 39, 3)]\n"
        "p = pack(b, t, time_limit=60); print(p.peak, p.method, sorted(p.offsets.items()))"
    )
    first, second = (
        subprocess.run(
            [sys.executable, "-c", program],
            env={"PYTHONHASHSEED": seed},
            cwd=Path(__file__).parents[2],
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    )
    assert first == second and "branch and bound" in first


def test_importing_the_packer_loads_no_numpy() -> None:
    program = "import sys, tinyc.memory; sys.exit('numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], cwd=Path(__file__).parents[2]).returncode == 0
