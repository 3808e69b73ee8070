"""The graph passes, one per file. Those of the default pipeline keep the network's integers bit for bit.

To add one: a frozen dataclass with `@graph_pass("name")` in a file of its own, its import here, and its place
in `DEFAULT_PIPELINE`. Other packages register theirs through the entry-point group `tinyc.passes`.
"""

from tinyc.ir.transform import Pass
from tinyc.passes.cancel_reshapes import CancelReshapes
from tinyc.passes.canonicalise import Canonicalise
from tinyc.passes.common_subexpressions import CommonSubexpressions
from tinyc.passes.compute_twice import ComputeTwice
from tinyc.passes.dead_code import DeadCode
from tinyc.passes.decompose_patch_embedding import DecomposePatchEmbedding
from tinyc.passes.drop_float_ends import DropFloatEnds
from tinyc.passes.fold_constants import FoldConstants
from tinyc.passes.fold_padding import FoldPadding
from tinyc.passes.form_segments import FormSegments
from tinyc.passes.fuse_activation import FuseActivation
from tinyc.passes.fuse_luts import FuseLuts
from tinyc.passes.inline_segments import InlineSegments
from tinyc.passes.lower_attention import LowerAttention
from tinyc.passes.merge_low_rank import MergeLowRank
from tinyc.passes.recognise_layer_norm import RecogniseLayerNorm
from tinyc.passes.rematerialise import Rematerialise
from tinyc.passes.split_patches import SplitPatches
from tinyc.passes.tokens_as_rows import TokensAsRows

# drop-float-ends is not here: the compiler puts it first when the caller exchanges int8 codes. Nor are rematerialise
# and compute-twice: the compiler tries them where SRAM is short. split-patches costs work, decompose-patch-embedding
# memory, merge-low-rank and recognise-layer-norm change numbers, and segments are chosen by the schedule: on request.
DEFAULT_PIPELINE: tuple[Pass, ...] = (
    DeadCode(),  # first: a reader whose result nobody needs would make a value look shared
    FoldConstants(),
    Canonicalise(),  # before the rewrites, so that no copy stands between the operators that they match
    CommonSubexpressions(),  # before clamps are fused: one convolution that is shared beats two that are not
    FoldPadding(),
    CancelReshapes(),
    FuseActivation(),  # before tables: a clamp is free, a table is a loop over the tensor
    FuseLuts(),
    LowerAttention(),  # after tables: what lies between its products is as little as can be
    TokensAsRows(),  # after attention, whose tokens are rows
    CancelReshapes(),
    CommonSubexpressions(),  # equal tables
    DeadCode(),  # constants of what was fused
)

__all__ = [
    "DEFAULT_PIPELINE",
    "CancelReshapes",
    "Canonicalise",
    "CommonSubexpressions",
    "ComputeTwice",
    "DeadCode",
    "DecomposePatchEmbedding",
    "DropFloatEnds",
    "FoldConstants",
    "FoldPadding",
    "FormSegments",
    "FuseActivation",
    "FuseLuts",
    "InlineSegments",
    "LowerAttention",
    "MergeLowRank",
    "RecogniseLayerNorm",
    "Rematerialise",
    "SplitPatches",
    "TokensAsRows",
]
