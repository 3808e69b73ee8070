"""What a search wants of whoever trains, and the data and settings of the trainers here. No PyTorch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, TypeVar

import numpy as np
import numpy.typing as npt

from tinyc.errors import UsageError
from tinyc.nas.report import Need

S_contra = TypeVar("S_contra", contravariant=True)


class Trainer(Protocol[S_contra]):
    """Who knows how good a network would be: a supernet, a predictor of accuracy, a training of each network.

    `trainer.score` is a score of `search`; `extract` gives what `tinyc.quantization.quantize` takes.
    """

    def train(self) -> None:
        """Learn what `score` and `extract` need, once."""

    def score(self, spec: S_contra, report: Need | None = None) -> float:
        """How good the network is, more is better; the same answer each time. `report` are its figures."""

    def extract(self, spec: S_contra) -> bytes:
        """The network with weights, as a float .onnx file whose graph has the shapes of the space's `graph(spec)`."""


@dataclass(frozen=True)
class Images:
    """Samples and their classes: x float32[N,C,H,W], prepared (scaled, normalised), and y int64[N] from 0."""

    x: npt.NDArray[np.float32]
    y: npt.NDArray[np.int64]

    def __post_init__(self) -> None:
        if self.x.ndim != 4 or self.x.dtype != np.float32:
            raise UsageError(f"images are float32 [N,C,H,W]; got {self.x.dtype} {list(self.x.shape)}")
        if self.y.shape != self.x.shape[:1] or self.y.dtype != np.int64:
            kind = f"{self.y.dtype} {list(self.y.shape)}"
            raise UsageError(f"the classes of {len(self.x)} images are int64 [{len(self.x)}]; got {kind}")

    def __add__(self, other: Images) -> Images:
        """Both, one after the other."""
        return Images(np.concatenate([self.x, other.x]), np.concatenate([self.y, other.y]))


@dataclass(frozen=True)
class Recipe:
    """How to train. A step of the supernet trains the largest network, the smallest and `randoms` others on one batch
    (sandwich rule of Yu and Huang, 2019); all but the largest learn what that one answers, mixed with the `labels` by
    this share. `rate` is the highest learning rate of a cycle, `shift` moves each training image by up to so many
    pixels. `device`: where, by PyTorch's names; empty for a GPU if there is one.
    """

    epochs: int = 60
    batch: int = 64
    randoms: int = 2
    rate: float = 3e-3
    decay: float = 1e-2
    smoothing: float = 0.05
    labels: float = 0.5
    shift: int = 1
    seed: int = 0
    device: str = ""
