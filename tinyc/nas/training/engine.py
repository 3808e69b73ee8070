"""A supernet: all networks of a space trained at once on shared weights, each ready to be scored and taken out.

Sandwich rule and in-place distillation after Yu and Huang, "Universally Slimmable Networks" (2019); statistics of batch
normalisation are measured anew for every network that is taken out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import lru_cache
from random import Random
from typing import Generic, TypeVar

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn import functional

from tinyc.nas.report import Need
from tinyc.nas.training.export import export
from tinyc.nas.training.families import Family
from tinyc.nas.training.trainer import Images, Recipe
from tinyc.nas.training.weights import SharedWeights

S = TypeVar("S")
WARM_UP = 0.1  # part of the steps in which the learning rate rises
SKELETONS = 8  # networks whose modules are kept for steps to come: the largest and the smallest are in each
CHUNK = 512  # images whose activations are in memory together where nothing is learnt


class Supernet(Generic[S]):
    """The `Trainer` of a family. Equal seeds give equal networks on the same machine and number of threads."""

    def __init__(
        self, family: Family[S], training: Images, validation: Images, recipe: Recipe | None = None, *,
        progress: Callable[[int, float], None] | None = None,
    ) -> None:
        """`progress(epoch, loss)` is called after every epoch of `train`, with the largest network's mean loss."""
        self.family, self.recipe, self.progress = family, recipe or Recipe(), progress
        self.device = torch.device(self.recipe.device or ("cuda" if torch.cuda.is_available() else "cpu"))
        self.training, self.validation = training, validation
        with torch.random.fork_rng(devices=()):
            torch.manual_seed(self.recipe.seed)
            self.weights = SharedWeights(family).to(self.device)
        self._scores: dict[S, float] = {}
        self._skeleton = lru_cache(SKELETONS)(self._build)

    # ------------------------------------------------------------------ training
    def train(self) -> None:
        """Train all networks together. Again: once more, from where they are."""
        loop = _Loop(self.recipe, self.training, self.weights.parameters(), self.device)
        self._scores.clear()
        for epoch in range(self.recipe.epochs):
            losses = [self._sandwich(x, y, loop.random) for x, y in loop.epoch()]
            if self.progress:
                self.progress(epoch, sum(losses) / max(1, len(losses)))

    def _sandwich(self, x: Tensor, y: Tensor, random: Random) -> float:
        """Gradients of the largest network, the smallest and some between, summed. The largest one's loss."""
        family = self.family
        logits = self._logits(family.corners[0], x)
        loss = functional.cross_entropy(logits, y, label_smoothing=self.recipe.smoothing)
        torch.autograd.backward(loss)
        labels = functional.one_hot(y, logits.shape[-1])
        teacher = torch.lerp(logits.detach().softmax(-1), labels.float(), self.recipe.labels)
        for spec in (family.smallest, *(family.space.sample(random) for _ in range(self.recipe.randoms))):
            torch.autograd.backward(functional.cross_entropy(self._logits(spec, x), teacher))
        return loss.item()

    def _logits(self, spec: S, x: Tensor) -> Tensor:
        """Of one network on the shared weights, normalised by the batch."""
        network = self._skeleton(spec).train()
        logits: Tensor = functional_call(network, self.weights.part(network), (self._sized(x, spec),))
        return logits

    # ------------------------------------------------------------------ networks
    def network(
        self, spec: S, epochs: int = 0, images: Images | None = None, recipe: Recipe | None = None
    ) -> nn.Module:
        """One network with weights of its own: its part of the shared ones, trained further alone for `epochs`, on the
        training images or others (all that have labels, once the search is over). `recipe` is how, by default the
        supernet's with half its rate."""
        network, images = self._build(spec), images or self.training
        self.weights.copy_into(network)
        if epochs:
            recipe = recipe or replace(self.recipe, rate=self.recipe.rate / 2)
            self._retrain(network, spec, replace(recipe, epochs=epochs), images)
        return self._calibrated(network, spec, images)

    def score(self, spec: S, report: Need | None = None) -> float:
        """Share of right answers (0…1) on the validation images with the shared weights."""
        if spec not in self._scores:
            self._scores[spec] = self.accuracy(self.network(spec), spec, self.validation)
        return self._scores[spec]

    def extract(self, spec: S, epochs: int = 0, images: Images | None = None) -> bytes:
        """What `network` gives as a float .onnx file for one image: `image` [1,C,R,R] to `scores` [1,classes], the
        softmax included where the space's own graph ends with one."""
        return self.exported(self.network(spec, epochs, images), spec)

    def exported(self, network: nn.Module, spec: S) -> bytes:
        """A network of this spec as `extract` writes it."""
        size = self.family.resolution(spec)
        probabilities = self.family.space.graph(spec).nodes[-1].op.name.startswith("softmax")
        return export(network.cpu(), (1, self.training.x.shape[1], size, size), probabilities=probabilities)

    def images(self, images: Images, spec: S) -> Images:
        """The images in the resolution that the spec's network takes: what the extracted file is to be given."""
        return replace(images, x=self._sized(torch.from_numpy(images.x), spec).numpy())

    def accuracy(self, network: nn.Module, spec: S, images: Images) -> float:
        """Share of right answers (0…1)."""
        network.eval().to(self.device)
        with torch.no_grad():
            right = [(network(x).argmax(-1) == y).sum() for x, y in self._chunks(images, spec)]
        return int(sum(right)) / len(images.x)

    def _build(self, spec: S) -> nn.Module:
        with torch.random.fork_rng(devices=()):
            return self.family.build(spec).to(self.device)

    def _sized(self, x: Tensor, spec: S) -> Tensor:
        size = self.family.resolution(spec)
        if x.shape[-1] != size:
            x = functional.interpolate(x, (size, size), mode="bilinear", antialias=True)
        return x.contiguous(memory_format=torch.channels_last)  # twice as fast on CPUs

    def _chunks(self, images: Images, spec: S) -> Iterator[tuple[Tensor, Tensor]]:
        for start in range(0, len(images.x), CHUNK):
            x, y = (torch.from_numpy(a[start : start + CHUNK]).to(self.device) for a in (images.x, images.y))
            yield self._sized(x, spec), y

    def _calibrated(self, network: nn.Module, spec: S, images: Images) -> nn.Module:
        """The network, with these images' statistics in its batch normalisations."""
        norms = [module for module in network.modules() if isinstance(module, nn.BatchNorm2d)]
        for norm in norms:
            norm.reset_running_stats()
        if norms:
            network.train()
            with torch.no_grad():
                for x, _ in self._chunks(images, spec):
                    network(x)
        return network.eval()

    def _retrain(self, network: nn.Module, spec: S, recipe: Recipe, images: Images) -> None:
        """Alone, from the shared weights, to the labels."""
        loop = _Loop(recipe, images, network.parameters(), self.device)
        network.train()
        for _ in range(recipe.epochs):
            for x, y in loop.epoch():
                logits = network(self._sized(x, spec))
                torch.autograd.backward(functional.cross_entropy(logits, y, label_smoothing=recipe.smoothing))


class _Loop:
    """Batches in random order, an optimiser and its cycle of rates; randomness from the recipe's seed alone."""

    def __init__(
        self, recipe: Recipe, images: Images, parameters: Iterator[nn.Parameter], device: torch.device
    ) -> None:
        self.recipe, self.random = recipe, Random(recipe.seed)
        self.numbers = torch.Generator().manual_seed(recipe.seed)
        self.x, self.y = (torch.from_numpy(a).to(device) for a in (images.x, images.y))
        self.size = min(recipe.batch, len(self.x))
        steps = max(1, recipe.epochs * (len(self.x) // self.size))
        self.optimiser = torch.optim.AdamW(parameters, recipe.rate, weight_decay=recipe.decay, fused=True)
        self.schedule = torch.optim.lr_scheduler.OneCycleLR(
            self.optimiser, recipe.rate, total_steps=steps, pct_start=WARM_UP
        )

    def epoch(self) -> Iterator[tuple[Tensor, Tensor]]:
        """Every batch once, the incomplete last one dropped; a step along the gradients that each leaves."""
        order = torch.randperm(len(self.x), generator=self.numbers)
        for start in range(0, len(order) - self.size + 1, self.size):
            index = order[start : start + self.size].to(self.x.device)
            self.optimiser.zero_grad()
            yield shifted(self.x[index], self.recipe.shift, self.numbers), self.y[index]
            self.optimiser.step()
            self.schedule.step()


def shifted(x: Tensor, most: int, numbers: torch.Generator) -> Tensor:
    """A batch [N,C,H,W], each image moved its own way by up to `most` pixels; zeros come in at the edge."""
    if not most:
        return x
    rows, columns = x.shape[2:]
    padded = functional.pad(x, (most,) * 4)
    moves = torch.randint(0, 2 * most + 1, (len(x), 2), generator=numbers).tolist()
    return torch.stack([p[:, r : r + rows, c : c + columns] for p, (r, c) in zip(padded, moves, strict=True)])
