"""The segments: their sizes, profiles, customers' purchases, and the map."""

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
from custseg_spark.interfaces.dashboard.grids import chosen_part, show_rows, show_texts
from custseg_spark.interfaces.dashboard.reading.points import points_of
from custseg_spark.interfaces.dashboard.reading.scores import BOUNDS, distributions
from custseg_spark.interfaces.dashboard.reading.value import values_of
from custseg_spark.interfaces.dashboard.texts import plain
from custseg_spark.outputs.report import changes, segments, words
from custseg_spark.outputs.report.rows import Segment


def show() -> None:
    """Draw the page: one of its parts, so that only visible parts are read."""
    shown = chosen_run()
    if not shown.content.segments:
        st.info("The tables hold no segments for this run date.")
        return
    _PARTS[chosen_part(_PARTS, "segments part")](shown)


def _sizes(shown: Shown) -> None:
    content = shown.content
    _paragraphs(segments.sizes(content).text)
    base.show(sizes.sizes(content), "sizes")
    st.caption("Upper bars: shares of customers; lower, pale ones: of revenue.")
    rows = pl.DataFrame([_row(s) for s in content.segments], infer_schema_length=None)
    show_rows(rows, shares=("share", "of revenue"))


def _row(segment: Segment) -> Mapping[str, object]:
    revenue = None if segment.revenue is None else float(segment.revenue)
    return {
        "segment": segment.segment_name,
        "id": segment.segment_id,
        "customers": segment.customers,
        "share": segment.customer_share,
        "revenue": revenue,
        "of revenue": segment.revenue_share,
        "a customer": None if revenue is None else revenue / max(segment.customers, 1),
        "since": segment.born_on,
        "status": segments.STATUS.get(segment.status or "", segment.status),
        "found again": segments.stability(segment),
        "next best name": segment.runner_up,
    }


def _profiles(shown: Shown) -> None:
    content = shown.content
    section = segments.profiles(content)
    _paragraphs(section.text)
    if not content.shown_features:
        return
    base.show(profiles.profiles(content, base.look()), "profiles")
    for grid in section.grids:
        st.caption(grid.caption)
        show_texts(grid.head, grid.rows)


def _scores(shown: Shown) -> None:
    content = shown.content
    _paragraphs(segments.rfm(content).text)
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
            base.titled(words.feature(feature))
            base.show(scores.histogram(counts, feature, chosen, colour), feature)
    base.titled("scores of recency and frequency")
    of_segment = [one for one in content.rfm if chosen in (None, one.segment_id)]
    base.show(scores.heat_map(of_segment, base.look()), "scores")


def _map(shown: Shown) -> None:
    content = shown.content
    # Ids are under the pointer, not beside the points.
    _paragraphs(
        [t.removesuffix(" The numbers are segment ids.") for t in segments.plane(content).text]
    )
    if content.plane is None or shown.algorithm is None:
        return
    sampled = points_of(shown.lake, shown.run_date, shown.algorithm)
    base.show(points.points(content, sampled), "map")


def _value(shown: Shown) -> None:
    content = shown.content
    _paragraphs(changes.lifetime_value(content).text)
    clv = content.clv
    if clv is None or shown.algorithm is None:
        return
    values = values_of(shown.lake, shown.run_date, shown.algorithm)
    if len(values):
        figure = st.selectbox(
            "Figure", list(lifetime.FIGURES), format_func=lifetime.FIGURES.__getitem__
        )
        base.show(lifetime.by_segment(content, values, figure), "value")
    left, right = st.columns(2)
    if clv.calibration:
        with left:
            base.titled("purchases in the hold-out period")
            base.show(lifetime.calibration(clv.calibration), "calibration")
    if clv.deciles:
        with right:
            base.titled("shares of each tenth of buyers")
            base.show(lifetime.deciles(clv.deciles), "deciles")


def _paragraphs(paragraphs: Sequence[str]) -> None:
    for paragraph in paragraphs:
        st.write(plain(paragraph))


_PARTS: Mapping[str, Callable[[Shown], None]] = {
    "Sizes": _sizes,
    "Profiles": _profiles,
    "Recency, frequency, spend": _scores,
    "Map": _map,
    "Value": _value,
}
