"""Which memory every block lies in, where a board has several: the least traffic to slow memory that budgets permit.

A byte that moves to or from a bank costs the bank's `cost` (0 in the fastest). Whether a bank holds a set of blocks is
for the packer to say, so lifetimes, alignment and trails count. Heuristics give a first answer: in several orders, each
block to the fastest bank that still holds it, then hot blocks up while there is room. A branch and bound over the
blocks, the busiest first, then improves it, until it has seen all (`exact`) or has asked the packer `QUESTIONS` times.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from tinyc.memory.blocks import Block, Trail
from tinyc.memory.bounds import lower_bound
from tinyc.memory.packing import pack

QUESTIONS = 400  # to the packer, of the branch and bound: about a second
NODES = 500  # of the packer for one question

Home = dict[str, int]


@dataclass(frozen=True, slots=True)
class Bank:
    """A memory for blocks: `budget` bytes of it may be used. `cost` of a byte moved: 0 is the fastest bank's.

    `parts` are the names of the banks that it joins, where there are several.
    """

    name: str
    budget: int
    cost: int
    parts: tuple[str, ...] = ()


@dataclass(frozen=True)
class Assignment:
    """The bank of every block, as its number; what the traffic costs; whether all budgets hold; whether none is better.

    `exact` is as good as the packer, which may miss a packing of very many blocks.
    """

    home: Mapping[str, int]
    cost: int
    fits: bool
    exact: bool


def assign(
    blocks: Iterable[Block], trails: Iterable[Trail], banks: Sequence[Bank], traffic: Mapping[str, int],
    *, questions: int = QUESTIONS,
) -> Assignment:
    """Give every block a bank. `traffic` are the bytes that move to and from each block.

    Where nothing fits that was tried, the blocks that found no room lie in the bank with the largest budget.
    """
    run = _Assigner(tuple(blocks), tuple(trails), tuple(banks), traffic, questions)
    for order in run.orders():
        run.greedy(order)
    run.search()
    if run.best is None:
        return Assignment(run.overfull(), 0, False, False)
    return Assignment(run.best, run.cost(run.best), True, run.left >= 0)


class _Assigner:
    """One call of `assign`: the best homes so far, and the packer's answers."""

    def __init__(
        self, blocks: tuple[Block, ...], trails: tuple[Trail, ...], banks: tuple[Bank, ...],
        traffic: Mapping[str, int], questions: int,
    ) -> None:
        self.blocks = {block.name: block for block in blocks}
        self.trails, self.banks, self.traffic, self.left = trails, banks, traffic, questions
        self.fast_first = sorted(range(len(banks)), key=lambda i: (banks[i].cost, -banks[i].budget))
        self.best: Home | None = None
        self._known: dict[tuple[int, frozenset[str]], bool] = {}

    # -- facts
    def heat(self, name: str) -> float:
        """Bytes moved per byte of the block."""
        return self.traffic.get(name, 0) / max(1, self.blocks[name].size)

    def cost(self, home: Mapping[str, int]) -> int:
        return sum(self.traffic.get(name, 0) * self.banks[bank].cost for name, bank in home.items())

    def holds(self, bank: int, names: frozenset[str]) -> bool:
        """Whether a bank's budget is enough for these blocks."""
        if (bank, names) not in self._known:
            self._known[bank, names] = self._ask(self.banks[bank].budget, names)
        return self._known[bank, names]

    def _ask(self, budget: int, names: frozenset[str]) -> bool:
        blocks = [self.blocks[name] for name in self.blocks if name in names]
        if sum(-(-block.size // block.align) * block.align for block in blocks) <= budget:
            return True
        self.left -= 1
        trails = within(self.trails, names)
        if lower_bound(blocks, trails) > budget:
            return False
        return pack(blocks, trails, capacity=budget, nodes=NODES).peak <= budget

    def offer(self, home: Home) -> None:
        if self.best is None or self.cost(home) < self.cost(self.best):
            self.best = dict(home)

    # -- heuristics
    def orders(self) -> Iterator[list[str]]:
        """Hot blocks first, then large ones, then those that take up the most bytes for the longest time."""
        keys: tuple[Callable[[Block], float], ...] = (
            lambda b: -self.heat(b.name), lambda b: -b.size, lambda b: -b.size * (b.last - b.first + 1),
        )
        for key in keys:
            yield sorted(self.blocks, key=lambda name: key(self.blocks[name]))

    def greedy(self, order: Sequence[str]) -> None:
        """Each block to the fastest bank that still holds it, or to the slowest; then hot ones up."""
        for banks in (self.fast_first, self.fast_first[::-1]):
            home, left_over = self._fill(order, banks)
            if not left_over:
                self.offer(self._promoted(home))

    def _fill(self, order: Sequence[str], banks: Sequence[int]) -> tuple[Home, list[str]]:
        """Homes in one order, and the blocks for which no bank has room."""
        home: Home = {}
        for name in order:
            fitting = (bank for bank in banks if self.holds(bank, members(home, bank) | {name}))
            if (bank := next(fitting, None)) is not None:
                home[name] = bank
        return home, [name for name in order if name not in home]

    def _promoted(self, home: Home) -> Home:
        """Blocks moved to faster banks while there is room, the hottest first."""
        for name in sorted(home, key=lambda n: -self.heat(n)):
            for bank in self.fast_first[: self.fast_first.index(home[name])]:
                if self.holds(bank, members(home, bank) | {name}):
                    home[name] = bank
                    break
        return home

    def overfull(self) -> Home:
        """Homes that break a budget."""
        largest = max(range(len(self.banks)), key=lambda i: self.banks[i].budget)
        home, left_over = self._fill(next(self.orders()), self.fast_first)
        return home | dict.fromkeys(left_over, largest)

    # -- branch and bound
    def search(self) -> None:
        """All homes that could be better than the best, the busiest block first."""
        order = sorted(self.blocks, key=lambda name: -self.traffic.get(name, 0))
        least = [0]  # cost of the last blocks of the order, each in the fastest bank that is large enough for it
        for name in reversed(order):
            fastest = min((b.cost for b in self.banks if b.budget >= self.blocks[name].size), default=0)
            least.append(least[-1] + self.traffic.get(name, 0) * fastest)
        self._branch(order, least[::-1], {}, 0)

    def _branch(self, order: Sequence[str], least: Sequence[int], home: Home, cost: int) -> None:
        number = len(home)
        if self.best is not None and cost + least[number] >= self.cost(self.best):
            return
        if number == len(order):
            self.offer(home)
            return
        name = order[number]
        for bank in self.fast_first:
            if self.left < 0:
                return
            if self.holds(bank, members(home, bank) | {name}):
                more = self.traffic.get(name, 0) * self.banks[bank].cost
                self._branch(order, least, {**home, name: bank}, cost + more)


def members(home: Mapping[str, int], bank: int) -> frozenset[str]:
    """The blocks of one bank."""
    return frozenset(name for name, own in home.items() if own == bank)


def within(trails: Iterable[Trail], names: frozenset[str]) -> list[Trail]:
    """Trails between blocks of one bank; others overlap nothing."""
    return [trail for trail in trails if trail.lower in names and trail.upper in names]
