"""What `plan` would say of a spec's SRAM, a thousand times a second: for spaces whose networks are made of blocks.

The figures of blocks are remembered and joined; the least need is searched for in them by the code that `build` uses
(`tinyc.schedule.least`); and that the packer leaves no gap is shown by a placement that is easy to find. Where it is
not, or where the compiler may repeat work to need less, the whole compiler is asked. So the answer is always exact.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Generic, TypeVar

from tinyc.compiler import InputMode
from tinyc.memory import Block, PackingError, Trail, pack
from tinyc.nas.joining import BlockFigures, Joined, join
from tinyc.nas.planner import plan
from tinyc.nas.proof import places_in_turns
from tinyc.nas.spaces.space import Space
from tinyc.program.lifetimes import width
from tinyc.schedule.least import Least, lean_steps, least, placement
from tinyc.schedule.needs import Needs
from tinyc.targets import Target
from tinyc.targets import load as load_target

S = TypeVar("S")
KNOWN = 1 << 16


@dataclass(frozen=True)
class Need:
    """Bytes of the arena and multiply-accumulates of the plan with objective `sram`."""

    sram: int
    macs: int


@dataclass(frozen=True)
class QuickPlanner(Generic[S]):
    """Needs of the specs of a space on a target. `asked` counts how each answer was found: by `turns` of blocks or of
    parts, by the `packer`, or by the `compiler`."""

    space: Space[S]
    target: str | Target = "cortex-m7"
    input: InputMode = "stored"
    asked: Counter[str] = field(default_factory=Counter, compare=False)

    def __call__(self, spec: S) -> Need:
        """Raises what `plan` raises."""
        machine = _loaded(self.target) if isinstance(self.target, str) else self.target
        blocks = self.space.blocks(spec)
        if blocks:
            begun = self.space.begin(spec)
            layers, shape = [layers for _, layers in blocks], begun.last.type.shape
            joined = join(layers, shape, machine, onnx=begun.onnx, stream=self.input == "stream")
            needs = Needs(joined.figures)
            found = least(needs)
            if found is not None and (joined.closed <= found.bytes or _begins_tight(needs, found)):
                how = _how_it_fits(needs, found, joined)
                if how:
                    self.asked[how] += 1
                    return Need(found.bytes, joined.macs)
        self.asked["compiler"] += 1
        report = plan(self.space.graph(spec), machine, input=self.input)
        return Need(report.sram, report.macs)


_loaded = lru_cache(load_target)


def _begins_tight(needs: Needs, found: Least) -> bool:
    """Whether all that may run first needs as much as the worst part: then no repeated work later on needs less."""
    first = ((0, bounds.stop, bounds.streamed) for bounds in needs.parts(0))
    return all(needs.need(*part, needs.state(part[1])) >= found.bytes for part in first)


def _how_it_fits(needs: Needs, found: Least, joined: Joined) -> str:
    """What shows that the parts can be placed in as many bytes as the worst of them needs; empty where nothing does."""
    if _block_by_block(needs, found, joined):
        return "blocks in turns"
    if places_in_turns(needs, found) is not None:
        return "parts in turns"
    return "packer" if pack(*placement(needs, found), capacity=found.bytes).peak <= found.bytes else ""


def _block_by_block(needs: Needs, found: Least, joined: Joined) -> bool:
    """Whether nothing streams and every block fits by itself with its input and its result at the bottom."""
    if found.state or any(streamed for _, _, streamed in found.parts):
        return False
    kernels = [
        op.whole.index(needs.lean_whole[step]) if lean_steps(needs, found, part) else 0
        for step, (op, part) in enumerate(zip(needs.network.operations, found.parts, strict=True))
    ]
    ends = [*joined.starts[1:], needs.count]
    return all(
        _bytes_of_block(block, tuple(kernels[start:stop]), number == 0) <= found.bytes
        for number, (block, start, stop) in enumerate(zip(joined.blocks, joined.starts, ends, strict=True))
    )


@lru_cache(maxsize=KNOWN)
def _bytes_of_block(block: BlockFigures, kernels: tuple[int, ...], first: bool) -> float:
    """Bytes of an arena in which a block runs operator by operator with these kernels, its result at the bottom. Its
    input lies there too, but for that of the first block. Infinite where the two cannot."""
    tensors, operations = block.figures.tensors, block.figures.operations
    fixed = {block.result} if first else {0, block.result}
    todo = [
        Block(
            str(n), width(t.bytes), max(t.made, 0), min(t.last, len(operations) - 1), offset=0 if n in fixed else None
        )
        for n, t in enumerate(tensors)
    ]
    trails = []
    for step, (op, number) in enumerate(zip(operations, kernels, strict=True)):
        kernel = op.whole[number]
        todo.append(Block(f"scratch {step}", width(kernel.scratch), step, step))
        trails += [Trail(str(op.made[0]), str(t), d) for t, _, d in kernel.trails if tensors[t].last == step]
    try:
        return pack(todo, trails).peak
    except PackingError:
        return math.inf
