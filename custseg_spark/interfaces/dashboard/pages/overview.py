"""The run at a glance: its warnings, its ledger, its segments, and the choice of k."""

import polars as pl
import streamlit as st

from custseg_spark.interfaces.dashboard.choosing import Shown, chosen_run
from custseg_spark.interfaces.dashboard.figures import base, choice
from custseg_spark.interfaces.dashboard.grids import show_rows
from custseg_spark.interfaces.dashboard.texts import plain, rendered
from custseg_spark.outputs.report import choice as reasons
from custseg_spark.outputs.report import words
from custseg_spark.outputs.report.content import Content

# The configured minimum of an index.
_LEAST = {
    "stability": ("model", "stability", "minimum"),
    "smallest_share": ("model", "selection", "min_cluster_share"),
}


def show() -> None:
    """Draw the page."""
    shown = chosen_run()
    content = shown.content
    _since(content)
    for warning in content.run.warnings:
        st.warning(plain(warning), icon=":material/warning:")
    look = base.look()
    st.html(
        rendered(
            "first_screen.html.j2",
            content=content,
            reason=reasons.reason(content, content.main),
            theme=look.theme,
            is_dark=look.is_dark,
        )
    )
    _number_of_segments(content)
    _provenance(shown)


def _since(content: Content) -> None:
    run = content.run
    before = f"compared with the run of {run.previous_run_date}" if run.previous_run_date else ""
    parts = [f"By what customers did before {run.run_date} (UTC)", before, f"run {run.run_id}"]
    st.caption(plain(", ".join(filter(None, parts)) + "."))


def _number_of_segments(content: Content) -> None:
    section = reasons.selection(content)
    st.subheader(section.title)
    for paragraph in section.text:
        st.write(plain(paragraph))
    if not content.tried:
        return
    index = st.selectbox("Index", list(choice.INDICES), format_func=choice.INDICES.__getitem__)
    least = content.run.setting(*_LEAST[index]) if index in _LEAST else None
    base.show(choice.choice(content.tried, index, least), "choice")
    with st.expander("Every number of segments that was tried"):
        show_rows(_candidates(content), shares=("smallest share",), decimals=3)


def _candidates(content: Content) -> pl.DataFrame:
    rows = [
        {
            "algorithm": words.algorithm(c.algorithm),
            "k": c.k,
            "chosen": bool(c.chosen),
            "silhouette, informed": c.informed_silhouette,
            "silhouette, all": c.silhouette,
            "Davies–Bouldin": c.davies_bouldin,
            "Calinski–Harabasz": c.calinski_harabasz,
            "cost within": c.within_cluster_cost,
            "smallest share": c.smallest_share,
            "stability": c.stability,
            "why, or why not": c.why,
        }
        for c in content.tried
    ]
    return pl.DataFrame(rows, infer_schema_length=None)


def _provenance(shown: Shown) -> None:
    run = shown.content.run
    with st.expander("How the run was made"):
        st.write(
            plain(
                f"Finished {run.finished} UTC; seed {run.seed}; configuration {run.config_hash};"
                f" models fitted on {run.fitted_on}."
            )
        )
        rows = [{"rows of": name, "count": n} for name, n in run.row_counts.items()]
        left, right = st.columns(2)
        left.dataframe(rows, hide_index=True, width="stretch")
        seconds = [{"stage": name, "seconds": round(s, 1)} for name, s in run.stage_seconds.items()]
        right.dataframe(seconds, hide_index=True, width="stretch")
