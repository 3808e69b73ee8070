"""Training inside a search: one network whose parts are the networks of a space (`pip install "tinyc[train]"`).

    trainer = supernet(space, training, validation)
    trainer.train()
    found = search(space, trainer.score, budget)
    Path("best.onnx").write_bytes(trainer.extract(found.best.spec, epochs=20))

Only the modules behind `supernet` need PyTorch: a `Trainer` of your own need not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from tinyc.errors import ToolchainError
from tinyc.nas.spaces.space import Space
from tinyc.nas.training.trainer import Images, Recipe, Trainer

if TYPE_CHECKING:
    from tinyc.nas.training.engine import Supernet

__all__ = ["Images", "Recipe", "Trainer", "supernet"]

S = TypeVar("S")


def supernet(space: Space[S], training: Images, validation: Images, recipe: Recipe | None = None) -> Supernet[S]:
    """A weight-sharing trainer for a space that `tinyc.nas.training.families` knows: CnnSpace, VitSpace.

    Raises ToolchainError where PyTorch is absent, UsageError for other spaces.
    """
    try:
        import torch  # noqa: F401
    except ImportError:
        raise ToolchainError('training needs PyTorch. Install it with: pip install "tinyc[train]"') from None
    from tinyc.nas.training.engine import Supernet
    from tinyc.nas.training.families import family_of

    return Supernet(family_of(space), training, validation, recipe)
