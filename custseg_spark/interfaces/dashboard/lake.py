"""The lake as pages read it: as of one moment, with cached results until it changes."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import ParamSpec, TypeVar

import streamlit as st

from custseg_spark.engine.lake.columns import Table
from custseg_spark.engine.lake.reader import LakeReader
from custseg_spark.engine.lake.schemas import BY_RUN, RUNS
from custseg_spark.errors import InputError
from custseg_spark.interfaces.dashboard.trying.lake_choice import chosen_lake

P = ParamSpec("P")
R = TypeVar("R")

# Readers hold no rows; a few visitors may still see an earlier moment.
_MOST_MOMENTS = 4
_NO_RUN = "the lake at {} has no run yet: custseg segment makes one"


def open_lake() -> LakeReader:
    """Return the lake as it is now. Raises InputError without a lake, or without a run in it."""
    root = chosen_lake()
    reader = LakeReader(root)
    if not root.is_dir():
        raise InputError(f"there is no lake at {root}: the folder doesn't exist")
    reader.require()
    if not reader.exists(RUNS):
        raise InputError(_NO_RUN.format(root))
    seen = _as_of(str(root), reader.native.versions([RUNS, *BY_RUN]))
    if not seen.run_ids():
        raise InputError(_NO_RUN.format(root))
    return seen


@st.cache_resource(max_entries=_MOST_MOMENTS, show_spinner=False)
def _as_of(root: str, versions: Mapping[str, int]) -> LakeReader:
    return LakeReader(Path(root)).at_one_moment()


def version_of(lake: LakeReader, table: Table) -> int | None:
    """Return the current version of a table that isn't by run, or None without the table."""
    return lake.native.version(table) if lake.exists(table) else None


def cached(most: int, spinner: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Cache the last `most` results of a function of a lake, for all visitors.

    Results are shared, so nobody may change them. A lake of another moment is another argument.
    """

    def decorated(function: Callable[P, R]) -> Callable[P, R]:
        return st.cache_resource(
            max_entries=most, show_spinner=spinner, hash_funcs={LakeReader: _moment}
        )(function)

    return decorated


def _moment(lake: LakeReader) -> tuple[object, ...]:
    return str(lake.root), *sorted(lake.moment.versions.items())
