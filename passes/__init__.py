"""The graph passes, one per file. Every one keeps the network's integers bit for bit.

To add one: a frozen dataclass with `@graph_pass("name")` in a file of its own, its import here, and its place in
`DEFAULT_PIPELINE`. Other packages register theirs through the entry-point group `tinyc.passes`.
"""

from tinyc.ir.transform import Pass
from tinyc.passes.cancel_reshapes import CancelReshapes
from tinyc.passes.dead_code import DeadCode
from tinyc.passes.drop_float_ends import DropFloatEnds
from tinyc.passes.fold_padding import FoldPadding

DEFAULT_PIPELINE: tuple[Pass, ...] = (
    FoldPadding(),
    CancelReshapes(),
    DeadCode(),
)

__all__ = ["DEFAULT_PIPELINE", "CancelReshapes", "DeadCode", "DropFloatEnds", "FoldPadding"]
