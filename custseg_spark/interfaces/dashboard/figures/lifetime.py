"""Customer lifetime value: its hold-out test, and what to expect of each segment."""

from collections.abc import Sequence

import plotly.graph_objects as go

from custseg_spark.interfaces.dashboard.figures.base import laid_out, literal
from custseg_spark.outputs.report import words
from custseg_spark.outputs.report.content import Content
from custseg_spark.outputs.report.palette import COLOURS
from custseg_spark.outputs.report.rows import Calibration, Decile

_ACTUAL, _EXPECTED = COLOURS[0], COLOURS[1]


def by_segment(content: Content, feature: str) -> go.Figure:
    """Bars of a feature's mean in each segment that has one."""
    rows = [
        (s, s.features[feature].mean)
        for s in content.segments[::-1]
        if feature in s.features and s.features[feature].mean is not None
    ]
    means = [mean for _, mean in rows]
    bars = go.Bar(
        x=means,
        y=[literal(s.segment_name, 18) for s, _ in rows],
        orientation="h",
        marker={"color": [content.styles[s.segment_id].colour for s, _ in rows]},
        text=[words.feature_value(feature, mean) for mean in means],
        textposition="outside",
        cliponaxis=False,
        hovertemplate="%{y}: %{text}<extra></extra>",
    )
    title = {"text": f"{words.feature(feature)}, mean of its buyers", "font": {"size": 14}}
    figure = laid_out(go.Figure(bars), 110 + 44 * len(rows), title=title)
    return figure.update_xaxes(range=[0, max([m or 0 for m in means], default=1) * 1.2])


def calibration(rows: Sequence[Calibration]) -> go.Figure:
    """Mean purchases of the hold-out period by earlier purchases: actual and expected."""
    labels = [str(row.purchases) for row in rows]
    parts = (
        ("actual", _ACTUAL, [row.actual for row in rows]),
        ("expected", _EXPECTED, [row.expected for row in rows]),
    )
    lines = [
        go.Scatter(name=name, x=labels, y=means, mode="lines+markers", line={"color": colour})
        for name, colour, means in parts
    ]
    title = {"text": "purchases in the hold-out period", "font": {"size": 14}}
    figure = laid_out(go.Figure(lines), 330, title=title)
    figure.update_xaxes(title="earlier repeat purchases", type="category")
    return figure.update_yaxes(rangemode="tozero")


def deciles(rows: Sequence[Decile]) -> go.Figure:
    """Tenths of the buyers by predicted value: their share of value expected and of revenue."""
    labels = [str(row.decile) for row in rows]
    parts = (
        ("of revenue in the hold-out period", _ACTUAL, [row.revenue_share for row in rows]),
        ("of the value expected", _EXPECTED, [row.clv_share for row in rows]),
    )
    bars = [
        go.Bar(name=name, x=labels, y=shares, marker={"color": colour})
        for name, colour, shares in parts
    ]
    title = {"text": "shares of each tenth of buyers", "font": {"size": 14}}
    figure = laid_out(go.Figure(bars), 330, title=title)
    figure.update_xaxes(title="tenth of buyers by predicted value", type="category")
    return figure.update_yaxes(tickformat=".0%")
