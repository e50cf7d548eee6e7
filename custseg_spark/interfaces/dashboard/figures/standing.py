"""A customer compared with all customers, the own segment and the second segment."""

from collections.abc import Sequence
from dataclasses import dataclass

import plotly.graph_objects as go

from custseg_spark.interfaces.dashboard.figures.base import laid_out, literal
from custseg_spark.outputs.explanations import Explanation
from custseg_spark.outputs.report import words
from custseg_spark.outputs.report.content import Content

MOST = 15
# Values beyond are drawn at the edge.
_FARTHEST = 5.0
_LEAST_APART = 1e-6
_CUSTOMER = "#88909a"


@dataclass(frozen=True)
class Standing:
    """A feature of a customer.

    The distances of customer, segment and second segment are from the mean of all, in standard
    deviations. `value` is the customer's value in words.
    """

    feature: str
    value: str
    customer: float
    segment: float
    second: float | None


def standings(explanation: Explanation, content: Content) -> list[Standing]:
    """Return the features that have a number, the reasons first."""
    rows = []
    for row in explanation.features.iter_rows(named=True):
        name = row["feature"]
        overall = mean_and_spread(content, name)
        if overall is None or row["value"] is None or row["segment_z_score"] is None:
            continue
        mean, spread = overall
        second = row["second_segment_mean"]
        rows.append(
            Standing(
                name,
                words.feature_value(name, row["value"]),
                (row["value"] - mean) / spread,
                row["segment_z_score"],
                None if second is None else (second - mean) / spread,
            )
        )
    return rows[:MOST]


def mean_and_spread(content: Content, feature: str) -> tuple[float, float] | None:
    """Return mean and standard deviation of all customers, from the two segments farthest apart.

    A segment's z-score is the distance of its mean from the mean of all, in standard deviations: so
    two segments determine both. None if all segments have the same mean.
    """
    segments = [
        (m.z_score, m.mean)
        for s in content.segments
        if (m := s.features.get(feature)) and m.z_score is not None and m.mean is not None
    ]
    if len(segments) < 2:
        return None
    (low, least), (high, most) = min(segments), max(segments)
    if high - low < _LEAST_APART or most <= least:
        return None
    spread = (most - least) / (high - low)
    return most - high * spread, spread


def standing(rows: Sequence[Standing], explanation: Explanation, content: Content) -> go.Figure:
    """Draw a line per feature, with markers for customer, segment and second segment."""
    shown = list(rows)[::-1]
    names = [literal(words.feature(row.feature), 26) for row in shown]

    traces = [
        _markers("the customer", [r.customer for r in shown], names, "circle", _CUSTOMER),
        _markers(explanation.segment_name, [r.segment for r in shown], names, "diamond",
                 _colour(content, explanation.segment_id)),
    ]  # fmt: skip
    if explanation.second_segment_name is not None:
        second = [r.second for r in shown]
        colour = _colour(content, explanation.second_segment_id)
        traces.append(
            _markers(explanation.second_segment_name, second, names, "diamond-open", colour)
        )
    figure = laid_out(go.Figure(traces), 150 + 30 * len(shown))
    figure.update_xaxes(zeroline=True)
    return figure.update_yaxes(type="category")


def _colour(content: Content, segment_id: int | None) -> str:
    style = None if segment_id is None else content.styles.get(segment_id)
    return _CUSTOMER if style is None else style.colour


def _markers(
    name: str,
    distances: Sequence[float | None],
    features: Sequence[str],
    symbol: str,
    colour: str,
) -> go.Scatter:
    return go.Scatter(
        name=literal(name, 26),
        x=[None if z is None else max(-_FARTHEST, min(_FARTHEST, z)) for z in distances],
        y=features,
        customdata=[words.signed(z) for z in distances],
        mode="markers",
        marker={"size": 11, "symbol": symbol, "color": colour, "line": {"width": 1.5}},
        hovertemplate="%{y}: z %{customdata}<extra>" + literal(name, 26) + "</extra>",
    )
