"""Pass infrastructure, in the shape that compiler engineers know from TVM.

A pass is a frozen dataclass whose fields are its options, so `-p "split-patches{grid=2x2}"` on the command
line and `SplitPatches(grid=(2, 2))` in Python are the same thing. `@graph_pass` registers it.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable, Sequence
from contextvars import ContextVar, Token
from dataclasses import dataclass, field, fields
from typing import Any, ClassVar, Protocol, TypeVar

from tinyc.errors import UsageError
from tinyc.ir.graph import Graph, Node
from tinyc.registry import Registry

_MAX_SWEEPS = 1000  # far beyond what a graph's length asks for; a pass that gets there would run for ever


@dataclass(frozen=True)
class Pass:
    """Base of graph passes: override `rewrite` (one node at a time, to a fixed point) or `run` (the graph).

    Subclasses are frozen dataclasses; every field has a default, whose type says how the option is read.
    """

    name: ClassVar[str]
    opt_level: ClassVar[int]
    changes_numbers: ClassVar[bool] = False

    def rewrite(self, node: Node, graph: Graph) -> bool:
        """Try to change the graph at this node; True where it did."""
        raise NotImplementedError(f"{type(self).__name__} overrides neither rewrite nor run")

    def run(self, graph: Graph) -> bool:
        """Change the graph in place; True where anything changed."""
        for sweep in range(_MAX_SWEEPS):
            if not any([self._at(node, graph) for node in graph.nodes]):
                return sweep > 0
        raise RuntimeError(f"pass {self} found no end in {_MAX_SWEEPS} sweeps: its rewrites undo each other")

    def _at(self, node: Node, graph: Graph) -> bool:
        """Rewrite at a node of the snapshot, unless an earlier rewrite of the sweep replaced or erased it."""
        return graph.has(node) and self.rewrite(node, graph)

    def __call__(self, graph: Graph) -> Graph:
        """Run under the current PassContext, with its instruments."""
        PassContext.current().apply(self, graph)
        return graph

    def __str__(self) -> str:
        given = {f.name: value for f in fields(self) if (value := getattr(self, f.name)) != f.default}
        options = ",".join(f"{name}={_show(value)}" for name, value in given.items())
        return f"{self.name}{{{options}}}" if options else self.name


PASSES: Registry[type[Pass]] = Registry("tinyc.passes", "pass")
P = TypeVar("P", bound=type[Pass])


def graph_pass(name: str, opt_level: int = 1, *, changes_numbers: bool = False) -> Callable[[P], P]:
    """Class decorator: registers a pass; by default it runs from opt level `opt_level` of the context on.

    With `changes_numbers` the network gives other integers after it than before: see `PassContext.redefined`.
    """

    def register(cls: P) -> P:
        cls.name, cls.opt_level, cls.changes_numbers = name, opt_level, changes_numbers
        PASSES.register(name, cls, cls.__module__)
        return cls

    return register


# ---------------------------------------------------------------------- context and instruments
class Instrument(Protocol):
    """Called around every pass that runs."""

    def before(self, pass_: Pass, graph: Graph) -> None: ...

    def after(self, pass_: Pass, graph: Graph, changed: bool) -> None: ...


@dataclass
class Timing:
    """Seconds per pass, in the order of running."""

    seconds: list[tuple[str, float]] = field(default_factory=list)
    _started: float = 0.0

    def before(self, pass_: Pass, graph: Graph) -> None:
        self._started = time.perf_counter()

    def after(self, pass_: Pass, graph: Graph, changed: bool) -> None:
        self.seconds.append((str(pass_), time.perf_counter() - self._started))


@dataclass
class PrintIR:
    """Writes the graph's text after every pass that changed it, or around the passes named."""

    write: Callable[[str], object]
    after_passes: frozenset[str] | None = None
    before_passes: frozenset[str] = frozenset()

    def before(self, pass_: Pass, graph: Graph) -> None:
        if pass_.name in self.before_passes:
            self._print("before", pass_, graph)

    def after(self, pass_: Pass, graph: Graph, changed: bool) -> None:
        if changed if self.after_passes is None else pass_.name in self.after_passes:
            self._print("after", pass_, graph)

    def _print(self, when: str, pass_: Pass, graph: Graph) -> None:
        from tinyc.ir.text import print_graph

        self.write(f"// {when} {pass_}\n{print_graph(graph, weights=False)}")


class VerifyAfter:
    """Verifies the graph after every pass, so that a broken invariant names the pass that broke it."""

    def before(self, pass_: Pass, graph: Graph) -> None:
        return None

    def after(self, pass_: Pass, graph: Graph, changed: bool) -> None:
        from tinyc.ir.verifier import InvalidGraph, verify

        try:
            verify(graph)
        except InvalidGraph as error:
            raise InvalidGraph(f"after pass {pass_}: {error}") from None


@dataclass(frozen=True)
class Redefined:
    """What passes that change numbers made of a network: the graph whose integers are right from then on."""

    passes: tuple[str, ...]
    graph: Graph


@dataclass
class PassContext:
    """Which passes run, and who watches. Use as `with PassContext(opt_level=2, disabled_pass=["cse"]): …`.

    `redefined` is the graph behind the last pass that changed numbers, None where none did: the passes after it keep
    its integers as those before keep the model file's.
    """

    opt_level: int = 2
    disabled_pass: Sequence[str] = ()
    required_pass: Sequence[str] = ()
    instruments: Sequence[Instrument] = ()
    ran: list[str] = field(default_factory=list)
    redefined: Redefined | None = None
    _tokens: list[Token[PassContext | None]] = field(default_factory=list, repr=False)  # one per `with`

    def __post_init__(self) -> None:
        for name in (*self.disabled_pass, *self.required_pass):
            find_pass(name)  # an unknown name is an error, not silently without effect

    @staticmethod
    def current() -> PassContext:
        return _CURRENT.get(None) or PassContext()

    def __enter__(self) -> PassContext:
        self._tokens.append(_CURRENT.set(self))
        return self

    def __exit__(self, *_: object) -> None:
        _CURRENT.reset(self._tokens.pop())

    def enabled(self, pass_: Pass) -> bool:
        if pass_.name in self.disabled_pass:
            return False
        return pass_.name in self.required_pass or pass_.opt_level <= self.opt_level

    def apply(self, pass_: Pass, graph: Graph) -> bool:
        """Run one pass with the instruments; True where the graph changed."""
        for instrument in self.instruments:
            instrument.before(pass_, graph)
        changed = pass_.run(graph)
        self.ran.append(str(pass_))
        if changed and pass_.changes_numbers:
            earlier = () if self.redefined is None else self.redefined.passes
            self.redefined = Redefined((*earlier, str(pass_)), graph.copy())
        for instrument in self.instruments:
            instrument.after(pass_, graph, changed)
        return changed


_CURRENT: ContextVar[PassContext | None] = ContextVar("tinyc_pass_context", default=None)


@dataclass(frozen=True)
class Sequential:
    """Passes one after the other; those that the context disables are left out."""

    passes: tuple[Pass, ...]

    def __call__(self, graph: Graph) -> Graph:
        context = PassContext.current()
        for pass_ in self.passes:
            if context.enabled(pass_):
                context.apply(pass_, graph)
        return graph


# ---------------------------------------------------------------------- pipelines as text
def all_passes() -> tuple[type[Pass], ...]:
    """Every registered pass, ours and the plugins', by name."""
    import tinyc.passes  # noqa: F401  registers ours

    return tuple(PASSES.get(name) for name in sorted(PASSES))


def find_pass(name: str) -> type[Pass]:
    """A registered pass, ours or a plugin's. UsageError with the closest names where there is none."""
    import tinyc.passes  # noqa: F401  registers ours

    return PASSES.get(name)


_STEP = re.compile(r"\s*([a-z][a-z0-9-]*)\s*(?:\{([^}]*)\})?\s*(,|$)")


def parse_pipeline(text: str) -> tuple[Pass, ...]:
    """Passes from their text form, `name{option=value,…},name,…`; `default` stands for the default pipeline.

    UsageError names what is wrong.
    """
    from tinyc.passes import DEFAULT_PIPELINE

    found: list[Pass] = []
    position = 0
    while position < len(text):
        match = _STEP.match(text, position)
        if not match:
            rest = text[position:]
            raise UsageError(f"cannot read the pipeline at {rest!r}; expected name{{option=value}},name,…")
        name, options = match.group(1), match.group(2) or ""
        found += DEFAULT_PIPELINE if (name, options) == ("default", "") else [_instantiate(name, options)]
        position = match.end()
    return tuple(found)


def _instantiate(name: str, options: str) -> Pass:
    cls = find_pass(name)
    known = {f.name: f for f in fields(cls)}
    given: dict[str, Any] = {}
    for part in filter(None, (p.strip() for p in options.split(","))):
        key, _, value = part.partition("=")
        if key not in known:
            raise UsageError(f"pass {name!r} has no option {key!r}; it has: {', '.join(known) or 'none'}")
        if key in given:
            raise UsageError(f"pass {name!r}: the option {key!r} is given twice; give it once")
        given[key] = _read(name, key, value, known[key].default)
    return cls(**given)


def _read(name: str, key: str, text: str, default: Any) -> Any:
    """An option's value, by the type of its default."""
    try:
        if isinstance(default, bool):
            return {"true": True, "false": False}[text]
        if isinstance(default, int):
            return int(text)
        if isinstance(default, float):
            return float(text)
        if isinstance(default, tuple):
            return tuple(int(n) for n in text.split("x"))
    except (ValueError, KeyError):
        default = _show(default)
        raise UsageError(f"pass {name!r}: cannot read {key}={text!r}; its default is {default}") from None
    return text


def _show(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return "x".join(map(str, value)) if isinstance(value, tuple) else str(value)


def passes_by_name(names: Iterable[str]) -> tuple[Pass, ...]:
    """Registered passes with their default options."""
    return tuple(find_pass(name)() for name in names)
