"""Places for the tensors of networks of blocks, stretch by stretch: what was found for a block once is known.

The search itself (`search.place_parts`) goes from chunk to chunk, and every block of which no part reaches into another
is one or several chunks. So the answers are those of the search through the whole network.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple, Protocol

from tinyc.nas.alone import ANSWERS, alone, whole
from tinyc.nas.chosen import Chosen
from tinyc.program.lifetimes import width
from tinyc.schedule.search import ATTEMPTS

Offsets = tuple[int, ...]


class _Stretch(Protocol):
    def result_offsets(self, entries: Offsets, rule: int, most: int) -> Offsets: ...


class _Known(NamedTuple):
    """A block alone."""

    block: Chosen

    def result_offsets(self, entries: Offsets, rule: int, most: int) -> Offsets:
        return _result_offsets(self.block, entries, rule, most)


class _Parts(NamedTuple):
    """Parts of a network, between two blocks."""

    network: Chosen
    first: int
    stop: int

    def result_offsets(self, entries: Offsets, rule: int, most: int) -> Offsets:
        return self.network.result_offsets(entries, rule, most, self.first, self.stop)


@lru_cache(maxsize=ANSWERS)
def _result_offsets(block: Chosen, entries: Offsets, rule: int, most: int) -> Offsets:
    return block.result_offsets(entries, rule, most)


def have_places(blocks: Sequence[Chosen]) -> bool:
    """Whether there are simple places for blocks in a row, each of which is chosen by itself."""
    return _have_places([_Known(block) for block in blocks])


def has_places(network: Chosen) -> bool:
    """Whether there are simple places for a network whose parts may reach from block to block."""
    return _have_places(list(_stretches(network)))


def _have_places(stretches: Sequence[_Stretch]) -> bool:
    for rule, most in ATTEMPTS:
        offsets: Offsets = (-1,)
        for stretch in stretches:
            offsets = stretch.result_offsets(offsets, rule, most)
            if not offsets:
                break
        else:
            return True
    return False


def _stretches(network: Chosen) -> Iterator[_Stretch]:
    """Blocks whose operators all run as a whole, and what is between them."""
    row, cut = network.joined, network.cut
    numbers = {start: number for number, start in enumerate([*cut.starts, cut.end])}
    finished = {row.block_of(cut.starts[number]) for number in network.finished}
    limit, done = cut.bytes - width(cut.state), 0
    for position, block in enumerate(row.blocks):
        first, stop = numbers.get(row.steps[position], -1), numbers.get(row.steps[position + 1], -1)
        if position in finished or first < 0 or stop - first != len(block.works):
            continue
        if done < first:
            yield _Parts(network, done, first)
        yield _Known(whole(alone(block, network.work, position == 0), limit))
        done = stop
    if done < numbers[cut.end]:
        yield _Parts(network, done, numbers[cut.end])
