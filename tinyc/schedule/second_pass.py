"""Squeeze-excite in two passes as points of the search: the same network after `compute-twice`.

The map before the squeeze is kept whole where its rows cannot wait for their factors (cutting), or made a second time
from a smaller tensor. Which of the two needs less depends on what else is live, so the changed graph is scheduled.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from tinyc.ir.graph import Graph
from tinyc.passes.compute_twice import ComputeTwice, twice_sites
from tinyc.schedule.estimate import changed, least_bytes

if TYPE_CHECKING:
    from tinyc.targets import Target


def second_passes(graph: Graph, target: Target, most_macs: float, *, stream_input: bool = False) -> list[ComputeTwice]:
    """Sets of squeeze-excites to run in two passes after which the network may need less SRAM, the least first.

    Those that lead to more than `most_macs` multiply-accumulates are left out, and those that would need rows of a
    streamed input a second time. `graph` has had its passes and stays as it is.
    """
    tried = list(_sets(graph, most_macs, stream_input))
    if not tried:
        return []
    now = least_bytes(graph, target, stream_input=stream_input)
    found = [(least_bytes(graph, target, pass_, stream_input=stream_input), pass_) for pass_ in tried]
    return [pass_ for bytes, pass_ in sorted(found, key=lambda f: f[0]) if bytes < now]


def _sets(graph: Graph, most_macs: float, stream_input: bool) -> Iterator[ComputeTwice]:
    """One more site at a time, the largest map first, as far as the multiply-accumulates go."""
    sites = list(twice_sites(graph))
    possible = [n for n, site in enumerate(sites) if not (stream_input and site.source.producer is None)]
    chosen: tuple[int, ...] = ()
    for number in sorted(possible, key=lambda n: -sites[n].result.type.bytes):
        more = ComputeTwice(tuple(sorted((*chosen, number))))
        if changed(graph, more).macs <= most_macs:
            chosen = more.sites
            yield more
