"""Where the elements of a tensor come from, found by executing the movements before it on an array of indices.

Exporters write the same rearrangement in many ways: reshapes, transposes, slices and gathers of four or five axes. Run
on indices, all of them come down to one array, and no pass has to know the ways.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from tinyc.ir.access import Elementwise
from tinyc.ir.graph import Node, Value
from tinyc.ir.types import Array
from tinyc.ops.common import Movement


@dataclass(frozen=True)
class Function:
    """A node that maps every code of one tensor, perhaps by constants that differ from element to element.

    `constants` are those, by operand, in the shape of the value whose origin this belongs to.
    """

    node: Node
    constants: Mapping[int, Array]


@dataclass(frozen=True)
class Origin:
    """Element k of a value is element `index`[k] of `root` (both in row-major order), through `functions` in order.

    `index` has the value's shape; `nodes` are all that lie between, movements and functions.
    """

    root: Value
    index: Array
    functions: tuple[Function, ...]
    nodes: tuple[Node, ...]

    @property
    def is_moved(self) -> bool:
        return any(isinstance(node.op, Movement) for node in self.nodes)

    @property
    def keeps_order(self) -> bool:
        """Whether all elements of the root are there, in its order."""
        return self.index.size == self.root.type.elements and bool(
            np.array_equal(self.index.ravel(), np.arange(self.index.size))
        )

    def arranged(self, arrange: Callable[[Array], Array]) -> Origin:
        """The same of a value whose elements are rearranged."""
        functions = (Function(f.node, {i: arrange(c) for i, c in f.constants.items()}) for f in self.functions)
        return replace(self, index=arrange(self.index), functions=tuple(functions))


def origin(value: Value, until: Value | None = None) -> Origin:
    """Walk back through movements and functions, to a value that lies there or as far as they go."""
    path: list[Node] = []
    while value is not until and value.producer and (before := passed_through(value.producer)) is not None:
        path.append(value.producer)
        value = before
    found = Origin(value, np.arange(value.type.elements).reshape(value.type.shape), (), tuple(path))
    for node in reversed(path):
        if isinstance(node.op, Movement):
            found = found.arranged(partial(_moved, node))
        else:
            found = replace(found, functions=(*found.functions, Function(node, _spread_constants(node))))
    return found


def passed_through(node: Node) -> Value | None:
    """The one tensor that a movement or a function of single codes reads; None for every other node."""
    tensors = list(dict.fromkeys(v for v in node.inputs if v is not None and not v.is_constant))
    constants = [v for v in node.inputs if v is not None and v.is_constant]
    if len(tensors) != 1 or len(node.outputs) != 1 or any(v.data is None for v in constants):
        return None
    return tensors[0] if isinstance(node.op, Movement) or _is_function(node, tensors[0]) else None


def _is_function(node: Node, x: Value) -> bool:
    """Whether element k of the result depends on element k of x alone."""
    for value, access in zip(node.inputs, node.access(), strict=True):
        if value is x and (access is None or not access.is_elementwise):
            return False
        if value is not None and value.is_constant and not _varies(node, value) and value.type.rank > 3:
            return False  # it would give heads of three axes a fourth
    return x.type.shape == node.output.type.shape


def _varies(node: Node, constant: Value) -> bool:
    """Whether elements of the result read different elements of a constant; a table is read whole by all."""
    accesses = (a for v, a in zip(node.inputs, node.access(), strict=True) if v is constant and a is not None)
    return constant.type.elements > 1 and any(isinstance(axis, Elementwise) for a in accesses for axis in a.axes)


def _spread_constants(node: Node) -> dict[int, Array]:
    """Constants that differ from element to element, in the shape of the node's result."""
    return {
        i: np.broadcast_to(v.data, node.output.type.shape)
        for i, v in enumerate(node.inputs)
        if v is not None and v.data is not None and v.is_constant and _varies(node, v)
    }


def _moved(node: Node, array: Array) -> Array:
    operands = [array if v is not None and not v.is_constant else None if v is None else v.data for v in node.inputs]
    return node.op.reference(node.signature, *operands)[0]
