"""Makes an explicit PAD the padding of the convolution that reads it."""

from __future__ import annotations

from dataclasses import dataclass, replace

from tinyc.ir.graph import Graph, Node
from tinyc.ir.transform import Pass, graph_pass
from tinyc.ops import Pad
from tinyc.ops.conv import Convolution
from tinyc.passes.rewriting import erase_if_unread


@graph_pass("fold-padding", opt_level=1)
@dataclass(frozen=True)
class FoldPadding(Pass):
    """PAD of rows and columns by the zero point, read by a convolution, becomes the convolution's padding.

    Saves the padded copy of the image. Pools keep their PAD: they leave their own padding out of the mean or
    the maximum, whereas the zero point of a PAD takes part. A PAD with other readers stays for those.
    """

    def rewrite(self, node: Node, graph: Graph) -> bool:
        pad = node.inputs[0].producer if node.inputs and node.inputs[0] else None
        if not isinstance(node.op, Convolution) or pad is None or not isinstance(pad.op, Pad):
            return False
        if not _is_border(pad):
            return False
        (_, above, left, _), (_, below, right, _) = pad.op.before, pad.op.after
        top, start, bottom, end = node.op.padding
        padding = (top + above, start + left, bottom + below, end + right)
        graph.replace(node, op=replace(node.op, padding=padding), inputs=[pad.input(0), *node.inputs[1:]])
        erase_if_unread(graph, pad)
        return True


def _is_border(pad: Node) -> bool:
    """Whether a PAD only surrounds the rows and columns of images with what reads as zero."""
    assert isinstance(pad.op, Pad)
    x = pad.input(0).type
    beyond = (*pad.op.before[::3], *pad.op.after[::3])  # of batches and channels
    return x.rank == 4 and not any(beyond) and pad.op.value == x.zero_point
