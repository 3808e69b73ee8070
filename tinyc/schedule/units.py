"""Tasks contracted to units, so that the search for an order has few choices (see `order`)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from tinyc.schedule.tasks import Tasks


@dataclass(frozen=True, slots=True)
class Unit:
    """Tasks that run one after the other; `bit` is the unit's own, `after` the bits of units that must have run."""

    tasks: tuple[int, ...]
    bit: int
    after: int


def make_units(tasks: Tasks) -> list[Unit]:
    """The units of a graph, in the order of their last tasks."""
    runs = merge(tasks)
    where = {task: number for number, run in enumerate(runs) for task in run}
    units = []
    for number, run in enumerate(runs):
        makers = {m for t in run for s in tasks.tasks[t].reads if (m := tasks.stores[s].maker) is not None}
        after = sum(1 << other for other in {where[m] for m in makers} - {number})
        units.append(Unit(run, 1 << number, after))
    return order_twins(tasks, units)


def merge(tasks: Tasks) -> list[tuple[int, ...]]:
    """Runs of tasks between which no other task needs to come.

    Let A have the single successor U, leave at least as much as all it reads, and never need more than U does. Then
    whatever runs between A and U may as well run before A: it finds no more live, and A then needs no more than U.
    """
    runs: dict[int, tuple[int, ...]] = {}  # by last task
    home: dict[int, int] = {}  # task → last task of its run
    for number in reversed(range(len(tasks.tasks))):
        after = {home[t] for t in _successors(tasks, number)}
        into = after.pop() if len(after) == 1 else number
        if into != number and not _may_wait(tasks, number, runs[into]):
            into = number
        runs[into] = (number, *runs.get(into, ()))
        home[number] = into
    return [runs[last] for last in sorted(runs)]


def _successors(tasks: Tasks, number: int) -> list[int]:
    return [t for t, task in enumerate(tasks.tasks) if task.before >> number & 1]


def _may_wait(tasks: Tasks, first: int, run: tuple[int, ...]) -> bool:
    """Whether `first`, whose results only `run` reads, may always wait until the run starts."""
    task = tasks.tasks[first]
    reads = sum(tasks.stores[s].bytes for s in task.reads)
    left = sum(tasks.stores[s].bytes for s in task.made if tasks.stores[s].readers or tasks.stores[s].kept)
    return left >= reads and reads + task.rise <= left + _least_rise(tasks, first, run)


def _least_rise(tasks: Tasks, first: int, run: tuple[int, ...]) -> int:
    """Bytes that a run surely needs beside what is live before it, even where it frees all that it reads."""
    most, live, done = 0, 0, 1 << first
    for number in run:
        task = tasks.tasks[number]
        done |= 1 << number
        most = max(most, live + task.rise - max((size for _, size in task.savings), default=0))
        dying = {s for s in (*task.reads, *task.made) if not tasks.stores[s].kept and _may_die(tasks, s, done)}
        live += task.made_bytes - sum(tasks.stores[s].bytes for s in dying)
    return most


def _may_die(tasks: Tasks, store: int, done: int) -> bool:
    """Whether nothing among the tasks `done` still keeps a store: those made elsewhere may always die."""
    maker, readers = tasks.stores[store].maker, tasks.stores[store].readers
    return maker is None or not done >> maker & 1 or not readers & ~done


# ---------------------------------------------------------------------- branches that are alike
def order_twins(tasks: Tasks, units: Sequence[Unit]) -> list[Unit]:
    """Let every branch stay behind the one before that is just like it: exchanging the two changes nothing."""
    changed = list(units)
    seen: dict[object, list[int]] = {}
    for branch in _branches(units):
        key = _signature(tasks, [units[number] for number in branch])
        for number, ahead in zip(branch, seen.get(key, ()), strict=False):
            changed[number] = replace(units[number], after=units[number].after | units[ahead].bit)
        seen[key] = branch
    return changed


def _branches(units: Sequence[Unit]) -> Iterator[list[int]]:
    """Longest runs of units, each the only successor of the one before and dependent on that alone."""
    readers: list[list[int]] = [[n for n, u in enumerate(units) if u.after & unit.bit] for unit in units]
    follows = {
        number: r[0] for number, r in enumerate(readers) if len(r) == 1 and units[r[0]].after == units[number].bit
    }
    for head in sorted(set(range(len(units))) - set(follows.values())):
        branch = [head]
        while branch[-1] in follows:
            branch.append(follows[branch[-1]])
        yield branch


def _signature(tasks: Tasks, branch: Sequence[Unit]) -> tuple[object, ...]:
    """Equal for branches that read the same, need the same, and whose results the same tasks read."""
    inside = [t for unit in branch for t in unit.tasks]
    position = {task: i for i, task in enumerate(inside)}
    made = [s for t in inside for s in tasks.tasks[t].made]
    label = {store: ("own", i) for i, store in enumerate(made)}

    def name(store: int) -> object:
        return label.get(store, store)

    needs = tuple(
        (len(t.made), t.scratch, tuple(map(name, t.reads)), tuple((name(s), size) for s, size in t.savings))
        for t in (tasks.tasks[number] for number in inside)
    )
    stores = []
    for s in map(tasks.stores.__getitem__, made):
        outside = s.readers & ~sum(1 << t for t in inside)
        own = tuple(i for t, i in position.items() if s.readers >> t & 1)
        stores.append((s.bytes, s.kept, outside, own))
    return tuple(len(unit.tasks) for unit in branch), needs, tuple(stores)
