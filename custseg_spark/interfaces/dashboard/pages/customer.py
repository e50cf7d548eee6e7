"""One customer: the segment, why, and the way through the segments."""

from collections.abc import Sequence

import polars as pl
import streamlit as st

from custseg_spark.interfaces.dashboard.choosing import Shown, chosen_run
from custseg_spark.interfaces.dashboard.figures import base, history, standing
from custseg_spark.interfaces.dashboard.grids import show_rows
from custseg_spark.interfaces.dashboard.reading.customers import (
    LONGEST_ID,
    explained,
    near_ids,
    some_ids,
)
from custseg_spark.interfaces.dashboard.texts import plain
from custseg_spark.outputs.explanations import Explanation
from custseg_spark.outputs.report import words

_KEY = "customer id"


def show() -> None:
    """Draws the page."""
    shown = chosen_run()
    if shown.algorithm is None:
        st.info("The tables hold no segments for this run date.")
        return
    typed = st.text_input("Customer id", key=_KEY, max_chars=LONGEST_ID).strip()
    if not typed:
        examples = some_ids(shown.lake, shown.run_date)
        if examples:
            st.write("Type an id, or look at one of these:")
            _offer(examples)
        return
    found = explained(shown.lake, shown.run_date, shown.algorithm, typed)
    if found is None:
        _missing(shown, typed)
        return
    _segment(shown, found)
    _features(shown, found)
    _way(shown, found)


def _missing(shown: Shown, typed: str) -> None:
    message = f"The run of {shown.run_date} has no customer “{typed}”."
    st.warning(plain(message), icon=":material/person_off:")
    near = near_ids(shown.lake, shown.run_date, typed)
    st.write("Ids that are one slip away:" if near else "Ids look like these:")
    _offer(near or some_ids(shown.lake, shown.run_date))


def _offer(ids: Sequence[str]) -> None:
    with st.container(horizontal=True):
        for place, one in enumerate(ids):
            st.button(plain(one), key=f"offered {place}", on_click=_choose, args=(one,))


def _choose(customer_id: str) -> None:
    st.session_state[_KEY] = customer_id


def _segment(shown: Shown, found: Explanation) -> None:
    st.subheader(plain(found.segment_name))
    lines = [f"Customer {found.customer_id} on {found.run_date}, segment {found.segment_id}."]
    if found.distance is None:
        lines.append("Too few events, and no order, to be put into a segment by the model.")
    elif found.second_segment_name is not None and found.margin is not None:
        lines.append(
            f"{found.distance:.2f} from its centre; that of {found.second_segment_name} is"
            f" {found.margin:.2f} farther away."
        )
    if found.rfm_group:
        lines.append(f"RFM group: {found.rfm_group}.")
    st.write(plain(" ".join(lines)))


def _features(shown: Shown, found: Explanation) -> None:
    st.subheader("Why")
    reasons = [words.feature(name) for name in found.reasons]
    if reasons:
        st.write(plain(f"What speaks most for this segment: {words.joined(reasons)}."))
    rows = standing.standings(found, shown.content)
    if rows:
        st.caption("How far from the mean of all customers, in standard deviations.")
        base.show(standing.standing(rows, found, shown.content), "standing")
    second = found.second_segment_name or "second segment"
    show_rows(pl.DataFrame([_row(r, second) for r in found.features.iter_rows(named=True)]))


def _row(row: dict[str, object], second: str) -> dict[str, object]:
    name = str(row["feature"])

    def value(key: str) -> str:
        return words.feature_value(name, row[key])  # type: ignore[arg-type]

    return {
        "feature": words.feature(name),
        "the customer": value("value"),
        "median of the segment": value("segment_median"),
        "mean of the segment": value("segment_mean"),
        f"mean of {second}": value("second_segment_mean"),
        "a reason": bool(row["is_reason"]),
    }


def _way(shown: Shown, found: Explanation) -> None:
    st.subheader("Way through the segments")
    if len(found.history) < 2:
        st.write("This is the first run that knows the customer.")
        return
    base.show(history.way(found.history, shown.content.styles), "way")
