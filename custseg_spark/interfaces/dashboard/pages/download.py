"""The customers of all segments, or of one, as a file."""

from urllib.parse import urlencode

import streamlit as st

from custseg_spark.interfaces.dashboard.choosing import Shown, chosen_run
from custseg_spark.interfaces.dashboard.texts import rendered
from custseg_spark.interfaces.dashboard.trying.lake_choice import chosen_id
from custseg_spark.outputs.report import words

_FORMATS = {"csv": "CSV, safe for spreadsheets", "parquet": "Parquet"}
# The path at which `server.API` mounts `downloads`.
_PATH = "/api/customers"


def show() -> None:
    """Draw the page."""
    shown = chosen_run()
    content = shown.content
    if shown.algorithm is None or not content.segments:
        st.info("The tables hold no segments for this run date.")
        return
    st.write(
        "A row a customer, with segment, distances, reasons and scores, streamed from the lake's"
        " files as they are read."
    )
    names: dict[int | None, tuple[str, int]] = {None: ("All segments", content.customers)}
    names |= {s.segment_id: (s.segment_name, s.customers) for s in content.segments}
    sizes = {key: f"{name} ({words.count(customers)})" for key, (name, customers) in names.items()}
    segment_id = st.selectbox("Segment", list(sizes), format_func=sizes.__getitem__)
    form = st.radio("Format", list(_FORMATS), format_func=_FORMATS.__getitem__, horizontal=True)
    _link(shown, segment_id, form)


def _link(shown: Shown, segment_id: int | None, form: str) -> None:
    query = {"run_date": str(shown.run_date), "algorithm": shown.algorithm or ""}
    if chosen_id():
        query["lake"] = chosen_id()
    if segment_id is not None:
        query["segment_id"] = str(segment_id)
    # A button of Streamlit's would hold the whole file in memory.
    st.html(rendered("download.html.j2", address=f"{_PATH}.{form}?{urlencode(query)}"))
