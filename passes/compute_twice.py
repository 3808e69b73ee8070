"""Computes a tensor twice where a factor that depends on all of it scales it, instead of keeping it meanwhile."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from tinyc.errors import UsageError
from tinyc.ir.access import Whole
from tinyc.ir.graph import Graph, Node, Value
from tinyc.ir.operator import ROWS
from tinyc.ir.transform import Pass, graph_pass
from tinyc.program.rows import row_stages


@graph_pass("compute-twice", opt_level=3)
@dataclass(frozen=True)
class ComputeTwice(Pass):
    """A squeeze-excite in two passes over its rows: one for the factors, a second one for the rows that they scale.

    A map whose rows wait for what is made of all of them is kept whole. Computed twice, from the smallest tensor before
    it, its rows pass both times and only that tensor is kept. The multiply-accumulates repeated are what
    `--max-mac-overhead` limits. `sites` are the numbers of the maps to compute twice, in order from 0; all where not
    given. Not in the default pipeline, which would merge the copies: the compiler tries it where SRAM is short.
    """

    sites: tuple[int, ...] = ()

    def run(self, graph: Graph) -> bool:
        found = list(twice_sites(graph))
        if self.sites and max(self.sites) >= len(found):
            raise UsageError(f"compute-twice: there is no site {max(self.sites)}; {graph.name} has {len(found)}")
        for site in found if not self.sites else [found[number] for number in self.sites]:
            site.repeat(graph)
        return bool(found)


@dataclass(frozen=True)
class TwiceSite:
    """`chain`: the operators to repeat, the first of which reads `source`; `reader` takes the result of the second."""

    source: Value
    chain: tuple[Node, ...]
    reader: Node

    @property
    def result(self) -> Value:
        return self.chain[-1].output

    def repeat(self, graph: Graph) -> None:
        """Let the reader read copies."""
        copies = {id(self.source): self.source}
        for node in self.chain:
            inputs = [v and copies.get(id(v), v) for v in node.inputs]
            copy = graph.add(node.op, inputs, node.output.type, name=node.name, before=self.reader).output
            copy.source, copies[id(node.output)] = node.output.source, copy
        graph.replace(self.reader, inputs=[v and copies.get(id(v), v) for v in self.reader.inputs])


def twice_sites(graph: Graph) -> Iterator[TwiceSite]:
    """Where computing twice keeps fewer bytes, in order."""
    for node in graph.nodes:
        reader = _waiting_reader(graph, node.output)
        chain = _chain(node) if reader is not None else []
        sources = [(_moving(first)[0], tuple(reversed(chain[: number + 1]))) for number, first in enumerate(chain)]
        if reader is not None and sources:
            source, nodes = min(sources, key=lambda s: s[0].type.bytes)  # of equals the shortest chain
            if source.type.bytes < node.output.type.bytes:
                yield TwiceSite(source, nodes, reader)


def _waiting_reader(graph: Graph, value: Value) -> Node | None:
    """The one reader of the rows of a tensor, if all others read it whole and it waits for one of these."""
    by_rows = [user for user in value.users if not _reads_whole(user, value)]
    if len(by_rows) != 1 or len(value.users) < 2 or graph.is_output(value):
        return None
    later = {id(user) for user in value.users if user is not by_rows[0]}
    for node in graph.nodes:  # in order, so that what depends on a result follows it
        if any(v is not None and id(v.producer) in later for v in node.inputs):
            later.add(id(node))
    return by_rows[0] if id(by_rows[0]) in later else None


def _reads_whole(node: Node, value: Value) -> bool:
    """Whether every row of a result depends on all rows of an operand."""
    for operand, access in zip(node.inputs, node.access(), strict=True):
        whole = access is not None and len(access.axes) > ROWS and isinstance(access.axes[ROWS], Whole)
        if operand is value and not whole:
            return False
    return True


def _chain(node: Node | None) -> list[Node]:
    """The operators on one tensor, backwards from a node, whose rows can pass."""
    found: list[Node] = []
    while node is not None and len(_moving(node)) == 1 and not isinstance(row_stages(node), str):
        found.append(node)
        node = _moving(node)[0].producer
    return found


def _moving(node: Node) -> list[Value]:
    return [v for v in node.inputs if v is not None and not v.is_constant]
