"""What segments buy more often than everybody, together with what, and when."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial

import streamlit as st

from custseg_spark.core.insights.purchases import BRAND, CATEGORY, PRODUCT
from custseg_spark.core.insights.seasons import MONTH, WEEK, WEEKDAY
from custseg_spark.interfaces.dashboard.choosing import Shown, chosen_run
from custseg_spark.interfaces.dashboard.figures import affinity, base, seasons
from custseg_spark.interfaces.dashboard.grids import chosen_part, show_rows
from custseg_spark.interfaces.dashboard.reading.purchases import (
    listed_rows,
    partner_rows,
    season_rows,
)
from custseg_spark.interfaces.dashboard.texts import plain
from custseg_spark.outputs.report import affinity as lists
from custseg_spark.outputs.report import seasons as indices
from custseg_spark.outputs.report import words
from custseg_spark.outputs.report.content import Content
from custseg_spark.outputs.report.rows import Affinity

_PERIODS = {MONTH: "month", WEEK: "ISO week", WEEKDAY: "weekday"}
_PLURALS = {PRODUCT: "products", CATEGORY: "categories", BRAND: "brands"}


def show() -> None:
    """Draw the page: one of its parts."""
    shown = chosen_run()
    if not shown.content.segments:
        st.info("The tables hold no segments for this run date.")
        return
    _PARTS[chosen_part(_PARTS, "purchases part")](shown)


def _listed(shown: Shown, kind: str) -> None:
    content = shown.content
    if not any(one.algorithm == content.main for one in content.affinities):
        st.info(plain(lists.nothing(content)))
        return
    st.write(plain(lists.measured(content)))
    segment_id = _chosen_segment(content, kind)
    listed = content.listed(segment_id, kind)
    if not listed:
        st.info(plain(_none_listed(content, kind)))
        return
    st.caption(plain(_counted(listed)))
    base.show(affinity.lifts(listed, content.styles[segment_id].colour), f"lifts {kind}")
    show_rows(listed_rows(listed, kind), shares=("share", "share of all"))
    if kind == PRODUCT:
        _together(listed)


def _chosen_segment(content: Content, kind: str) -> int:
    """Return the chosen segment; at first the largest one with a list."""
    names = {s.segment_id: s.segment_name for s in content.segments}
    ids = list(names)
    first = next((i for i, one in enumerate(ids) if content.listed(one, kind)), 0)
    chosen: int = st.selectbox(
        "Segment", ids, index=first, format_func=names.__getitem__, key=f"{kind} segment"
    )
    return chosen


def _none_listed(content: Content, kind: str) -> str:
    least = content.run.setting("affinity", "min_customers")
    enough = "enough" if least is None else f"{least} or more"
    return (
        f"None of the {_PLURALS[kind]} was bought by {enough} customers of the segment, and more"
        " often than by everybody."
    )


def _counted(listed: Sequence[Affinity]) -> str:
    first = listed[0]
    buyers, everybody = words.count(first.segment_buyers), words.count(first.all_buyers)
    return (
        f"The segment has {buyers} of all {everybody} buyers. In the order of the interval's lower"
        " end; where it reaches down to 1, the difference may be chance."
    )


def _together(listed: Sequence[Affinity]) -> None:
    base.titled("bought together")
    rows = partner_rows(listed)
    if not len(rows):
        st.write("No other product goes with one of these often enough to be listed.")
        return
    st.caption(
        "What the segment's customers who have the one have, too: their share of the product's"
        " owners, and its lift against the segment's buyers."
    )
    show_rows(rows, shares=("share",))


def _seasons(shown: Shown) -> None:
    content = shown.content
    there = [period for period in _PERIODS if content.season(period)]
    if not there:
        st.info(plain(indices.nothing(content)))
        return
    st.write("A period's purchases, or revenue, a day over those of a usual day: 1 is usual.")
    if MONTH in there:
        st.write(plain(indices.span(content)))
    else:
        st.info(plain(indices.span(content)))
    left, right = st.columns(2)
    period = left.selectbox("By", there, format_func=_PERIODS.__getitem__, key="season period")
    index = right.selectbox(
        "Index of", list(seasons.INDICES), format_func=seasons.INDICES.__getitem__
    )
    _drawn(content, period, index)
    with st.expander("The figures"):
        show_rows(season_rows(content, period))


def _drawn(content: Content, period: str, index: str) -> None:
    if period != WEEK:
        base.show(seasons.heat_map(content, period, index, base.look()), f"season {period}")
        return
    names = dict(indices.columns(content))
    chosen = st.selectbox("Segment", list(names), format_func=names.__getitem__, key="week segment")
    base.show(seasons.weeks(content, chosen, index, base.look()), "season week")


_PARTS: Mapping[str, Callable[[Shown], None]] = {
    "Products": partial(_listed, kind=PRODUCT),
    "Categories": partial(_listed, kind=CATEGORY),
    "Brands": partial(_listed, kind=BRAND),
    "Seasons": _seasons,
}
