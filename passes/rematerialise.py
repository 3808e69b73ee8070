"""Computes again, head by head, what all heads of an attention would read, instead of keeping it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tinyc.ir.access import Elementwise
from tinyc.ir.graph import Graph, Node, Value
from tinyc.ir.operator import ROWS
from tinyc.ir.transform import Pass, graph_pass

Part = Sequence[Value]  # results of operators that run together


@graph_pass("rematerialise", opt_level=1)
@dataclass(frozen=True)
class Rematerialise(Pass):
    """Heads after the first `shared` ones compute for themselves what all heads read: the normalised tokens.

    The tokens before the normalisation are kept for the residual anyway; those behind it (and behind the first of two
    dense layers, in networks of low rank) need not be, if every head computes them once more. With `split`, queries
    compute theirs apart from keys and values, so that a query is there one row at a time. Only operators that compute
    each token alone are repeated, and the integers are the same. The multiply-accumulates repeated are what
    `--max-mac-overhead` limits. Not in the default pipeline: the compiler tries it where SRAM is short.
    """

    shared: int = 0
    split: bool = False

    def run(self, graph: Graph) -> bool:
        found = list(sites(graph))
        return any([_repeat(part, site, graph) for site in found for part in self._own(site)])

    def _own(self, site: Site) -> Iterator[Part]:
        """The parts that compute for themselves; the first of all has the original."""
        parts = [part for run in site.runs[self.shared :] for part in (site.by_use(run) if self.split else [run])]
        return iter(parts if self.shared else parts[1:])


class Site:
    """Results of operators that compute each token alone, up to those that products over all tokens read.

    `runs`: those that lead to one head, in order; the first holds what all heads read as well.
    """

    def __init__(self, members: Sequence[Value], runs: Sequence[Part]) -> None:
        # Operands as they are before any copy is made.
        self.operands = {id(v): v.producer.inputs for v in members if v.producer is not None}
        self.runs = runs

    def by_use(self, run: Part) -> list[Part]:
        """What of a run is read as a whole, and what is read row by row; what is read in both ways is in neither."""
        uses = {id(value): self._uses(value) for value in run}
        parts = [[v for v in run if uses[id(v)] == {by_row}] for by_row in (False, True)]
        return [part for part in parts if part]

    def _uses(self, value: Value) -> set[bool]:
        """Whether products read a result row by row: True, False, or both."""
        found: set[bool] = set()
        for user, index in value.uses:
            found |= self._uses(user.output) if id(user.output) in self.operands else {_is_by_row(user, index)}
        return found


def sites(graph: Graph) -> Iterator[Site]:
    """All sites, in order."""
    chains = _chains(graph)
    home: dict[int, int] = {}  # result → the first result of its site
    runs: dict[int, dict[int, list[Value]]] = {}  # by site, and by how many operators of other kinds ran before
    others = 0
    for node in graph.nodes:
        made, read = node.output, _tokens_read(node)
        if id(made) not in chains or read is None:
            others += not node.op.is_view
            continue
        home[id(made)] = home.get(id(read), id(made))
        runs.setdefault(home[id(made)], {}).setdefault(others, []).append(made)
    for site in runs.values():
        yield Site([v for run in site.values() for v in run], list(site.values()))


def _chains(graph: Graph) -> set[int]:
    """Results of operators on one tensor that compute each token alone, which only such or products read."""
    found: set[int] = set()
    for node in reversed(graph.nodes):
        made = node.output
        leads = bool(made.uses) and all(id(u.output) in found or _mixes_tokens(u) for u in made.users)
        if leads and _tokens_read(node) is not None and not graph.is_output(made):
            found.add(id(made))
    return found


def _mixes_tokens(node: Node) -> bool:
    return not all(_is_by_row(node, index) for index in range(len(node.inputs)))


def _tokens_read(node: Node) -> Value | None:
    """The one tensor of which a node computes token by token; None for nodes of another kind."""
    tensors = [(i, v) for i, v in enumerate(node.inputs) if v is not None and not v.is_constant]
    if len(tensors) != 1 or len(node.outputs) != 1 or node.op.is_view:
        return None
    index, value = tensors[0]
    return value if _is_by_row(node, index) else None


def _is_by_row(node: Node, index: int) -> bool:
    """Whether an operand is a constant, or tokens [1,N,C] of which each row of the result needs one."""
    value, access = node.inputs[index], node.access()[index]
    if value is None or access is None or value.is_constant:
        return True
    return value.type.rank == node.output.type.rank == 3 and access.axes[ROWS] == Elementwise(ROWS)


def _repeat(part: Part, site: Site, graph: Graph) -> bool:
    """Let a part read copies of what it reads of the rest of its site."""
    own = {id(value): value for value in part}

    def copied(value: Value | None) -> Value | None:
        node = None if value is None else value.producer
        if value is None or node is None or id(value) not in site.operands:
            return value
        if id(value) not in own:
            inputs = [copied(v) for v in site.operands[id(value)]]
            own[id(value)] = graph.add(node.op, inputs, value.type, name=node.name, before=part[0].producer).output
            own[id(value)].source = value.source
        return own[id(value)]

    for value in part:
        node = value.producer
        assert node is not None
        graph.replace(node, inputs=[copied(v) for v in site.operands[id(value)]])
    _sink(list(own.values()), graph)
    return len(own) > len(part)


def _sink(values: Part, graph: Graph) -> None:
    """Let the operators of these results run together, just before the first one that reads any of them."""
    moved = {id(v.producer) for v in values}
    readers = {id(user) for v in values for user in v.users} - moved
    order = [node for node in graph.nodes if id(node) not in moved]
    place = next(number for number, node in enumerate(order) if id(node) in readers)
    graph.reorder([*order[:place], *(n for n in graph.nodes if id(n) in moved), *order[place:]])
