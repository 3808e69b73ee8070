"""What a graph asks of memory, as numbers: tasks (operators that run) and the stores (bytes) that they make and read.

Sets of tasks are integers with one bit per task. A view has no task: it shows the store of what it views.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from tinyc.ir.graph import Graph, Node, Value
from tinyc.program.kernel import needs_kernel

Trails = Sequence[tuple[int, int]]  # (input, bytes by which the output must lie below it to overlap it)


@dataclass(frozen=True, slots=True)
class Store:
    """Bytes in the arena: a network input or a result. `readers` are tasks; `kept`: the caller reads it at the end."""

    bytes: int
    maker: int | None  # a task, or None for a network input
    readers: int
    kept: bool


@dataclass(frozen=True, slots=True)
class Task:
    """One operator: stores by number. `savings`: bytes saved where the output overlaps a store that dies there."""

    made: tuple[int, ...]
    made_bytes: int
    scratch: int
    reads: tuple[int, ...]
    savings: tuple[tuple[int, int], ...]  # (store, bytes)
    before: int  # the tasks that make what it reads

    @property
    def rise(self) -> int:
        """Bytes needed beside what is live before, when nothing is saved."""
        return self.made_bytes + self.scratch


@dataclass(frozen=True)
class Tasks:
    """All tasks of a graph, numbered in its order of execution."""

    nodes: tuple[Node, ...]
    tasks: tuple[Task, ...]
    stores: tuple[Store, ...]

    @classmethod
    def of(cls, graph: Graph, scratch: Mapping[str, int], trails: Mapping[str, Trails]) -> Tasks:
        """Of a graph, with bytes of scratch and trails by the name of an operator's first result."""
        nodes = tuple(node for node in graph.nodes if needs_kernel(node))
        stores, number = _stores(graph, nodes)

        def task(node: Node) -> Task:
            reads = tuple(dict.fromkeys(number[id(root)] for root in map(stored, node.inputs) if root is not None))
            made = tuple(number[id(value)] for value in node.outputs)
            sources = [(stored(node.inputs[index]), distance) for index, distance in trails.get(node.output.name, ())]
            savings = tuple(
                (number[id(root)], overlap(root.type.bytes, node.output.type.bytes, distance))
                for root, distance in sources if root is not None
            )
            before = _bits(m for m in (stores[s].maker for s in reads) if m is not None)
            size = sum(stores[s].bytes for s in made)
            return Task(made, size, scratch.get(node.output.name, 0), reads, savings, before)

        return cls(nodes, tuple(task(node) for node in nodes), stores)

    @property
    def live_at_start(self) -> int:
        """Network inputs that are read, or returned as they are."""
        return sum(s.bytes for s in self.stores if s.maker is None and (s.readers or s.kept))

    def step(self, number: int, done: int, live: int) -> tuple[int, int, int]:
        """Run a task: the bytes live meanwhile; the tasks that have run then, and the bytes live after it."""
        task = self.tasks[number]
        after = done | 1 << number
        dead = [s for s in task.reads if not self.stores[s].kept and not self.stores[s].readers & ~after]
        saved = max((size for s, size in task.savings if s in dead), default=0)
        unread = [s for s in task.made if not self.stores[s].kept and not self.stores[s].readers]
        freed = sum(self.stores[s].bytes for s in (*dead, *unread))
        return live + task.rise - saved, after, live + task.made_bytes - freed

    def peak(self, order: Iterable[int]) -> int:
        """Most bytes live at once when the tasks run in this order."""
        peak = live = self.live_at_start
        done = 0
        for number in order:
            step, done, live = self.step(number, done, live)
            peak = max(peak, step)
        return peak

    def bound(self) -> int:
        """Bytes that no order goes below: what is live beside a task whatever the order."""
        least = self.live_at_start
        for lasting, task in zip(self._lasting(), self.tasks, strict=True):
            held = sum(self.stores[s].bytes for s in lasting | set(task.reads))
            saved = max((size for s, size in task.savings if s not in lasting), default=0)
            least = max(least, held + task.rise - saved)
        return least

    def _lasting(self) -> list[set[int]]:
        """For every task, the stores that are made before it and read after it, whatever the order."""
        earlier, later, every = self._ancestors(), self._descendants(), (1 << len(self.tasks)) - 1
        found: list[set[int]] = [set() for _ in self.tasks]
        for number, store in enumerate(self.stores):
            before_a_reader = every if store.kept else _union(earlier[task] for task in bits(store.readers))
            for task in bits(before_a_reader & (every if store.maker is None else later[store.maker])):
                found[task].add(number)
        return found

    def _ancestors(self) -> list[int]:
        found: list[int] = []
        for task in self.tasks:
            found.append(task.before | _union(found[i] for i in bits(task.before)))
        return found

    def _descendants(self) -> list[int]:
        found = [0] * len(self.tasks)
        for number in reversed(range(len(self.tasks))):
            for earlier in bits(self.tasks[number].before):
                found[earlier] |= found[number] | 1 << number
        return found


def overlap(source: int, output: int, distance: int) -> int:
    """Bytes that an output shares with an input that dies, when it lies `distance` bytes or more below its start."""
    return max(0, source + output - max(source + distance, output))


def stored(value: Value | None) -> Value | None:
    """The value whose bytes in the arena a value shows; None for constants."""
    while value is not None and value.producer is not None and not needs_kernel(value.producer):
        value = value.producer.input(0)
    return None if value is None or value.is_constant else value


def bits(mask: int) -> Iterable[int]:
    """The numbers of the bits that are set, ascending."""
    while mask:
        yield (mask & -mask).bit_length() - 1
        mask &= mask - 1


def _bits(numbers: Iterable[int]) -> int:
    return _union(1 << number for number in numbers)


def _union(masks: Iterable[int]) -> int:
    found = 0
    for mask in masks:
        found |= mask
    return found


def _stores(graph: Graph, nodes: Sequence[Node]) -> tuple[tuple[Store, ...], dict[int, int]]:
    """Every store, and its number by the identity of its value."""
    made = [(value, None) for value in graph.inputs]
    values: list[tuple[Value, int | None]] = [*made, *((v, i) for i, node in enumerate(nodes) for v in node.outputs)]
    readers: dict[int, int] = {}
    for number, node in enumerate(nodes):
        for root in map(stored, node.inputs):
            readers[id(root)] = readers.get(id(root), 0) | 1 << number
    kept = {id(stored(value)) for value in graph.outputs}
    stores = [Store(v.type.bytes, maker, readers.get(id(v), 0), id(v) in kept) for v, maker in values]
    return tuple(stores), {id(value): number for number, (value, _) in enumerate(values)}
