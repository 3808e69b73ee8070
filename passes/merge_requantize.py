"""Merges two requantisations where that changes no code."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tinyc.ir.graph import Graph, Node
from tinyc.ir.transform import Pass, graph_pass
from tinyc.ir.types import Signature
from tinyc.ops import Requantize
from tinyc.passes.rewriting import code_table, only_reader


@graph_pass("merge-requantize", opt_level=1)
@dataclass(frozen=True)
class MergeRequantize(Pass):
    """requantize(requantize(x)) becomes one requantize where that gives the same code for each of the 256.

    It need not: two requantisations round twice, and the first may saturate. `fuse-luts` merges those,
    with a table. A requantize behind a convolution or dense layer stays as well: the layer rounds its
    accumulator to the codes in between, and an accumulator rounded once to the last ones can differ by
    one. A requantize between equal quantisations changes nothing: `canonicalise` removes it.
    """

    def rewrite(self, node: Node, graph: Graph) -> bool:
        first = node.input(0).producer
        if first is None or not isinstance(node.op, Requantize) or not isinstance(first.op, Requantize):
            return False
        if only_reader(graph, first.output) is None:
            return False
        inner, outer = code_table(first), code_table(node)
        assert inner is not None and outer is not None
        x = first.input(0)
        direct = node.op.table(Signature((x.type,), (node.output.type,)))
        if not np.array_equal(direct, outer[inner.astype(int) + 128]):
            return False
        graph.replace(node, inputs=[x])
        graph.erase(first)
        return True
