"""Small spaces, budgets and scores that the tests of the search share; importable by worker processes."""

from __future__ import annotations

from tinyc.nas.evolution import Settings
from tinyc.nas.outcome import Evaluator, most_macs
from tinyc.nas.report import Budget, Need
from tinyc.nas.spaces import CnnSpace, DsCnnSpace, DsCnnSpec, VitSpace

SMALL_AUDIO = DsCnnSpace(dimensions=(1, 2), frames=(25,), features=(10,), channels=(8, 16, 24, 32), depths=(1, 2, 3))
SMALL_CNN = CnnSpace(resolutions=(32, 48), widths=(0.2, 0.3), depths=(1, 2), classes=10)
SMALL_VIT = VitSpace(
    tokens=(2, 3), embeddings=(8, 16), depths=(1, 2), heads=(1, 2), mlp_ratios=(1.5, 2.0), ranks=(0.5, 0.75, 1.0),
    head_channels=8, resolution=8, channels_in=1, classes=3,
)
BUDGET = Budget(sram=2_400, flash=14_000)
SETTINGS = Settings(population=6, crossovers=3, mutations=3, parents=3)
TARGET = "cortex-m4"


def score(spec: DsCnnSpec, report: Need) -> float:
    """Something that the figures do not tell alone."""
    return report.macs / 1e6 + sum(block.kernel for block in spec.blocks) / 100


def evaluator(budget: Budget = BUDGET) -> Evaluator[DsCnnSpec]:
    """Layer by layer, which plans fastest."""
    return Evaluator(SMALL_AUDIO, most_macs, TARGET, budget, "speed")
