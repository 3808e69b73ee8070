"""Networks that are planned block by block: those in which no segment that reaches from one block into another is worth
it, as in most transformers.

All that a block adds, needs and holds, and at which offset it leaves its result, is then remembered by block, and not
even tables are put in a row. Each shortcut is proved block by block to end where the search through the whole network
would end; where one is not, `tinyc.nas.quick` makes that search.
"""

from __future__ import annotations

import operator
from collections.abc import Iterator, Sequence
from functools import reduce
from itertools import chain

from tinyc.compiler import ROOM
from tinyc.nas.alone import Alone, alone, quickest_cut
from tinyc.nas.blocks import Block, closed_below, may_reorder
from tinyc.nas.chosen import Chosen
from tinyc.nas.stretches import have_places


def local(blocks: Sequence[Block]) -> Sequence[Chosen]:
    """The parts of a network of blocks, whose input is stored, block by block; none where only the network as a whole
    tells how it is best run."""
    if all([block.entered == len(block.works) for block in blocks[:-1]]):
        return ()  # segments may pass through all blocks
    work = reduce(operator.add, chain.from_iterable([block.works for block in blocks]), 0.0)
    row = [alone(block, work, number == 0) for number, block in enumerate(blocks)]
    # As much does for all, if each block is cut by itself; and no cut needs less where one block gets no help.
    bytes = max([block.least for block in row])
    if not any([block.least == bytes and block.is_closed(bytes) for block in row]):
        return ()
    if closed_below(blocks) > bytes and not row[0].begins_with(bytes):
        return ()
    reorders = may_reorder(blocks)
    for room in ROOM:
        chosen = list(_chosen(row, bytes, room, work))
        if len(chosen) < len(row) or (reorders and any([one.adds_work for one in chosen])):
            break
        if have_places(chosen):
            return chosen
    return ()


def _chosen(row: Sequence[Alone], bytes: int, room: float, work: float) -> Iterator[Chosen]:
    """The quickest parts of the blocks, up to one whose own may not be the network's."""
    for block in row:
        cut = quickest_cut(block, bytes, room)
        if cut is None:
            return
        yield cut.finished(work)
