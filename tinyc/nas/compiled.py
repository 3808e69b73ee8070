"""The search for the least need, compiled by numba where that is installed (the extra `fast`).

It is the same code, not another version of it: every function of `tinyc.schedule.search` is compiled as it stands. What
numba makes is kept beside the sources, so that only the first process after a change waits for it, some ten seconds.
"""

from __future__ import annotations

import hashlib
import importlib.util
import inspect
from functools import cache
from types import FunctionType, SimpleNamespace
from typing import Any

import numpy as np

from tinyc.memory import first_fit
from tinyc.nas import fits, row_tables
from tinyc.schedule import search
from tinyc.schedule.figures import Figures, Kernel, Operation, Tensor
from tinyc.schedule.search import Tables, tables


def has_numba() -> bool:
    """Whether the search can be compiled here."""
    return importlib.util.find_spec("numba") is not None


@cache
def as_python() -> Any:
    """All that a search calls, as it is."""
    return SimpleNamespace(**vars(search) | vars(row_tables) | vars(fits))


@cache
def fast_search() -> Any:
    """The same compiled, if numba is there."""
    if not has_numba():
        return as_python()
    import numba

    names: dict[str, Any] = {}
    functions: dict[str, FunctionType] = {}
    for module in (*search.MODULES, first_fit, row_tables, fits):
        names |= vars(module)
        found = {name: function for name, function in vars(module).items() if inspect.isfunction(function)}
        twice = [name for name in found if functions.get(name, found[name]) is not found[name]]
        if twice:
            raise RuntimeError(f"two functions that are compiled have one name: {', '.join(twice)}")
        functions |= found
    # What is kept of a function holds those that it calls, of other files too: its name tells of which sources.
    digest = hashlib.sha256("".join(map(inspect.getsource, functions.values())).encode()).hexdigest()[:16]
    for name, function in functions.items():
        copy = FunctionType(function.__code__, names, name, function.__defaults__)
        copy.__qualname__ = f"{name}_{digest}"
        names[name] = numba.njit(copy, cache=True)
    for own in (_zeros, _reals, _order_of, _sort_pairs):
        names[own.__name__.lstrip("_")] = numba.njit(own, cache=True)
    compiled = SimpleNamespace(**names | {"column": _column, "reals_column": _reals_column, "accepted": _accepted})
    _use(compiled)
    return compiled


def _use(compiled: Any) -> None:
    """Call everything once, for a network of one operator, so that no question waits for the compiler later."""
    kernel = (Kernel("", 0, 1.0),)
    one = Figures((Operation((1,), kernel, (), kernel),), (Tensor(4, -1, 0, 4), Tensor(4, 0, 1, None)))
    nothing, zero = _column([]), _column([0])
    numbers, works = row_tables.packed(one)
    compiled.prepare_row(_column(numbers), _reals_column(works), _column([0, 0]), False, -1.0)
    p = compiled.prepare(_accepted(tables(one)))
    compiled.whole(p, 0), compiled.apart(p, 0), list(compiled.segments(p, 0)), compiled.segment(p, 0, 1)
    compiled.added(p, 0, 1)
    found = compiled.cheapest_cut(p, nothing)
    compiled.quickest_cut(p, float(found.bytes), float(found.bytes), found.state, nothing)
    compiled.find_places(p, found.bytes, found.state, nothing, False, search.CHOICES)
    compiled.result_offsets(p, found.bytes, found.state, nothing, nothing, nothing, 0, 1)
    compiled.other_parts(p, found.bytes, zero, zero)
    compiled.parts_fit(p, found.bytes, found.state, zero, zero, zero, nothing, nothing)


def _zeros(count: int) -> Any:
    return np.zeros(count, np.int64)


def _reals(count: int) -> Any:
    return np.zeros(count, np.float64)


def _order_of(a: Any, b: Any, c: Any, d: Any, e: Any) -> Any:
    order = np.argsort(e, kind="mergesort")
    for column in (d, c, b, a):
        order = order[np.argsort(column[order], kind="mergesort")]
    return order


def _sort_pairs(pairs: Any) -> None:
    for k in range(1, len(pairs)):
        pair, at = pairs[k], k
        while at > 0 and pairs[at - 1] > pair:
            pairs[at] = pairs[at - 1]
            at -= 1
        pairs[at] = pair


def _accepted(t: Tables) -> Tables:
    own = {"work": _reals_column(t.work), "pushed": t.pushed}
    return Tables(**{name: _column(values) for name, values in t._asdict().items()} | own)


def _column(values: Any) -> Any:
    return np.asarray(values, np.int64)


def _reals_column(values: Any) -> Any:
    return np.asarray(values, np.float64)
