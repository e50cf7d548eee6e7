"""The segments: their sizes, what marks them, how their customers buy, where they lie."""

from collections.abc import Callable, Mapping, Sequence

import polars as pl
import streamlit as st

from custseg_spark.interfaces.dashboard.choosing import Shown, chosen_run
from custseg_spark.interfaces.dashboard.figures import (
    base,
    lifetime,
    points,
    profiles,
    scores,
    sizes,
)
from custseg_spark.interfaces.dashboard.reading.points import points_of
from custseg_spark.interfaces.dashboard.reading.scores import BOUNDS, distributions
from custseg_spark.interfaces.dashboard.texts import plain
from custseg_spark.outputs.report import changes, segments, words
from custseg_spark.outputs.report.rows import Segment

_CLV = ("clv_12m", "expected_purchases_90d", "p_alive")


def show() -> None:
    """Draws the page: one of its parts, so that nothing is read that isn't looked at."""
    shown = chosen_run()
    if not shown.content.segments:
        st.info("The tables hold no segments for this run date.")
        return
    part = st.segmented_control(
        "Part", list(_PARTS), default="Sizes", label_visibility="collapsed", key="segments part"
    )
    _PARTS[part or "Sizes"](shown)


def _sizes(shown: Shown) -> None:
    content = shown.content
    _said(segments.sizes(content).text)
    base.show(sizes.sizes(content), "sizes")
    st.dataframe(
        pl.DataFrame([_row(s) for s in content.segments], infer_schema_length=None),
        hide_index=True,
        width="stretch",
        column_config={
            "share": st.column_config.NumberColumn(format="percent"),
            "of revenue": st.column_config.NumberColumn(format="percent"),
            "customers": st.column_config.NumberColumn(format="localized"),
            "revenue": st.column_config.NumberColumn(format="localized"),
            "a customer": st.column_config.NumberColumn(format="%.2f"),
        },
    )


def _row(segment: Segment) -> Mapping[str, object]:
    revenue = None if segment.revenue is None else float(segment.revenue)
    found = segments.stability(segment)
    return {
        "segment": segment.segment_name,
        "id": segment.segment_id,
        "customers": segment.customers,
        "share": segment.customer_share,
        "revenue": None if revenue is None else round(revenue, 2),
        "of revenue": segment.revenue_share,
        "a customer": None if revenue is None else revenue / max(segment.customers, 1),
        "since": segment.born_on,
        "status": segments.STATUS.get(segment.status or "", segment.status),
        "found again": found,
        "next best name": segment.runner_up,
    }


def _profiles(shown: Shown) -> None:
    content = shown.content
    section = segments.profiles(content)
    _said(section.text)
    if not content.shown_features:
        return
    base.show(profiles.profiles(content, base.look()), "profiles")
    for grid in section.grids:
        st.caption(grid.caption)
        rows = [dict(zip(_distinct(grid.head), row, strict=True)) for row in grid.rows]
        st.dataframe(pl.DataFrame(rows), hide_index=True, width="stretch")


def _distinct(names: Sequence[str]) -> list[str]:
    """Column names, each once: two segments may have one name."""
    made: list[str] = []
    for name in names:
        made.append(name if name not in made else f"{name} ({len(made)})")
    return made


def _scores(shown: Shown) -> None:
    content = shown.content
    _said(segments.rfm(content).text)
    if shown.algorithm is None or not any(one.rfm_r for one in content.rfm):
        return
    names: dict[int | None, str] = {None: "All segments"}
    names |= {s.segment_id: s.segment_name for s in content.segments}
    chosen = st.selectbox("Segment", list(names), format_func=names.__getitem__, key="rfm segment")
    counts = distributions(shown.lake, shown.run_date, shown.algorithm)
    everybody = base.look().theme.strong
    colour = everybody if chosen is None else content.styles[chosen].colour
    for place, feature in zip(st.columns(len(BOUNDS)), BOUNDS, strict=True):
        with place:
            base.show(scores.histogram(counts, feature, chosen, colour), feature)
    st.markdown("**Scores of recency and frequency**")
    of_segment = [one for one in content.rfm if chosen in (None, one.segment_id)]
    base.show(scores.heat_map(of_segment, base.look()), "scores")


def _map(shown: Shown) -> None:
    content = shown.content
    _said(segments.plane(content).text[:1])
    if content.plane is None or shown.algorithm is None:
        return
    sampled = points_of(shown.lake, shown.run_date, shown.algorithm)
    base.show(points.points(content, sampled), "map")


def _value(shown: Shown) -> None:
    content = shown.content
    section = changes.lifetime_value(content)
    _said(section.text)
    clv = content.clv
    known = [f for f in _CLV if any(f in s.features for s in content.segments)]
    if known:
        feature = st.selectbox("Figure", known, format_func=words.feature)
        base.show(lifetime.by_segment(content, feature), "value")
    if clv is None:
        return
    left, right = st.columns(2)
    with left:
        if clv.calibration:
            base.show(lifetime.calibration(clv.calibration), "calibration")
    with right:
        if clv.deciles:
            base.show(lifetime.deciles(clv.deciles), "deciles")


def _said(paragraphs: Sequence[str]) -> None:
    for paragraph in paragraphs:
        st.write(plain(paragraph))


_PARTS: Mapping[str, Callable[[Shown], None]] = {
    "Sizes": _sizes,
    "Profiles": _profiles,
    "Recency, frequency, spend": _scores,
    "Map": _map,
    "Value": _value,
}
