"""Other graphs that compute the same integers in less SRAM, for more work: points of the same search.

What the heads of an attention share can be kept, or computed again by each of them (`rematerialise`). Which is best is
estimated on one attention by itself, because planning a network of twelve takes twelve times as long.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tinyc.ir.graph import Graph
from tinyc.ir.transform import Pass
from tinyc.passes.rematerialise import Rematerialise, sites
from tinyc.schedule.estimate import changed, least_bytes

if TYPE_CHECKING:
    from tinyc.targets import Target

SHARING = 3  # numbers of heads that share, tried beside none: the least within the limit, and those after it
WORTH = 0.8  # of the arena: an attention whose least need is below that does not make the peak


def alternatives(
    graph: Graph, target: Target, arena_bytes: int, most_macs: float, budget: int | None = None
) -> list[Pass]:
    """Passes after which the network may need less than `arena_bytes`, in the order in which to try them.

    Those that lead to more than `most_macs` multiply-accumulates are left out. None where no attention is what needs
    the most. Without a budget in bytes that is the one that needs the least, else those that may stay within it, the
    least work first. `graph` has had its passes and stays as it is.
    """
    attention = largest_attention(graph)
    now = 0.0 if attention is None else least_bytes(attention, target)
    if attention is None or now < WORTH * arena_bytes:
        return []
    passes = _passes(graph, most_macs)
    tried = [(least_bytes(attention, target, pass_), changed(graph, pass_).macs, pass_) for pass_ in passes]
    better = sorted((t for t in tried if t[0] < now), key=lambda t: t[:2])
    within = sorted((t for t in better if budget and t[0] <= budget), key=lambda t: t[1])
    return [pass_ for _, _, pass_ in within or better[:1]]


def _passes(graph: Graph, most_macs: float) -> list[Rematerialise]:
    """What to try: all for themselves, and the fewest that share which the multiply-accumulates allow."""
    heads = max((len(site.runs) for site in sites(graph)), default=0)
    tried = [Rematerialise(split=True), Rematerialise(), *(Rematerialise(shared) for shared in range(2, heads))]
    allowed = [pass_ for pass_ in tried if changed(graph, pass_).macs <= most_macs]
    return allowed[: SHARING + 1]


# ---------------------------------------------------------------------- one attention by itself
def largest_attention(graph: Graph) -> Graph | None:
    """The part of a graph around the attention with the largest tensors, from one to the next; None without one."""
    found = [site for site in sites(graph) if len(site.runs) > 1]
    if not found:
        return None
    nodes, starts = graph.nodes, []
    for site in found:
        first = site.runs[0][0].producer
        starts.append(next(i for i, node in enumerate(nodes) if node is first))
    ends = [*starts[1:], len(nodes)][: len(starts)]
    parts = [nodes[start:end] for start, end in zip(starts, ends, strict=True)]
    largest = max(parts, key=lambda part: sum(n.output.type.bytes for n in part), default=None)
    return None if largest is None else graph.part(largest)
