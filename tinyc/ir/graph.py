"""The Graph: operators on typed tensors, in SSA form.

Nodes are immutable; values keep their uses; every mutation is a method of `Graph`, so uses are never stale.
Nodes are kept in a topological order, which is also the order of the model file until a schedule changes it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TypeVar

import numpy as np

from tinyc.ir.access import Access
from tinyc.ir.operator import Operator
from tinyc.ir.types import Array, Signature, TensorType

OpT = TypeVar("OpT", bound=Operator)


class Value:
    """A tensor: a network input, a constant, or the result of a node. Created by `Graph` only.

    `source` names the model file's tensor that holds the same numbers, for comparing layer by layer.
    """

    __slots__ = ("data", "is_constant", "name", "producer", "source", "type", "uses")

    def __init__(self, name: str, type: TensorType, *, constant: bool = False, data: Array | None = None) -> None:
        self.name = name
        self.type = type
        self.is_constant = constant
        self.data = data  # None for an abstract constant: planning needs no weights
        self.producer: Node | None = None
        self.uses: list[tuple[Node, int]] = []
        self.source: str | None = None

    @property
    def users(self) -> list[Node]:
        """Nodes that read this value, each once, in the order of use."""
        return list(dict.fromkeys(node for node, _ in self.uses))

    def producer_is(self, op: type[OpT]) -> bool:
        return self.producer is not None and isinstance(self.producer.op, op)

    def __repr__(self) -> str:
        return f"{'@' if self.is_constant else '%'}{self.name}: {self.type}"


class Node:
    """One application of an operator. Immutable: use `Graph.replace` to get a changed one."""

    __slots__ = ("inputs", "name", "op", "outputs")

    def __init__(self, op: Operator, inputs: Sequence[Value | None], outputs: Sequence[Value], name: str) -> None:
        self.op, self.inputs, self.outputs, self.name = op, tuple(inputs), tuple(outputs), name

    @property
    def output(self) -> Value:
        return self.outputs[0]

    @property
    def signature(self) -> Signature:
        return Signature(
            tuple(None if v is None else v.type for v in self.inputs), tuple(v.type for v in self.outputs)
        )

    def input(self, index: int) -> Value:
        """An input that must be there."""
        value = self.inputs[index] if index < len(self.inputs) else None
        if value is None:
            raise ValueError(f"{self.name}: input {index} is absent")
        return value

    def access(self, output: int = 0) -> tuple[Access | None, ...]:
        return self.op.access(self.signature, output)

    @property
    def macs(self) -> int:
        return self.op.macs(self.signature)

    def __repr__(self) -> str:
        return f"{self.op.name} {self.name!r}"


class Graph:
    """A network. `nodes` is in topological order; `inputs` and `outputs` are in the model's order."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.inputs: list[Value] = []
        self.outputs: list[Value] = []
        self.constants: dict[str, Value] = {}
        self._nodes: list[Node] = []
        self._names: set[str] = set()

    # ------------------------------------------------------------------ reading
    @property
    def nodes(self) -> tuple[Node, ...]:
        return tuple(self._nodes)

    @property
    def macs(self) -> int:
        return sum(node.macs for node in self._nodes)

    def values(self) -> Iterator[Value]:
        """Every value once: inputs, constants, results in order."""
        yield from self.inputs
        yield from self.constants.values()
        for node in self._nodes:
            yield from node.outputs

    def has(self, node: Node) -> bool:
        """Whether this very node is (still) in the graph."""
        return node in self._nodes  # nodes are equal to themselves alone

    def is_output(self, value: Value) -> bool:
        return any(value is out for out in self.outputs)

    def sole_user(self, value: Value) -> Node | None:
        """The one node that reads this value once, if nothing else sees it (not even the caller)."""
        return value.uses[0][0] if len(value.uses) == 1 and not self.is_output(value) else None

    # ------------------------------------------------------------------ building
    def _fresh(self, name: str) -> str:
        fresh, count = name, 1
        while fresh in self._names:
            fresh, count = f"{name}.{count}", count + 1
        self._names.add(fresh)
        return fresh

    def add_input(self, name: str, type: TensorType) -> Value:
        value = Value(self._fresh(name), type)
        self.inputs.append(value)
        return value

    def add_constant(self, name: str, type: TensorType, data: Array | None) -> Value:
        """A constant; `data` is copied to the type's element type, or None where only its size matters."""
        if data is not None:
            data = np.array(data, dtype=type.dtype.numpy, order="C")
            if data.shape != type.shape:
                raise ValueError(f"constant {name!r}: expected data of shape {type.shape}, got {data.shape}")
            data.flags.writeable = False
        value = Value(self._fresh(name), type, constant=True, data=data)
        self.constants[value.name] = value
        return value

    def add(
        self,
        op: Operator,
        inputs: Sequence[Value | None],
        types: TensorType | Sequence[TensorType],
        *,
        name: str | None = None,
        before: Node | None = None,
    ) -> Node:
        """Append a node (or insert it before another), with new result values of the given types."""
        types = (types,) if isinstance(types, TensorType) else tuple(types)
        label = name or op.name
        results = [Value(self._fresh(label if len(types) == 1 else f"{label}:{i}"), t) for i, t in enumerate(types)]
        node = Node(op, inputs, results, label)
        self._link(node)
        self._nodes.insert(len(self._nodes) if before is None else self._nodes.index(before), node)
        return node

    # ------------------------------------------------------------------ changing
    def _link(self, node: Node) -> None:
        for index, value in enumerate(node.inputs):
            if value is not None:
                value.uses.append((node, index))
        for value in node.outputs:
            value.producer = node

    def _unlink(self, node: Node) -> None:
        for value in {id(v): v for v in node.inputs if v is not None}.values():
            value.uses = [use for use in value.uses if use[0] is not node]

    def replace(self, node: Node, *, op: Operator | None = None, inputs: Sequence[Value | None] | None = None) -> Node:
        """Swap a node for a changed one that produces the same values."""
        changed = Node(op or node.op, node.inputs if inputs is None else inputs, node.outputs, node.name)
        self._unlink(node)
        self._link(changed)
        self._nodes[self._nodes.index(node)] = changed
        return changed

    def replace_value(self, old: Value, new: Value) -> None:
        """Make every reader of `old`, the caller included, read `new`."""
        for node in old.users:
            self.replace(node, inputs=[new if v is old else v for v in node.inputs])
        self.outputs = [new if v is old else v for v in self.outputs]

    def retype(self, value: Value, type: TensorType) -> None:
        """Change a value's type; the caller answers for its producer and readers (verify afterwards)."""
        value.type = type

    def rename(self, value: Value, name: str) -> None:
        """Give a value the name asked for, or a fresh one like it where that is taken."""
        old = value.name
        self._names.discard(old)
        value.name = self._fresh(name)
        if value.is_constant:
            self.constants = {value.name if key == old else key: v for key, v in self.constants.items()}

    def erase(self, node: Node) -> None:
        """Remove a node whose results nobody reads."""
        for value in node.outputs:
            if value.uses or self.is_output(value):
                raise ValueError(f"{node.name}: its result {value.name!r} is still read")
        self._unlink(node)
        self._nodes.remove(node)
        for value in node.outputs:
            self._names.discard(value.name)

    def erase_constant(self, value: Value) -> None:
        """Remove a constant that nobody reads."""
        if value.uses or self.is_output(value):
            raise ValueError(f"constant {value.name!r} is still read")
        del self.constants[value.name]
        self._names.discard(value.name)

    def reorder(self, nodes: Iterable[Node]) -> None:
        """Set the execution order: a permutation of the nodes that respects their dependences."""
        order = list(nodes)
        if order == self._nodes:
            return
        if len(order) != len(self._nodes) or {id(n) for n in order} != {id(n) for n in self._nodes}:
            raise ValueError("the new order must hold every node of the graph once")
        done = {id(v) for v in (*self.inputs, *self.constants.values())}
        for node in order:
            late = [v.name for v in node.inputs if v is not None and id(v) not in done]
            if late:
                raise ValueError(f"{node.name} would run before {late[0]!r}, which it reads, is there")
            done.update(id(v) for v in node.outputs)
        self._nodes = order

    def wrap(self, nodes: Sequence[Node], op: Operator, inputs: Sequence[Value], outputs: Sequence[Value]) -> Node:
        """Put one node in the place of several that stand next to each other; it makes `outputs`, values of theirs."""
        made = Node(op, inputs, outputs, outputs[0].name)
        self._swap(nodes, [made])
        return made

    def unwrap(self, node: Node, body: Graph) -> list[Node]:
        """Put the nodes of a graph in the place of a node, whose operands and results are the ends of that graph.

        Operands are its inputs, then its constants.
        """
        ends = zip((*body.inputs, *body.constants.values(), *body.outputs), (*node.inputs, *node.outputs), strict=True)
        image: dict[int, Value | None] = {id(inside): outside for inside, outside in ends}
        image |= {id(v): _like(v) for n in body.nodes for v in n.outputs if id(v) not in image}
        nodes = [
            Node(n.op, [v and image[id(v)] for v in n.inputs], [v for o in n.outputs if (v := image[id(o)])], n.name)
            for n in body.nodes
        ]
        self._swap([node], nodes)
        return nodes

    def _swap(self, old: Sequence[Node], new: Sequence[Node]) -> None:
        """Put nodes in the place of others; values that both make stay, with those who read them."""
        place, gone = self._nodes.index(old[0]), {id(node) for node in old}
        before = {id(value) for node in old for value in node.outputs}
        after = {id(value) for node in new for value in node.outputs}
        for node in old:
            self._unlink(node)
            self._names -= {value.name for value in node.outputs if id(value) not in after}
        for node in new:
            for value in node.outputs:
                value.name = value.name if id(value) in before else self._fresh(value.name)
            self._link(node)
        self._nodes = [*self._nodes[:place], *new, *(n for n in self._nodes[place:] if id(n) not in gone)]

    # ------------------------------------------------------------------ copying
    def copy(self) -> Graph:
        """An independent graph with the same nodes; constant data is shared (it is never written)."""
        return self._twin(self.inputs, self.constants.values(), self._nodes, self.outputs)

    def part(self, nodes: Sequence[Node]) -> Graph:
        """An independent graph of some nodes: what they read of others is an input, what others read an output.

        So is what nobody reads. Nodes, values and their order are as here; constant data is shared.
        """
        inside = {id(node) for node in nodes}
        read = {id(v): v for node in nodes for v in node.inputs if v is not None and id(v.producer) not in inside}
        outputs = [
            v for node in nodes for v in node.outputs
            if self.is_output(v) or not v.uses or any(id(user) not in inside for user, _ in v.uses)
        ]
        constants = [v for v in read.values() if v.is_constant]
        return self._twin([v for v in read.values() if not v.is_constant], constants, nodes, outputs)

    def _twin(
        self, inputs: Iterable[Value], constants: Iterable[Value], nodes: Iterable[Node], outputs: Iterable[Value]
    ) -> Graph:
        twin = Graph(self.name)
        image: dict[int, Value] = {}

        def clone(value: Value) -> Value:
            image[id(value)] = _like(value)
            twin._names.add(value.name)
            return image[id(value)]

        twin.inputs = [clone(v) for v in inputs]
        twin.constants = {v.name: clone(v) for v in constants}
        for node in nodes:
            operands = [None if v is None else image[id(v)] for v in node.inputs]
            copied = Node(node.op, operands, [clone(v) for v in node.outputs], node.name)
            twin._link(copied)
            twin._nodes.append(copied)
        twin.outputs = [image[id(v)] for v in outputs]
        return twin

    def __str__(self) -> str:
        from tinyc.ir.text import print_graph

        return print_graph(self)


def _like(value: Value) -> Value:
    """A value of the same name and type that nothing makes or reads yet."""
    made = Value(value.name, value.type, constant=value.is_constant, data=value.data)
    made.source = value.source
    return made
