"""What a search space is, and how specs are written down.

A space of your own is a class with five small methods; a spec is a frozen dataclass of numbers, strings, and tuples of
such. Then `plan`, `Evolution`, `search` and the command line work with it.
"""

from __future__ import annotations

import hashlib
import json
from abc import ABC, abstractmethod
from collections.abc import Hashable, Sequence
from dataclasses import fields, is_dataclass
from random import Random
from types import UnionType
from typing import (
    Any,
    ClassVar,
    Generic,
    Protocol,
    TypeVar,
    Union,
    get_args,
    get_origin,
    get_type_hints,
    runtime_checkable,
)

from tinyc.errors import UsageError
from tinyc.ir.graph import Graph
from tinyc.nas.network import Network

Spec = TypeVar("Spec")
T = TypeVar("T")


@runtime_checkable
class Layers(Hashable, Protocol):
    """Some layers of a network that read nothing but the result before them: equal ones add the same."""

    def add(self, net: Network, name: str) -> None:
        """Add them to a network, behind `net.last`; names of layers begin with `name`."""
        ...


class Space(ABC, Generic[Spec]):
    """The networks that a search may propose. `spec_type` is the dataclass of its specs.

    All randomness comes from the generator given: equal seeds give equal specs. A space says what the network of a spec
    is by `graph`, or by `begin` and `blocks`: then what a block needs is worked out once for all networks that have it.
    """

    name: ClassVar[str]
    spec_type: type[Spec]

    @abstractmethod
    def sample(self, rng: Random) -> Spec:
        """A spec, uniformly over the choices."""

    @abstractmethod
    def mutate(self, spec: Spec, rng: Random, depth: float = 0.2, layer: float = 0.4) -> Spec:
        """A changed copy: what shapes the network as a whole (depth, resolution) with probability `depth`, each choice
        of a layer with probability `layer` (Pd and Pm of the papers)."""

    @abstractmethod
    def crossover(self, a: Spec, b: Spec, rng: Random) -> Spec:
        """A child of two specs, each choice from either."""

    @abstractmethod
    def encode(self, spec: Spec) -> tuple[float, ...]:
        """A vector of constant length, for predictors and distances; absent layers are zeros."""

    def begin(self, spec: Spec) -> Network:
        """A network that has nothing but its input."""
        raise NotImplementedError(f"the space {self.name!r} has a graph for every spec, but no blocks")

    def blocks(self, spec: Spec) -> Sequence[tuple[str, Layers]]:
        """The blocks of a network and their names; the last one ends it. None where there is only a `graph`."""
        return ()

    def graph(self, spec: Spec) -> Graph:
        """The network, without weights."""
        net = self.begin(spec)
        for name, layers in self.blocks(spec):
            layers.add(net, name)
        return net.graph

    def to_json(self, spec: Spec) -> str:
        """One line that `from_json` reads back."""
        return json.dumps(to_data(spec), separators=(",", ":"))

    def from_json(self, text: str) -> Spec:
        """Raises UsageError where the text is no spec of this space."""
        try:
            return from_data(self.spec_type, json.loads(text))
        except ValueError as error:
            raise UsageError(f"this is no spec of the space {self.name!r}: {error}") from None


def to_data(spec: Any) -> Any:
    """A spec as JSON has it: dataclasses become objects, tuples lists."""
    if is_dataclass(spec):
        return {f.name: to_data(getattr(spec, f.name)) for f in fields(spec)}
    return [to_data(x) for x in spec] if isinstance(spec, tuple) else spec


def from_data(kind: type[T], data: Any) -> T:
    """The reverse, guided by the fields' types. Raises UsageError naming what does not fit."""
    return _read(kind, data, "spec")


def _read(kind: Any, data: Any, where: str) -> Any:
    origin = get_origin(kind)
    if is_dataclass(kind):
        return _record(kind, data, where)
    if origin is tuple and isinstance(data, list):
        kinds = get_args(kind)
        items = [kinds[0]] * len(data) if kinds[1:] == (...,) else list(kinds)
        if len(items) == len(data):
            return tuple(_read(k, x, f"{where}[{i}]") for i, (k, x) in enumerate(zip(items, data, strict=True)))
    if origin in (Union, UnionType) and any(type(data) is k for k in get_args(kind)):
        return data
    if kind is float and type(data) in (int, float):
        return float(data)
    if type(data) is kind:
        return data
    raise UsageError(f"{where}: expected {getattr(kind, '__name__', kind)}, got {data!r}")


def _record(kind: Any, data: Any, where: str) -> Any:
    hints = get_type_hints(kind)
    if not isinstance(data, dict) or set(data) != set(hints):
        raise UsageError(f"{where}: expected an object with {', '.join(hints)}, got {data!r}")
    return kind(**{name: _read(hints[name], data[name], f"{where}.{name}") for name in hints})


def spec_hash(spec: Any) -> str:
    """16 hexadecimal digits that depend on the spec's type and content alone, on every machine."""
    text = type(spec).__name__ + json.dumps(to_data(spec), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


# ---------------------------------------------------------------------- what spaces have in common
def either(a: T, b: T, rng: Random) -> T:
    """One of two, evenly."""
    return a if rng.random() < 0.5 else b


def changed(value: T, choices: Sequence[T], rng: Random, probability: float) -> T:
    """The value, or with some probability one of the choices."""
    return rng.choice(choices) if rng.random() < probability else value


def make_divisible(channels: float, divisor: int = 8) -> int:
    """Channels rounded to a multiple of 8, never more than 10 % down (the rule of the MobileNet papers' code)."""
    rounded = max(divisor, int(channels + divisor / 2) // divisor * divisor)
    return rounded + divisor if rounded < 0.9 * channels else rounded
