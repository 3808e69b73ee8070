"""The order of execution that needs the least memory, for graphs where more than one operator may run next.

What is live depends only on which operators have run, not on their order, so the least peak is a minimax path through
the sets of operators that are closed under "what I read has run". Best-first search finds it exactly; three rules keep
the sets few, none of which can lose the optimum:

* an operator that neither raises the peak so far nor leaves more behind than it found runs at once;
* an operator with a single successor that only adds to what is live waits until that one runs (`merge`);
* of branches that are alike, the first is always the one that is further on (`order_twins`).
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import count

from tinyc.ir.graph import Graph, Node
from tinyc.program.kernel import needs_kernel
from tinyc.schedule.tasks import Tasks, Trails
from tinyc.schedule.units import Unit, make_units

STATE_LIMIT = 10_000  # sets of operators to look at: about half a second
BEAM = 50  # orders kept side by side where the search ended at its limit


@dataclass(frozen=True)
class Order:
    """An order of execution and its layer-by-layer peak, scratch included, alignment not; and that of the file's order.

    `exact` says that no order has a lower peak; `states` are the sets of operators that the search looked at, 0 where
    the order of the file was seen to be best without a search.
    """

    nodes: tuple[Node, ...]
    peak_bytes: int
    own_bytes: int
    exact: bool
    states: int


def best_order(
    graph: Graph, scratch: Mapping[str, int], trails: Mapping[str, Trails] | None = None,
    *, state_limit: int = STATE_LIMIT,
) -> Order:
    """The order with the least peak; the graph's own where none is better than that.

    `scratch` are bytes of working memory per operator, `trails` the inputs that its output may overlap (both by the
    name of the operator's first result; absent means none). Beyond `state_limit` sets of operators the
    search ends with the best order found.
    """
    tasks = Tasks.of(graph, scratch, trails or {})
    own, bound = tasks.peak(range(len(tasks.nodes))), tasks.bound()
    if own <= bound:
        return Order(graph.nodes, own, own, True, 0)
    search = _Search(tasks, make_units(tasks), bound)
    greedy = search.beam(1)
    found, exact = search.best(min(own, tasks.peak(greedy)), state_limit)
    chosen = found or min(greedy, greedy if exact else search.beam(BEAM), key=tasks.peak)
    peak = tasks.peak(chosen)
    if peak >= own:
        return Order(graph.nodes, own, own, exact, search.states)
    return Order(with_late_views(graph, [tasks.nodes[i] for i in chosen]), peak, own, exact, search.states)


def with_late_views(graph: Graph, nodes: Sequence[Node]) -> tuple[Node, ...]:
    """All nodes of a graph, given those that run: views, which only name bytes, come just before their first reader."""
    placed: dict[int, Node] = {}

    def place(node: Node) -> None:
        for value in node.inputs:
            producer = None if value is None else value.producer
            if producer is not None and id(producer) not in placed and not needs_kernel(producer):
                place(producer)
        placed.setdefault(id(node), node)

    for node in (*nodes, *graph.nodes):
        place(node)
    return tuple(placed.values())


@dataclass(frozen=True, slots=True)
class _State:
    """Units and tasks that have run (as bits), bytes live after them, and how this came about."""

    units: int
    tasks: int
    live: int
    path: tuple[_State, Unit] | None


class _Search:
    """Best-first search over sets of units that have run."""

    def __init__(self, tasks: Tasks, units: Sequence[Unit], bound: int) -> None:
        self.tasks, self.units, self.bound = tasks, units, bound
        self.all = (1 << len(units)) - 1
        self.start = _State(0, 0, tasks.live_at_start, None)
        self.states = 0

    def best(self, incumbent: int, limit: int) -> tuple[list[int] | None, bool]:
        """An order whose peak is below the incumbent's, if one was found; and whether no order is better than that."""
        ticket = count()  # among equals the one that is further on comes first, and then the order of the file
        heap = [(self.bound, 0, next(ticket), self.start)]
        least: dict[int, int] = {}
        while heap:
            peak, _, _, state = heapq.heappop(heap)
            if state.units == self.all:
                return _path(state), True
            if least.get(state.units, math.inf) < peak:
                continue
            if self.states == limit:
                return None, False
            self.states += 1
            for reached, after in self._moves(state, peak):
                if reached < incumbent and reached < least.get(after.units, math.inf):
                    least[after.units] = reached
                    heapq.heappush(heap, (reached, -after.tasks.bit_count(), next(ticket), after))
        return None, True

    def beam(self, width: int) -> list[int]:
        """A good order: after each unit, go on with the `width` sets of units that look best."""
        kept = [(self.bound, self.start)]
        for _ in self.units:
            reached: dict[int, tuple[int, _State]] = {}
            for move in (move for peak, state in kept for move in self._moves(state, peak)):
                other = reached.setdefault(move[1].units, move)
                reached[move[1].units] = min(other, move, key=lambda m: m[0])
            kept = sorted(reached.values(), key=lambda move: (move[0], move[1].live))[:width]
        return _path(kept[0][1])

    def _moves(self, state: _State, peak: int) -> list[tuple[int, _State]]:
        """The peak so far and the state after each unit that may run next; one alone where it can't be wrong."""
        found = []
        for unit in self._ready(state.units):
            rise, tasks, live = peak, state.tasks, state.live
            for task in unit.tasks:
                step, tasks, live = self.tasks.step(task, tasks, live)
                rise = max(rise, step)
            after = _State(state.units | unit.bit, tasks, live, (state, unit))
            if rise <= peak and live <= state.live:
                return [(rise, after)]
            found.append((rise, after))
        return found

    def _ready(self, done: int) -> Iterator[Unit]:
        return (unit for unit in self.units if not done & unit.bit and not unit.after & ~done)


def _path(state: _State) -> list[int]:
    """The tasks that led to a state, in order."""
    steps: list[Unit] = []
    while state.path is not None:
        state, unit = state.path
        steps.append(unit)
    return [task for unit in reversed(steps) for task in unit.tasks]
