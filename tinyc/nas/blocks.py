"""Blocks of layers, each compiled by itself, behind an input of the shape that it gets: what a search asks again and
again is worked out once. What is known of a block is kept by what it is and by that shape."""

from __future__ import annotations

import math
from array import array
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from typing import NamedTuple

from tinyc.compiler import Options, run_passes
from tinyc.ir.graph import Graph
from tinyc.ir.types import Shape
from tinyc.nas.formulae import live_activations
from tinyc.nas.network import Network, with_weights
from tinyc.nas.row_tables import packed
from tinyc.nas.spaces.space import Layers
from tinyc.passes.compute_twice import twice_sites
from tinyc.passes.rematerialise import sites
from tinyc.schedule.alternatives import WORTH
from tinyc.schedule.figures import HIDDEN, FigureReader, Figures, Kernel, Operation
from tinyc.schedule.least import least
from tinyc.schedule.needs import Needs
from tinyc.schedule.scheduler import Scheduler
from tinyc.schedule.search import affordable
from tinyc.schedule.tasks import stored
from tinyc.targets import Target

KNOWN = 1 << 16  # blocks that are remembered
LOWERED = 512  # places whose graphs are kept, for more questions about their parts


@dataclass(frozen=True)
class Place:
    """Layers one behind the other, and what they stand behind: a tensor of this shape. Operators are as ONNX files have
    them, or TFLite's; the `last` ones end the network."""

    layers: tuple[Layers, ...]
    shape: Shape
    onnx: bool
    last: bool
    target: Target

    def graph(self, seed: int = 0) -> Graph:
        """The layers as a network of their own, with stand-in weights, before any pass."""
        net = Network("block", self.shape, onnx=self.onnx, seed=seed)
        for layers in self.layers:
            layers.add(net, "")
        return with_weights(net.graph if self.last else net.finish(net.last), seed)


class Scheduled(NamedTuple):
    """Layers after the passes, ready to be scheduled; of the file's operators the shape of the result, the
    multiply-accumulates, and most bytes of activations live at once, layer by layer."""

    scheduler: Scheduler
    shape: Shape
    macs: int
    live: int


@lru_cache(maxsize=LOWERED)
def scheduled(place: Place) -> Scheduled:
    """The layers of a place as a network of their own, whose input is stored."""
    graph = place.graph()
    shape, macs, live = graph.outputs[0].type.shape, graph.macs, live_activations(graph)
    run_passes(graph, Options())
    return Scheduled(Scheduler(graph, place.target), shape, macs, live)


@dataclass(frozen=True, eq=False)
class Block:
    """A block: its figures, in which tensor 0 is its input and the last one its result; the shape of that, its
    multiply-accumulates, and where its tables begin among those of all blocks (`shelf`).

    `live`: most bytes of activations live at once, layer by layer; `layer_peak` with scratch, as the file has the
    operators, and whether another order has a lower one. `closed`: from how many bytes of the arena on only
    the whole network tells how it is best run: where work may be repeated to need less (heads that share,
    squeeze-excite), or where another order is better.
    """

    place: Place
    figures: Figures
    shape: Shape
    macs: int
    live: int
    layer_peak: int
    has_orders: bool
    closed: float
    tables: tuple[int, int]

    @cached_property
    def works(self) -> tuple[float, ...]:
        """Instructions of its operators with their fastest kernels, in order."""
        return tuple(op.whole[0].work for op in self.figures.operations)

    @cached_property
    def entered(self) -> int:
        """The step before which segments end that come from a block before it: one that has no rows, or that waits for
        all of a tensor."""
        waiting = (step for step, op in enumerate(self.figures.operations) if not op.rows or op.complete)
        return next(waiting, len(self.figures.operations))

    @cached_property
    def levels(self) -> list[float]:
        """Instructions of networks from which on one more of its kernels may be a lean one."""
        every = (kernels for op in self.figures.operations for kernels in (op.whole, op.rows))
        return sorted({affordable(k.work, kernels[0].work) for kernels in every for k in kernels[1:]})


def closed_below(blocks: Sequence[Block]) -> float:
    """Bytes of an arena below which blocks alone do not tell what their network needs."""
    return max([block.closed for block in blocks])


def may_reorder(blocks: Sequence[Block]) -> bool:
    """Whether the compiler may choose another order of execution for the network of blocks: where that lowers the peak,
    layer by layer."""
    peaks = [(block.layer_peak, not block.has_orders) for block in blocks]
    return not max(peaks)[1]


class Shelf:
    """The blocks of networks for a target, and their tables in two long columns."""

    def __init__(self, target: Target, onnx: bool) -> None:
        self.target, self.onnx = target, onnx
        self.clear()

    def clear(self) -> None:
        """Forget all blocks."""
        self.blocks: dict[tuple[Layers, Shape, bool], Block] = {}
        self.numbers, self.works = array("q"), array("d")

    def row(self, blocks: Sequence[Layers], shape: Shape) -> list[Block]:
        """These blocks behind an input of this shape. Raises ModelError where no kernel serves one of them."""
        if len(self.blocks) > KNOWN:
            self.clear()
        last, found = len(blocks) - 1, list[Block]()
        for number, layers in enumerate(blocks):
            key = layers, shape, number == last
            if key not in self.blocks:
                self.blocks[key] = self._block(Place((layers,), shape, self.onnx, number == last, self.target))
            found.append(self.blocks[key])
            shape = found[-1].shape
        return found

    def _block(self, place: Place) -> Block:
        found = scheduled(place)
        scheduler, graph = found.scheduler, found.scheduler.graph
        (image,) = graph.inputs
        reader = FigureReader(graph, scheduler.candidates[0].steps, image)  # pushed: so its rows count as a line
        figures, end = replace(reader.figures(), pushed=None), stored(graph.outputs[0])
        assert end is not None
        closed = 0.0
        if len(scheduler.candidates) > 1 or any(twice_sites(graph)):
            closed = math.inf
        elif any(len(site.runs) > 1 for site in sites(graph)):
            own = least(Needs(figures))
            closed = math.inf if own is None else own.bytes / WORTH
        figures = _with_last(figures, reader.number(end))
        begins = len(self.numbers), len(self.works)
        numbers, works = packed(figures)
        self.numbers.extend(numbers)
        self.works.extend(works)
        order = scheduler.order.own_bytes, len(scheduler.candidates) > 1
        return Block(place, figures, found.shape, found.macs, found.live, *order, closed, begins)


@lru_cache
def shelf(target: Target, onnx: bool) -> Shelf:
    """The one for a target, and for operators as ONNX files have them or TFLite's."""
    return Shelf(target, onnx)


def _with_last(figures: Figures, result: int) -> Figures:
    """The figures, whose tensor `result` changes numbers with the last one; of an input that is the result, nothing is
    left but itself."""
    last = len(figures.tensors) - 1
    if result == 0 and last > 0:
        raise ValueError("a block of layers whose result is its input must have no layers")
    swapped = {result: last, last: result}
    tensors = list(figures.tensors)
    tensors[result], tensors[last] = tensors[last], tensors[result]
    operations = tuple(renumbered(op, lambda n: swapped.get(n, n)) for op in figures.operations)
    return replace(figures, operations=operations, tensors=tuple(tensors))


def renumbered(op: Operation, number: Callable[[int], int]) -> Operation:
    """An operation with other numbers of tensors."""

    def kernels(of: tuple[Kernel, ...]) -> tuple[Kernel, ...]:
        return tuple(replace(k, trails=tuple((number(t), rows, apart) for t, rows, apart in k.trails)) for k in of)

    def line(tensor: int) -> int:
        return tensor if tensor == HIDDEN else number(tensor)

    stages = tuple(
        replace(s, output=line(s.output), reads=tuple(replace(r, tensor=line(r.tensor)) for r in s.reads))
        for s in op.stages
    )
    return Operation(
        tuple(map(number, op.made)), kernels(op.whole), stages, kernels(op.rows), op.hidden,
        tuple(map(number, op.complete)), op.row_work, op.moved,
    )
