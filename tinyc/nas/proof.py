"""Shows that parts can be placed in as many bytes as the worst of them needs, without a search for offsets.

Tensors that pass from part to part go to an end of the free space, low or high, one part after the other; all else of
a part then has to fit into what is free in one piece. Where a part counts on an overlap, its result lies below the
tensor that dies, as far as its trail asks for. A few choices are taken back where they lead nowhere.
"""

from __future__ import annotations

from collections.abc import Iterator

from tinyc.program.lifetimes import width
from tinyc.schedule.least import Least, lean_steps
from tinyc.schedule.needs import Held, Needs

CHOICES = 200  # that are made before nothing is shown
Places = dict[int, int]  # tensor → offset


def places_in_turns(needs: Needs, found: Least) -> Places | None:
    """Offsets of the tensors that pass from part to part, if some are found with which all else of every part has room
    in one free piece (`largest_gap`), in as many bytes as the worst part needs; `end_of_tensors` is where they end."""
    return _Proof(needs, found).places()


def end_of_tensors(found: Least) -> int:
    """Where state begins, which lies above all."""
    return found.bytes - width(found.state)


class _Proof:
    def __init__(self, needs: Needs, found: Least) -> None:
        self.needs, self.found, self.left = needs, found, CHOICES
        self.end = end_of_tensors(found)

    def places(self) -> Places | None:
        tensors, pushed = self.needs.network.tensors, self.needs.network.pushed
        inputs = [n for n, t in enumerate(tensors) if t.made < 0 and n != pushed]
        ways = (self._from(0, places) for places in self._placed({}, inputs))
        return next((way for way in ways if way is not None), None)

    def _from(self, number: int, places: Places) -> Places | None:
        """Places of what is there when a part begins and of all that comes later; None where no way on is found."""
        if number == len(self.found.parts):
            return places
        self.left -= 1
        if self.left < 0:
            return None
        part = start, stop, _ = self.found.parts[number]
        tensors, bytes = self.needs.network.tensors, self.needs.together(*part)
        made = (n for op in self.needs.network.operations[start:stop] for n in op.made)
        new = [n for n in made if tensors[n].last >= stop]
        if bytes <= self.end:
            ways = self._placed(places, new)
        else:  # with an overlap
            held = self.needs.held(*part, lean_steps(self.needs, self.found, part))
            bytes = sum(map(width, (*held.tensors.values(), *held.more)))
            ways = self._trailing(held, places, new)
        rest = bytes - sum(self.needs.width[n] for n in (*places, *new))
        for placed in ways:
            low, high = largest_gap(self._taken(placed), self.end)
            after = {n: at for n, at in placed.items() if tensors[n].last >= stop}
            way = self._from(number + 1, after) if rest <= high - low else None
            if way is not None:
                return {**placed, **way}
        return None

    def _taken(self, places: Places) -> list[tuple[int, int]]:
        return sorted((at, at + self.needs.width[n]) for n, at in places.items())

    def _placed(self, places: Places, new: list[int]) -> Iterator[Places]:
        """Places with new tensors at the ends of what is free: at the very bottom or top first."""
        if not new:
            yield places
            return
        size = self.needs.width[new[0]]
        gaps = list(_gaps(self._taken(places), self.end))
        ends = [gaps[-1][1] - size, *(low for low, _ in gaps), *(high - size for _, high in gaps[:-1])] if gaps else []
        for at in dict.fromkeys(ends):
            if any(low <= at and at + size <= high for low, high in gaps):
                yield from self._placed({**places, new[0]: at}, new[1:])

    def _trailing(self, held: Held, places: Places, new: list[int]) -> Iterator[Places]:
        """Places where the only result overlaps a tensor that dies."""
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


def largest_gap(taken: list[tuple[int, int]], end: int) -> tuple[int, int]:
    """Where the largest free range begins and ends, between sorted ranges that are taken."""
    return max(_gaps(taken, end), key=lambda gap: gap[1] - gap[0], default=(0, 0))
