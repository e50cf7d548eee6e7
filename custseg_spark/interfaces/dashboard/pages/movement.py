"""Changes between run dates: moves, the fate of each segment id, and drift."""

from collections.abc import Callable, Mapping
from datetime import date

import polars as pl
import streamlit as st

from custseg_spark.interfaces.dashboard.choosing import Shown, chosen_run
from custseg_spark.interfaces.dashboard.figures import base, drift, flows, history
from custseg_spark.interfaces.dashboard.figures.flows import Side
from custseg_spark.interfaces.dashboard.grids import chosen_part, show_rows, show_texts
from custseg_spark.interfaces.dashboard.reading.movements import (
    flows_between,
    names_of,
    sizes_over_time,
)
from custseg_spark.interfaces.dashboard.reading.runs import run_choices
from custseg_spark.interfaces.dashboard.texts import plain
from custseg_spark.outputs.report import changes, words
from custseg_spark.outputs.report.palette import styles

_FIRST = "This is the first run by this algorithm: there is no earlier one to compare with."


def show() -> None:
    """Draw the page: one of its parts."""
    shown = chosen_run()
    if shown.algorithm is None:
        st.info("The tables hold no segments for this run date.")
        return
    _PARTS[chosen_part(_PARTS, "moves part")](shown, shown.algorithm)


def _moved(shown: Shown, algorithm: str) -> None:
    earlier = _earlier(shown, algorithm)
    if not earlier:
        st.info(_FIRST)
        return
    before = st.selectbox("Compared with the run of", earlier, key="compared run date")
    rows = flows_between(shown.lake, before, shown.run_date, algorithm)
    st.write(plain(_sums(rows, before)))
    if before == shown.content.run.previous_run_date:
        for sentence in changes.fates(shown.content):
            st.write(plain(sentence))
    if not len(rows):
        return
    sizes = sizes_over_time(shown.lake, algorithm)
    left = Side(str(before), names_of(sizes, before), "joined")
    right = Side(str(shown.run_date), names_of(sizes, shown.run_date), "gone")
    ids = sizes["segment_id"].unique().to_list()
    base.show(flows.flow(rows, left, right, styles(ids)), "flow")
    st.caption("Customers, and their share of the segment they come from")
    show_rows(flows.matrix(rows, left, right))


def _earlier(shown: Shown, algorithm: str) -> list[date]:
    """Return the earlier run dates with segments of the algorithm, the latest first."""
    runs = run_choices(shown.lake)
    return [r.run_date for r in runs if r.run_date < shown.run_date and algorithm in r.algorithms]


def _sums(rows: pl.DataFrame, before: date) -> str:
    both = rows.drop_nulls(["from_segment_id", "to_segment_id"])
    stayed = _customers(both.filter(pl.col("from_segment_id") == pl.col("to_segment_id")))
    both_runs = _customers(both)
    joined = _customers(rows.filter(pl.col("from_segment_id").is_null()))
    gone = _customers(rows.filter(pl.col("to_segment_id").is_null()))
    share = words.percent(stayed / both_runs) if both_runs else words.MISSING
    return (
        f"Since {before}: of {words.count(both_runs)} customers of both runs {words.count(stayed)}"
        f" ({share}) stayed in their segment, {words.count(both_runs - stayed)} changed;"
        f" {words.count(joined)} joined, {words.count(gone)} are gone."
    )


def _customers(rows: pl.DataFrame) -> int:
    return int(rows["customers"].sum())


def _over_time(shown: Shown, algorithm: str) -> None:
    sizes = sizes_over_time(shown.lake, algorithm)
    if not len(sizes):
        st.info("The tables hold no segments of this algorithm.")
        return
    st.write("A segment keeps its id from run to run, whatever its name; a line is an id.")
    ids = sizes["segment_id"].unique().to_list()
    base.show(history.sizes_over_time(sizes, styles(ids)), "over time")
    names = {"run_date": "run date", "segment_id": "id", "segment_name": "segment"}
    show_rows(sizes.sort("run_date", "segment_id", descending=[True, False]).rename(names))


def _drift(shown: Shown, algorithm: str) -> None:
    content = shown.content
    section = changes.drift(content)
    for paragraph in section.text:
        st.write(plain(paragraph))
    if not content.drift:
        return
    watch, refit = (content.run.setting("drift", key) for key in ("watch", "refit"))
    base.show(drift.drift(content.drift, watch, refit), "drift")
    for grid in section.grids:
        st.caption(grid.caption)
        show_texts(grid.head, grid.rows)


_PARTS: Mapping[str, Callable[[Shown, str], None]] = {
    "Who moved": _moved,
    "Ids over time": _over_time,
    "Drift": _drift,
}
