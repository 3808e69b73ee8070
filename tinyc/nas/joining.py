"""Figures of networks from the figures of their blocks: what a search asks again and again is worked out once.

A block is compiled by itself, behind an input of the shape that it gets, and its figures are kept by what it is and
that shape. Those of a network are its blocks' in a row: tensors get new numbers and lives, nothing is computed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from tinyc.compiler import Options, run_passes
from tinyc.ir.types import Shape
from tinyc.nas.network import Network, with_weights
from tinyc.nas.spaces.space import Layers
from tinyc.passes.rematerialise import sites
from tinyc.schedule.figures import HIDDEN, FigureReader, Figures, Kernel, Operation, Tensor
from tinyc.schedule.scheduler import Scheduler
from tinyc.schedule.tasks import stored
from tinyc.targets import Target

KNOWN = 1 << 16  # blocks that are remembered


@dataclass(frozen=True)
class BlockFigures:
    """A block: its figures, in which tensor 0 is its input; the tensor that the next block reads; its multiply-
    accumulates; and whether only the whole network tells how it is best run (another order, heads that may share)."""

    figures: Figures
    result: int
    shape: Shape
    macs: int
    open: bool


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
    open = scheduler.order.nodes != graph.nodes or bool(sites(graph))
    end = stored(graph.outputs[0])
    assert end is not None
    return BlockFigures(replace(reader.figures(), pushed=None), reader.number(end), result.type.shape, macs, open)


@dataclass(frozen=True)
class Joined:
    """A network's figures, its multiply-accumulates, and whether all that is known is that of its blocks."""

    figures: Figures
    macs: int
    open: bool


def join(
    blocks: Sequence[Layers], shape: Shape, target: Target, *, onnx: bool = False, stream: bool = False
) -> Joined:
    """The network of these blocks behind an input of this shape, pushed row by row where it is to `stream`."""
    operations: list[Operation] = []
    tensors: list[Tensor] = []
    entry = macs = 0
    open = False
    for number, layers in enumerate(blocks):
        block = block_figures(layers, shape, onnx, number == len(blocks) - 1, target)
        own, steps, first = block.figures.tensors, len(operations), len(tensors)
        if number == 0:
            tensors += own
        else:  # the block's input is the result of the one before; it says how long that lives, and its line
            made = tensors[entry].made
            tensors[entry] = Tensor(tensors[entry].bytes, made, own[0].last + steps, own[0].line)
            tensors += [Tensor(t.bytes, t.made + steps, t.last + steps, t.line) for t in own[1:]]
            first -= 1
        operations += _moved(block.figures, entry, first)
        entry, shape = block.result + first, block.shape
        macs, open = macs + block.macs, open or block.open
    return Joined(Figures(tuple(operations), tuple(tensors), 0 if stream else None), macs, open)


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

