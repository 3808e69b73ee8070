"""Shows that parts can be placed in as many bytes as the worst of them needs, without a search for offsets.

Tensors that pass from part to part go to an end of the free space, low or high, one part after the other; all else of
a part then has to fit into what is free in one piece. Where a part counts on an overlap, its result lies below the
tensor that dies, as far as its trail asks for. A few choices are taken back where they lead nowhere.
"""

from __future__ import annotations

from collections.abc import Iterator

from tinyc.program.lifetimes import width
from tinyc.schedule.least import Least, lean_steps
from tinyc.schedule.needs import Needs

CHOICES = 200  # that are made before nothing is shown
Places = dict[int, int]  # tensor → offset


def fits_in_turns(needs: Needs, found: Least) -> bool:
    """Whether offsets for all buffers are found in as many bytes as the worst part needs."""
    return _Proof(needs, found).shown()


class _Proof:
    def __init__(self, needs: Needs, found: Least) -> None:
        self.needs, self.found, self.left = needs, found, CHOICES
        self.end = found.bytes - width(found.state)  # state lies above all

    def shown(self) -> bool:
        inputs = [n for n, t in enumerate(self.needs.network.tensors) if t.made < 0 and n != self.needs.network.pushed]
        return any(self._from(0, places) for places in self._placed({}, inputs))

    def _from(self, number: int, places: Places) -> bool:
        """Whether the parts from this one on fit, given where the tensors lie that are there when it begins."""
        if number == len(self.found.parts):
            return True
        self.left -= 1
        if self.left < 0:
            return False
        start, stop, streamed = part = self.found.parts[number]
        tensors, sizes = self.needs.network.tensors, self.needs.width
        made = (n for op in self.needs.network.operations[start:stop] for n in op.made)
        new = [n for n in made if tensors[n].last >= stop]
        bytes = self.needs.together(*part)
        rest = bytes - sum(sizes[n] for n in (*places, *new))
        ways = self._placed(places, new) if bytes <= self.end else self._trailing(part, places, new)
        for placed in ways:
            taken = sorted((at, at + sizes[n]) for n, at in placed.items())
            if rest <= _largest_gap(taken, self.end):
                after = {n: at for n, at in placed.items() if tensors[n].last >= stop}
                if self._from(number + 1, after):
                    return True
        return False

    def _placed(self, places: Places, new: list[int]) -> Iterator[Places]:
        """Places with new tensors at the ends of what is free: at the very bottom or top first."""
        if not new:
            yield places
            return
        size = self.needs.width[new[0]]
        taken = sorted((at, at + self.needs.width[n]) for n, at in places.items())
        gaps = list(_gaps(taken, self.end))
        ends = [gaps[-1][1] - size, *(low for low, _ in gaps), *(high - size for _, high in gaps[:-1])] if gaps else []
        for at in dict.fromkeys(ends):
            if any(low <= at and at + size <= high for low, high in gaps):
                yield from self._placed({**places, new[0]: at}, new[1:])

    def _trailing(self, part: tuple[int, int, bool], places: Places, new: list[int]) -> Iterator[Places]:
        """Places where the only result overlaps a tensor that dies."""
        held = self.needs.held(*part, lean_steps(self.needs, self.found, part))
        for lower, upper, apart in held.trails:
            if new != [lower] or upper not in places:
                continue
            at, size = places[upper] - width(apart), self.needs.width[lower]
            clear = all(
                other + self.needs.width[n] <= at or other >= at + size
                for n, other in places.items() if n != upper
            )
            if at >= 0 and at + size <= self.end and clear:
                yield {**places, lower: at}


def _gaps(taken: list[tuple[int, int]], end: int) -> Iterator[tuple[int, int]]:
    """What is free between ranges that may overlap, from the bottom up."""
    top = 0
    for low, high in taken:
        if low > top:
            yield top, low
        top = max(top, high)
    if end > top:
        yield top, end


def _largest_gap(taken: list[tuple[int, int]], end: int) -> int:
    return max((high - low for low, high in _gaps(taken, end)), default=0)
