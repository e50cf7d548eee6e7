"""The lake as pages read it: as of one moment, held until another run is published."""

from pathlib import Path

import streamlit as st

from custseg_spark.engine.lake.reader import LakeReader
from custseg_spark.engine.lake.schemas import RUNS
from custseg_spark.errors import InputError
from custseg_spark.interfaces.dashboard.trying.lake_choice import chosen_lake

# Readers hold no rows; a few visitors may still look at an earlier moment.
_MOST_MOMENTS = 4


def open_lake() -> LakeReader:
    """The lake as it is now. Raises InputError where there is no lake, or no run in it."""
    root = chosen_lake()
    reader = LakeReader(root)
    if not root.is_dir():
        raise InputError(f"there is no lake at {root}: the folder doesn't exist")
    reader.require()
    if not reader.exists(RUNS):
        raise InputError(f"the lake at {root} has no run yet; run custseg segment first")
    return _as_of(root, reader.native.version(RUNS))


@st.cache_resource(max_entries=_MOST_MOMENTS, show_spinner=False)
def _as_of(root: Path, version: int) -> LakeReader:
    return LakeReader(root).at_one_moment()
