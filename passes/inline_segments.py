"""Puts the operators of segments in their place."""

from __future__ import annotations

from dataclasses import dataclass

from tinyc.ir.graph import Graph
from tinyc.ir.transform import Pass, graph_pass
from tinyc.program.segment import inline_segments


@graph_pass("inline-segments", opt_level=3)
@dataclass(frozen=True)
class InlineSegments(Pass):
    """No operator is a segment afterwards: the inverse of form-segments."""

    def run(self, graph: Graph) -> bool:
        segments, _ = inline_segments(graph)
        return bool(segments)
