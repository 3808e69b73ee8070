"""The search for the least need, compiled by numba where that is installed (the extra `fast`).

It is the same code, not another version of it: every function of `tinyc.schedule.search` is compiled as it stands. What
numba makes is kept beside the sources, so that only the first process after a change waits for it, some ten seconds.
"""

from __future__ import annotations

import hashlib
import inspect
from functools import cache
from types import FunctionType, SimpleNamespace
from typing import Any

import numpy as np

from tinyc.memory import first_fit
from tinyc.nas import fits, row_tables
from tinyc.schedule import search
from tinyc.schedule.search import Tables


@cache
def fast_search() -> Any:
    """`tinyc.schedule.search`, compiled if numba is there, else as it is."""
    try:
        import numba
    except ImportError:
        return SimpleNamespace(**vars(search) | vars(row_tables) | vars(fits))
    names: dict[str, Any] = {}
    for module in (*search.MODULES, first_fit, row_tables, fits):
        names |= vars(module)
    functions = {name: function for name, function in names.items() if inspect.isfunction(function)}
    # What is kept of a function holds those that it calls, of other files too: its name tells of which sources.
    digest = hashlib.sha256("".join(map(inspect.getsource, functions.values())).encode()).hexdigest()[:16]
    for name, function in functions.items():
        copy = FunctionType(function.__code__, names, name, function.__defaults__)
        copy.__qualname__ = f"{name}_{digest}"
        names[name] = numba.njit(copy, cache=True)
    names["zeros"], names["reals"] = numba.njit(_zeros, cache=True), numba.njit(_reals, cache=True)
    compiled = SimpleNamespace(**names | {"column": _column, "reals_column": _reals_column, "accepted": _accepted})
    _use(compiled)
    return compiled


def _use(compiled: Any) -> None:
    """Call everything once, for a network of one operator, so that no question waits for the compiler later."""
    one = Tables(
        bytes=[4, 4], made=[-1, 0], last=[0, 1], line=[4, -1], result_count=[1], whole_count=[1], row_count=[1],
        complete_count=[0], hidden=[0], row_work=[0.0], entry=[0.0], results=[1], complete=[], scratch=[0, 0],
        work=[1.0, 1.0], trail_count=[0, 0], trail_tensor=[], trail_apart=[], state=[0, 0], pushed=-1,
    )  # fmt: skip
    p, nothing = compiled.prepare(_accepted(one)), _column([])
    compiled.whole(p, 0), compiled.apart(p, 0), list(compiled.segments(p, 0)), compiled.segment(p, 0, 1)
    found = compiled.cheapest_cut(p, nothing)
    compiled.quickest_cut(p, found.bytes, found.bytes, found.state, nothing)
    compiled.find_places(p, found.bytes, found.state, nothing, nothing, False, search.CHOICES)
    compiled.has_places(p, found.bytes, found.state, nothing, nothing, search.CHOICES)


def _zeros(count: int) -> Any:
    return np.zeros(count, np.int64)


def _reals(count: int) -> Any:
    return np.zeros(count, np.float64)


def _accepted(t: Tables) -> Tables:
    reals = {name: _reals_column(getattr(t, name)) for name in ("work", "row_work", "entry")}
    return Tables(**{name: _column(values) for name, values in t._asdict().items()} | reals | {"pushed": t.pushed})


def _column(values: Any) -> Any:
    return np.asarray(values, np.int64)


def _reals_column(values: Any) -> Any:
    return np.asarray(values, np.float64)
