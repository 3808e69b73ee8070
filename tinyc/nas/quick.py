"""What `plan` would say of a spec's SRAM, a thousand times a second: for spaces whose networks are made of blocks.

The tables of blocks are remembered and put in a row; the least need is searched for in them by the code that `build`
uses (`tinyc.schedule.least`), and so are places that show that the packer leaves no gap. Where none are found, or where
the compiler may repeat work to need less, the packer or the whole compiler is asked. So the answer is always exact.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Generic, TypeVar

from tinyc.compiler import InputMode
from tinyc.memory import pack
from tinyc.nas.compiled import fast_search
from tinyc.nas.formulae import live_activations
from tinyc.nas.joining import Block, JoinedNeeds, in_a_row, join
from tinyc.nas.planner import plan
from tinyc.nas.spaces.space import Space
from tinyc.schedule.least import Least, has_places, least, placement
from tinyc.schedule.needs import Needs
from tinyc.targets import Target
from tinyc.targets import load as load_target

S = TypeVar("S")


@dataclass(frozen=True)
class Need:
    """Bytes of the arena and multiply-accumulates of the plan with objective `sram`."""

    sram: int
    macs: int


@dataclass(frozen=True)
class QuickPlanner(Generic[S]):
    """Needs of the specs of a space on a target. `asked` counts how each answer was found: by `places` for all tensors
    in the least that any cut needs, by the `packer`, or by the `compiler`."""

    space: Space[S]
    target: str | Target = "cortex-m7"
    input: InputMode = "stored"
    asked: Counter[str] = field(default_factory=Counter, compare=False)

    def __call__(self, spec: S) -> Need:
        """Raises what `plan` raises."""
        blocks = self.blocks(spec)
        if blocks:
            joined = join(blocks, stream=self.input == "stream")
            needs = JoinedNeeds(joined, fast_search())
            found = least(needs)
            if found is not None and (joined.closed <= found.bytes or _begins_tight(needs, found)):
                how = _how_it_fits(needs, found)
                if how:
                    self.asked[how] += 1
                    return Need(found.bytes, joined.macs)
        self.asked["compiler"] += 1
        report = plan(self.space.graph(spec), self._machine, input=self.input)
        return Need(report.sram, report.macs)

    def blocks(self, spec: S) -> list[Block]:
        """The blocks of the network; none where the space has none. Raises ModelError where no kernel serves one."""
        blocks = self.space.blocks(spec)
        if not blocks:
            return []
        begun = self.space.begin(spec)
        return in_a_row([layers for _, layers in blocks], begun.last.type.shape, self._machine, begun.onnx)

    def live_activations(self, spec: S) -> int:
        """The formula of that name (`tinyc.nas.formulae`): most bytes of activations live at once, layer by layer."""
        blocks = self.blocks(spec)
        return max([block.live for block in blocks]) if blocks else live_activations(self.space.graph(spec))

    @property
    def _machine(self) -> Target:
        return _loaded(self.target) if isinstance(self.target, str) else self.target


_loaded = lru_cache(load_target)


def _begins_tight(needs: Needs, found: Least) -> bool:
    """Whether all that may run first needs as much as the worst part: then no repeated work later on needs less."""
    first = ((0, bounds.stop, bounds.streamed) for bounds in needs.parts(0))
    return all(needs.need(*part, needs.state(part[1])) >= found.bytes for part in first)


def _how_it_fits(needs: Needs, found: Least) -> str:
    """What shows that the parts can be placed in as many bytes as the worst of them needs; empty where nothing does."""
    if has_places(needs, found):
        return "places"
    return "packer" if pack(*placement(needs, found), capacity=found.bytes).peak <= found.bytes else ""
