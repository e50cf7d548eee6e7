"""The visitor's choice of run date and algorithm, the same on every page."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TypeVar

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from custseg_spark.engine.lake.reader import LakeReader
from custseg_spark.interfaces.dashboard.lake import open_lake
from custseg_spark.interfaces.dashboard.reading.runs import content_of, run_choices
from custseg_spark.outputs.report import words
from custseg_spark.outputs.report.content import Content

T = TypeVar("T")

_DAY, _ALGORITHM = "chosen run date", "chosen algorithm"


@dataclass(frozen=True)
class Shown:
    """A run, seen through one of its algorithms."""

    lake: LakeReader
    run_date: date
    algorithm: str | None

    @property
    def content(self) -> Content:
        """The run's content, as in the report."""
        return content_of(self.lake, self.run_date, self.algorithm)


def chosen_run() -> Shown:
    """Draw the choice of run date and algorithm. Raises InputError for a lake without runs."""
    lake = open_lake()
    choices = {choice.run_date: choice for choice in run_choices(lake)}
    left, right, _ = st.columns([1, 1, 2])
    day = _one_of(left, "Run date", list(choices), _DAY, str)
    run = choices[day]
    if not run.algorithms:
        return Shown(lake, day, None)
    algorithm = _one_of(right, "Algorithm", run.algorithms, _ALGORITHM, words.algorithm)
    return Shown(lake, day, algorithm)


def _one_of(
    place: DeltaGenerator, label: str, options: Sequence[T], key: str, shown: Callable[[T], str]
) -> T:
    """Return the chosen option, which `key` keeps while other pages are shown."""
    kept = st.session_state.get(key)
    index = options.index(kept) if kept in options else 0
    chosen: T = place.selectbox(label, options, index=index, format_func=shown)
    st.session_state[key] = chosen
    return chosen
