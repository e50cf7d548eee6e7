"""Data quality: refused records, files, and events that arrived after their run."""

from collections.abc import Callable, Mapping

import plotly.graph_objects as go
import polars as pl
import streamlit as st

from custseg_spark.engine.lake.reader import LakeReader
from custseg_spark.engine.lake.schemas import EVENTS, INGEST_FILES, REJECTED_EVENTS
from custseg_spark.interfaces.dashboard.figures import base
from custseg_spark.interfaces.dashboard.grids import chosen_part, show_rows
from custseg_spark.interfaces.dashboard.lake import open_lake, version_of
from custseg_spark.interfaces.dashboard.reading import arrivals
from custseg_spark.interfaces.dashboard.reading.refusals import EXAMPLES, refusals
from custseg_spark.interfaces.dashboard.texts import plain
from custseg_spark.outputs.report import words

# With more rows a table in a browser is slow.
_MOST_FILES = 1_000
_FILE_COLUMNS = {
    "source_file": "file",
    "source": "mapping",
    "ingested_at": "came",
    "first_day": "first day",
    "last_day": "last day",
    "physical_records": "records",
    "accepted": "accepted",
    "rejected": "rejected",
    "ignored": "ignored",
    "duplicates": "duplicates",
    "rounded": "rounded",
    "skipped_because": "skipped because",
}
_LATE_COLUMNS = {
    "run_date": "run date",
    "finished_at": "finished",
    "source_file": "file",
    "ingested_at": "came",
}


def show() -> None:
    """Draw the page: one of its parts."""
    lake = open_lake()
    _PARTS[chosen_part(_PARTS, "quality part")](lake)


def _refused(lake: LakeReader) -> None:
    refused = refusals(lake, version_of(lake, REJECTED_EVENTS))
    if not len(refused.counts):
        st.success("No record was refused.", icon=":material/check:")
        return
    st.write("A record that fails several rules is counted for each.")
    show_rows(refused.counts)
    labels = {(c, f): f"{c}: {f}" if f else c for c, f, _ in refused.counts.iter_rows()}
    st.subheader("Examples")
    code, field = st.selectbox("Reason", list(labels), format_func=labels.__getitem__)
    is_shown = (pl.col("code") == code) & pl.col("field").eq_missing(pl.lit(field, pl.String))
    st.caption(f"The first {EXAMPLES} by file and row; the table rejected\\_events has all.")
    names = {"source_file": "file", "source_row": "row", "raw_record": "record"}
    show_rows(refused.examples.filter(is_shown).drop("code", "field").rename(names))


def _files(lake: LakeReader) -> None:
    files = arrivals.ledger(lake, version_of(lake, INGEST_FILES))
    if not len(files):
        st.info("The lake has no ledger of ingest.")
        return
    counts = arrivals.events_by_file(lake, version_of(lake, EVENTS))
    st.write(f"{words.counted(len(files), 'file')}; records = header + blank + accepted + rejected"
             " + ignored + duplicates.")  # fmt: skip
    days = arrivals.days_of(counts)
    if len(days):
        base.titled("accepted events by day")
        base.show(_by_day(days), "by day")
    if len(files) > _MOST_FILES:
        st.caption(f"The last {_MOST_FILES:,} files to come.")
    rows = files.head(_MOST_FILES).join(arrivals.spans(counts), on="file_id", how="left")
    show_rows(rows.select(list(_FILE_COLUMNS)).rename(_FILE_COLUMNS))


def _by_day(days: pl.DataFrame) -> go.Figure:
    bars = go.Bar(
        x=days["event_date"].to_list(),
        y=days["events"].to_list(),
        marker={"color": base.look().theme.strong},
        hovertemplate="%{x|%Y-%m-%d}: %{y:,} events<extra></extra>",
    )
    return base.laid_out(go.Figure(bars), 260)


def _late(lake: LakeReader) -> None:
    files = arrivals.ledger(lake, version_of(lake, INGEST_FILES))
    counts = arrivals.events_by_file(lake, version_of(lake, EVENTS))
    late = arrivals.late_events(lake, files, counts)
    st.write(
        "An event is late for a run if it happened before the run date and came after the run was"
        " finished. Later runs count it; the run itself does once it is made again."
    )
    if not len(late):
        st.success("No event was late for a run.", icon=":material/check:")
        return
    st.warning(plain(f"{words.counted(int(late['events'].sum()), 'event')} came late."))
    show_rows(late.rename(_LATE_COLUMNS))


_PARTS: Mapping[str, Callable[[LakeReader], None]] = {
    "Refused": _refused,
    "Files": _files,
    "Late events": _late,
}
