"""The choice of a bank for every block, against all assignments there are."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.examples import examples
from tinyc.memory import Block, Trail, check, pack
from tinyc.memory.regions import Assignment, Bank, assign, members, within

Case = tuple[list[Block], list[Trail], list[Bank], dict[str, int]]


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """A few blocks with lives, some that may trail others, two or three banks, some of them tight."""
    blocks = []
    for number in range(draw(st.integers(1, 6))):
        first = draw(st.integers(0, 4))
        blocks.append(Block(f"b{number}", draw(st.integers(1, 90)), first, first + draw(st.integers(0, 3)), 8))
    names = [block.name for block in blocks]
    pairs = [(a, b) for a in names for b in names if a != b]
    chosen = draw(st.lists(st.sampled_from(pairs), max_size=2)) if pairs else []
    trails = [Trail(a, b, draw(st.integers(0, 40))) for a, b in dict.fromkeys(chosen)]
    budgets = draw(st.lists(st.integers(8, 220), min_size=2, max_size=3))
    banks = [Bank(f"M{number}", budget, draw(st.integers(0, 3))) for number, budget in enumerate(budgets)]
    return blocks, trails, banks, {name: draw(st.integers(0, 500)) for name in names}


def fits(case: Case, home: dict[str, int]) -> bool:
    blocks, trails, banks, _ = case
    for number, bank in enumerate(banks):
        names = members(home, number)
        own = [block for block in blocks if block.name in names]
        if pack(own, within(trails, names)).peak > bank.budget:
            return False
    return True


def cost(case: Case, home: dict[str, int]) -> int:
    return sum(case[3][name] * case[2][bank].cost for name, bank in home.items())


@examples(40)
@given(cases())
def test_no_assignment_costs_less(case: Case) -> None:
    blocks, trails, banks, traffic = case
    found = assign(blocks, trails, banks, traffic)
    names = [block.name for block in blocks]
    homes = (dict(zip(names, own, strict=True)) for own in product(range(len(banks)), repeat=len(names)))
    best = min((cost(case, home) for home in homes if fits(case, home)), default=None)
    assert found.home.keys() == set(names) and found.exact == (best is not None)
    assert found.fits == (best is not None)
    if best is not None:
        assert found.cost == best == cost(case, dict(found.home)) and fits(case, dict(found.home))


@examples(40)
@given(cases(), st.integers(0, 3))
def test_a_search_that_is_cut_short_is_sound(case: Case, questions: int) -> None:
    """With hardly any questions the heuristics answer: not better than the best, within budgets where they say so."""
    blocks, trails, banks, traffic = case
    found, best = assign(blocks, trails, banks, traffic, questions=questions), assign(blocks, trails, banks, traffic)
    if found.fits:
        assert best.fits and found.cost >= best.cost and fits(case, dict(found.home))
        assert not found.exact or found.cost == best.cost


def spread(blocks: list[Block], *budgets: int, trails: tuple[Trail, ...] = (), **traffic: int) -> Assignment:
    return assign(blocks, trails, [Bank(str(n), budget, n) for n, budget in enumerate(budgets)], traffic)


def test_hot_blocks_lie_in_the_fast_bank() -> None:
    blocks = [Block("cold", 64, 0, 2), Block("hot", 64, 0, 2), Block("later", 64, 3, 4)]
    found = spread(blocks, 64, 256, cold=64, hot=640, later=64)
    assert found == Assignment({"cold": 1, "hot": 0, "later": 0}, 64, True, True)


def test_everything_lies_in_the_fastest_bank_where_it_fits() -> None:
    blocks = [Block("a", 64, 0, 1), Block("b", 64, 1, 2), Block("c", 64, 2, 3)]
    found = spread(blocks, 128, 512, a=1, b=1, c=1)
    assert set(found.home.values()) == {0} and found.cost == 0


def test_a_trail_saves_room_within_one_bank() -> None:
    """Input and output that overlap fit a bank that is as large as one of them."""
    blocks, in_place = [Block("x", 64, 0, 1), Block("y", 64, 1, 2)], (Trail("y", "x", 0),)
    assert spread(blocks, 64, 64, trails=in_place, x=1, y=1).home == {"x": 0, "y": 0}
    assert sorted(spread(blocks, 64, 64, x=1, y=1).home.values()) == [0, 1]


def test_what_fits_nowhere_is_told() -> None:
    found = spread([Block("huge", 100, 0, 1), Block("small", 16, 0, 1)], 32, 64, huge=1, small=1)
    assert not found.fits and found.home == {"huge": 1, "small": 0}


@pytest.mark.parametrize("count", [24, 48])
def test_long_chains_are_spread_within_their_budgets(count: int) -> None:
    """Far more blocks than can be tried out: tensors of a chain and scratch, half of which the fast bank holds."""
    blocks = [Block(f"t{n}", 320 - 5 * n, n, n + 1) for n in range(count)]
    blocks += [Block(f"s{n}", 48, n, n) for n in range(count)]
    traffic = {block.name: block.size * (10 if block.name[0] == "s" else 2) for block in blocks}
    banks = [Bank("fast", 400, 0), Bank("slow", 800, 1)]
    found = assign(blocks, (), banks, traffic)
    assert found.fits and all(found.home[f"s{n}"] == 0 for n in range(count))
    for number, bank in enumerate(banks):
        own = [block for block in blocks if found.home[block.name] == number]
        packing = pack(own, capacity=bank.budget)
        check(own, (), packing.offsets)
        assert packing.peak <= bank.budget
