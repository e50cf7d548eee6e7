"""One customer: the segment, its reasons, and the way through the segments."""

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
    """Draw the page."""
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
    explanation = explained(shown.lake, shown.run_date, shown.algorithm, typed)
    if explanation is None:
        _missing(shown, typed)
        return
    _segment(shown, explanation)
    _features(shown, explanation)
    _way(shown, explanation)


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


def _segment(shown: Shown, customer: Explanation) -> None:
    st.subheader(plain(customer.segment_name))
    lines = [
        f"Customer {customer.customer_id} on {customer.run_date}, segment {customer.segment_id}."
    ]
    if customer.distance is None:
        lines.append("Too few events, and no order, to be put into a segment by the model.")
    elif customer.second_segment_name is not None and customer.margin is not None:
        lines.append(
            f"{customer.distance:.2f} from its centre; that of {customer.second_segment_name} is"
            f" {customer.margin:.2f} farther away."
        )
    if customer.rfm_group:
        lines.append(f"RFM group: {customer.rfm_group}.")
    st.write(plain(" ".join(lines)))


def _features(shown: Shown, explanation: Explanation) -> None:
    st.subheader("Why")
    reasons = [words.feature(name) for name in explanation.reasons]
    if reasons:
        st.write(plain(f"What speaks most for this segment: {words.joined(reasons)}."))
    rows = standing.standings(explanation, shown.content)
    if rows:
        st.caption("How far from the mean of all customers, in standard deviations.")
        base.show(standing.standing(rows, explanation, shown.content), "standing")
    second = explanation.second_segment_name or "second segment"
    show_rows(pl.DataFrame([_row(r, second) for r in explanation.features.iter_rows(named=True)]))


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


def _way(shown: Shown, explanation: Explanation) -> None:
    st.subheader("Way through the segments")
    if len(explanation.history) < 2:
        st.write("This is the first run that knows the customer.")
        return
    base.show(history.way(explanation.history, shown.content.styles), "way")
