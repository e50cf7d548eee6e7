"""The running job and finished ones: stages, log, cancelling, and earlier tries."""

import streamlit as st

from custseg_spark.interfaces.dashboard.texts import plain
from custseg_spark.interfaces.dashboard.trying.desk import DONE, RUNNING, Desk, Try

# The stages of a run from a file to the report, in their order.
STAGES = (
    *("start Spark", "create tables", "inspect files", "write events", "copies across files"),
    *("publish events", "sessions", "customer lifetime value", "customer features"),
    *("sample customers", "fit models", "evaluate models", "save models", "drift", "names"),
    *("write segments", "products of segments", "seasons of segments", "publish models"),
    *("publish", "report"),
)
_LOOKS_EVERY_S = 1.0
_LINES = 40


@st.fragment(run_every=_LOOKS_EVERY_S)
def running(desk: Desk) -> None:
    """Draw the running process each second; redraw the page at its end."""
    process, of = desk.running, desk.at
    if process is None or not process.is_running:
        st.rerun()
        return
    what = f"Segmenting {plain(of.name)}" if of else "Reading the file"
    text = process.text()
    if of:
        seen = process.progressed()
        share = min(1.0, len(set(seen.done) & set(STAGES)) / len(STAGES))
        st.progress(share, text=f"{what}: {seen.current or 'starting'} ({process.seconds:.0f} s)")
    else:
        last = text.strip().splitlines()[-1:] or ["starting"]
        share = _percent(last[0])
        st.progress(share, text=f"{what} ({process.seconds:.0f} s)")
    if st.button("Cancel", key="cancel", icon=":material/cancel:"):
        with st.spinner("Ending it …"):
            process.cancel()
        st.rerun()
    with st.expander("Log", expanded=of is not None):
        st.code("\n".join(text.splitlines()[-_LINES:]) or "…", language=None)


def _percent(line: str) -> float:
    """Return the share in a line such as `read 40 %`."""
    words = line.split()
    is_told = len(words) == 3 and words[0] == "read" and words[1].isdigit()
    return min(1.0, int(words[1]) / 100) if is_told else 0.0


def outcome(of: Try, log: str) -> None:
    """Draw the outcome of a try."""
    if of.state == DONE:
        st.success(f"{plain(of.name)} is segmented.", icon=":material/check_circle:")
    elif of.state != RUNNING:
        st.error(f"{plain(of.name)}: {plain(of.message)}", icon=":material/error:")
    if log:
        with st.expander("Log"):
            st.code(log, language=None)
