"""Patches with recomputed halos as points of the search: the same network after `split-patches`, streamed row by row.

A segment keeps the rows that neighbouring tiles share, over the whole width of the image. Strips or patches keep less,
and compute their halos anew. Whether that pays shows only when the patched graph is scheduled.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from typing import TYPE_CHECKING

from tinyc.errors import UsageError
from tinyc.ir.graph import Graph, Node
from tinyc.ir.operator import COLS, ROWS
from tinyc.passes.split_patches import SplitPatches
from tinyc.program.kernel import needs_kernel
from tinyc.schedule.estimate import changed, least_bytes

if TYPE_CHECKING:
    from tinyc.targets import Target

LEAST_OVERHEAD = 0.2  # halos cost more than that as soon as they save much: with less allowed, nothing is tried
GRIDS = ((1, 2), (1, 3), (2, 2))  # rows and columns of patches
STAGES = 4  # resolutions, from the first on, in which the patches may end


def patches(graph: Graph, target: Target, most_macs: float, *, stream_input: bool = False) -> list[SplitPatches]:
    """Ways to run the first operators in patches after which the network may need less SRAM, the least first.

    Those that lead to more than `most_macs` multiply-accumulates are left out. `graph` has had its passes and stays
    as it is.
    """
    now = least_bytes(graph, target, stream_input=stream_input)
    found: list[tuple[float, int, SplitPatches]] = []
    for pass_ in _splits(graph):
        try:
            patched = changed(graph, pass_)
        except UsageError:  # a split inside a residual block, say
            continue
        if patched.macs <= most_macs:
            found.append((least_bytes(patched, target, stream_input=stream_input), len(found), pass_))
    return [pass_ for bytes, _, pass_ in sorted(found, key=lambda f: f[:2]) if bytes < now]


def _splits(graph: Graph) -> Iterator[SplitPatches]:
    for node in _ends(graph):
        for grid in GRIDS:
            yield SplitPatches(grid, node.output.name)


def _ends(graph: Graph) -> list[Node]:
    """Of each of the first resolutions, the operator with the smallest result: that is stored whole."""
    images = [node for node in graph.nodes if needs_kernel(node) and node.output.type.rank == 4]
    stages = [list(nodes) for _, nodes in groupby(images, _pixels)]
    return [min(nodes, key=lambda node: node.output.type.bytes) for nodes in stages[:STAGES]]


def _pixels(node: Node) -> int:
    return node.output.type.shape[ROWS] * node.output.type.shape[COLS]
