"""Figures of networks from the figures of their blocks: what a search asks again and again is worked out once.

A block is compiled by itself, behind an input of the shape that it gets, and its figures are kept by what it is and
that shape. Those of a network are its blocks' in a row: tensors get new numbers and lives, nothing is computed.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from tinyc.compiler import Options, run_passes
from tinyc.ir.types import Shape
from tinyc.nas.network import Network, with_weights
from tinyc.nas.spaces.space import Layers
from tinyc.passes.compute_twice import twice_sites
from tinyc.passes.rematerialise import sites
from tinyc.schedule.alternatives import WORTH
from tinyc.schedule.figures import HIDDEN, FigureReader, Figures, Kernel, Operation, Tensor
from tinyc.schedule.least import least
from tinyc.schedule.needs import Needs
from tinyc.schedule.scheduler import Scheduler
from tinyc.schedule.tasks import stored
from tinyc.targets import Target

KNOWN = 1 << 16  # blocks that are remembered


@dataclass(frozen=True)
class BlockFigures:
    """A block: its figures, in which tensor 0 is its input; the tensor that the next block reads; its multiply-
    accumulates; and from how many bytes of the arena on only the whole network tells how it is best run: where work may
    be repeated to need less (heads that share, squeeze-excite), or where another order is better."""

    figures: Figures
    result: int
    shape: Shape
    macs: int
    closed: float


@lru_cache(maxsize=KNOWN)
def block_figures(layers: Layers, shape: Shape, onnx: bool, last: bool, target: Target) -> BlockFigures:
    """Of layers behind a tensor of this shape; `last` ones end the network. Raises ModelError where no kernel serves
    one of them."""
    net = Network("block", shape, onnx=onnx)
    layers.add(net, "")
    graph = net.graph if last else net.finish(net.last)
    result = graph.outputs[0]
    graph = with_weights(graph)
    macs = graph.macs
    run_passes(graph, Options())
    scheduler = Scheduler(graph, target)
    (image,) = graph.inputs
    reader = FigureReader(graph, scheduler.candidates[0].steps, image)  # pushed: so its rows count as a line
    found, end = replace(reader.figures(), pushed=None), stored(graph.outputs[0])
    assert end is not None
    closed = 0.0
    if len(scheduler.candidates) > 1 or any(twice_sites(graph)):
        closed = math.inf
    elif any(len(site.runs) > 1 for site in sites(graph)):
        own = least(Needs(found))
        closed = math.inf if own is None else own.bytes / WORTH
    return BlockFigures(found, reader.number(end), result.type.shape, macs, closed)


@dataclass(frozen=True)
class Joined:
    """A network's figures, its multiply-accumulates, its blocks' own figures and where the steps of each begin, and an
    arena's bytes below which its blocks alone do not tell what it needs."""

    figures: Figures
    macs: int
    blocks: tuple[BlockFigures, ...]
    starts: tuple[int, ...]
    closed: float


def join(
    blocks: Sequence[Layers], shape: Shape, target: Target, *, onnx: bool = False, stream: bool = False
) -> Joined:
    """The network of these blocks behind an input of this shape, pushed row by row where it is to `stream`."""
    operations: list[Operation] = []
    tensors: list[Tensor] = []
    entry, found, starts = 0, list[BlockFigures](), list[int]()
    for number, layers in enumerate(blocks):
        block = block_figures(layers, shape, onnx, number == len(blocks) - 1, target)
        own, steps, first = block.figures.tensors, len(operations), len(tensors)
        found.append(block)
        starts.append(steps)
        if number == 0:
            tensors += own
        else:  # the block's input is the result of the one before; it says how long that lives, and its line
            made = tensors[entry].made
            tensors[entry] = Tensor(tensors[entry].bytes, made, own[0].last + steps, own[0].line)
            tensors += [Tensor(t.bytes, t.made + steps, t.last + steps, t.line) for t in own[1:]]
            first -= 1
        operations += _moved(block.figures, entry, first)
        entry, shape = (block.result + first if block.result else entry), block.shape
    network = Figures(tuple(operations), tuple(tensors), 0 if stream else None)
    macs, closed = sum(block.macs for block in found), max(block.closed for block in found)
    return Joined(network, macs, tuple(found), tuple(starts), closed)


@lru_cache(maxsize=KNOWN)
def _moved(block: Figures, entry: int, first: int) -> tuple[Operation, ...]:
    """The operations of a block whose input has the number `entry`, and whose other tensors follow on `first`."""

    def number(tensor: int) -> int:
        return tensor if tensor == HIDDEN else entry if tensor == 0 else tensor + first

    def kernels(of: tuple[Kernel, ...]) -> tuple[Kernel, ...]:
        return tuple(replace(k, trails=tuple((number(t), rows, apart) for t, rows, apart in k.trails)) for k in of)

    def moved(op: Operation) -> Operation:
        return Operation(
            tuple(map(number, op.made)), kernels(op.whole),
            tuple(
                replace(s, output=number(s.output), reads=tuple(replace(r, tensor=number(r.tensor)) for r in s.reads))
                for s in op.stages
            ),
            kernels(op.rows), op.hidden, tuple(map(number, op.complete)), op.row_work,
        )

    return tuple(map(moved, block.operations))

