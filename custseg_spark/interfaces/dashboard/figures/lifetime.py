"""Customer lifetime value: its hold-out test, and the expectation for each segment."""

from collections.abc import Mapping, Sequence

import plotly.graph_objects as go
import polars as pl

from custseg_spark.interfaces.dashboard.figures.base import laid_out, literal
from custseg_spark.interfaces.dashboard.reading.value import VALUES
from custseg_spark.outputs.report import words
from custseg_spark.outputs.report.content import Content
from custseg_spark.outputs.report.palette import COLOURS
from custseg_spark.outputs.report.rows import Calibration, Decile

_ACTUAL, _EXPECTED = COLOURS[0], COLOURS[1]


FIGURES: Mapping[str, str] = {
    "total": "value expected in 12 months, of all buyers of the segment",
    **{name: f"{words.feature(name)}, mean of the segment's buyers" for name in VALUES},
}


def by_segment(content: Content, values: pl.DataFrame, figure: str) -> go.Figure:
    """Draw bars of one of FIGURES for each segment with buyers, from `values_of`."""
    rows = {row["segment_id"]: row for row in values.iter_rows(named=True)}
    shown = [s for s in content.segments[::-1] if s.segment_id in rows]
    numbers = [_number(rows[s.segment_id], figure) for s in shown]
    name = "clv_12m" if figure == "total" else figure
    bars = go.Bar(
        x=numbers,
        y=[literal(s.segment_name, 18) for s in shown],
        orientation="h",
        marker={"color": [content.styles[s.segment_id].colour for s in shown]},
        text=[words.feature_value(name, number) for number in numbers],
        textposition="outside",
        cliponaxis=False,
        customdata=[words.count(rows[s.segment_id]["buyers"]) for s in shown],
        hovertemplate="%{y}: %{text}, %{customdata} buyers<extra></extra>",
    )
    drawn = laid_out(go.Figure(bars), 90 + 44 * len(shown))
    drawn.update_yaxes(showgrid=False)
    return drawn.update_xaxes(range=[min(0, *numbers), max(0, *numbers) * 1.28 or 1])


def _number(row: Mapping[str, float], figure: str) -> float:
    return row["clv_12m"] if figure == "total" else row[figure] / row["buyers"]


def calibration(rows: Sequence[Calibration]) -> go.Figure:
    """Draw mean purchases of the hold-out period by earlier purchases: actual and expected."""
    labels = [str(row.purchases) for row in rows]
    parts = (
        ("actual", _ACTUAL, [row.actual for row in rows]),
        ("expected", _EXPECTED, [row.expected for row in rows]),
    )
    lines = [
        go.Scatter(name=name, x=labels, y=means, mode="lines+markers", line={"color": colour})
        for name, colour, means in parts
    ]
    figure = laid_out(go.Figure(lines), 330)
    figure.update_xaxes(title="earlier repeat purchases", type="category")
    return figure.update_yaxes(rangemode="tozero")


def deciles(rows: Sequence[Decile]) -> go.Figure:
    """Draw tenths of the buyers by predicted value: their shares of expected value and revenue."""
    labels = [str(row.decile) for row in rows]
    parts = (
        ("of revenue in the hold-out period", _ACTUAL, [row.revenue_share for row in rows]),
        ("of the value expected", _EXPECTED, [row.clv_share for row in rows]),
    )
    bars = [
        go.Bar(name=name, x=labels, y=shares, marker={"color": colour})
        for name, colour, shares in parts
    ]
    figure = laid_out(go.Figure(bars), 330)
    figure.update_xaxes(title="tenth of buyers by predicted value", type="category")
    return figure.update_yaxes(tickformat=".0%")
