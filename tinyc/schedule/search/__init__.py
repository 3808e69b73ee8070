"""The search for the cut of a network into parts that needs the least SRAM, and for places of its tensors in as much.

A part is an operator that runs as a whole, or a segment that streams. Everything here works on numbers in flat tables,
in a subset of Python that numba compiles as it stands: `tinyc.nas.compiled` does so where a search asks thousands of
times; elsewhere it runs as Python. What takes objects to work out (the exact need of a part with overlaps, and how far
apart these must be) is asked for: a function returns what it would like to know, and is called again knowing it.
"""

from collections.abc import Sequence

import numpy as np

from tinyc.columns import Column
from tinyc.schedule.search import bounds, chunks, cut, lying, places, prepared, quickest
from tinyc.schedule.search.bounds import STREAMED, added, apart, segment, segments, whole
from tinyc.schedule.search.chunks import ATTEMPTS, place_parts, result_offsets
from tinyc.schedule.search.cut import cheapest_cut
from tinyc.schedule.search.places import CHOICES, Places, find_places
from tinyc.schedule.search.prepared import DEAR, Prepared, affordable, lean_of, prepare
from tinyc.schedule.search.quickest import Quickest, quickest_cut
from tinyc.schedule.search.tables import Tables, own_number, tables

MODULES = (prepared, bounds, cut, quickest, lying, places, chunks)  # what is compiled

__all__ = [
    "ATTEMPTS", "CHOICES", "DEAR", "MODULES", "STREAMED", "Places", "Prepared", "Quickest", "Tables", "accepted",
    "added", "affordable", "apart", "cheapest_cut", "column", "find_places", "lean_of", "own_number", "place_parts",
    "prepare", "quickest_cut", "reals_column", "result_offsets", "segment", "segments", "tables", "whole",
]


def column(values: Sequence[int]) -> Column:
    """Values as the functions here take them: as they are. For compiled ones, an array."""
    return values


def reals_column(values: Sequence[float]) -> Column:
    """The same of values that are no integers."""
    return values


def accepted(t: Tables) -> Tables:
    """Tables of arrays as the functions here take them: lists, which are the faster ones in Python. For compiled ones,
    as they are."""
    return Tables._make([*(np.asarray(values).tolist() for values in t[:-1]), t.pushed])
