"""Recency, frequency and spend: histograms and the heat map of scores."""

from collections.abc import Mapping, Sequence

import plotly.graph_objects as go
import polars as pl

from custseg_spark.interfaces.dashboard.figures.base import FAINT, Look, laid_out
from custseg_spark.interfaces.dashboard.reading.scores import BOUNDS
from custseg_spark.outputs.report import words
from custseg_spark.outputs.report.rows import RfmCount

_SCORES = range(1, 6)
# Features of whole numbers.
_WHOLE = ("recency_days", "frequency")


def heat_map(counts: Sequence[RfmCount], look: Look) -> go.Figure:
    """Draw buyers by recency score (5 on top) and frequency score."""
    sums: dict[tuple[int, int], int] = {}
    for one in counts:
        sums[one.rfm_r, one.rfm_f] = sums.get((one.rfm_r, one.rfm_f), 0) + one.customers
    rows = [[sums.get((r, f), 0) for f in _SCORES] for r in _SCORES]
    total = sum(map(sum, rows))
    texts = [[_cell(n, total) for n in row] for row in rows]
    heat = go.Heatmap(
        # By the square root, because a few cells hold most customers, but the others differ too.
        z=[[n**0.5 for n in row] for row in rows],
        x=[str(f) for f in _SCORES],
        y=[str(r) for r in _SCORES],
        text=texts,
        texttemplate="%{text}",
        textfont={"color": look.numbers},
        colorscale=look.counts,
        showscale=False,
        xgap=1,
        ygap=1,
        hovertemplate="recency %{y}, frequency %{x}<br>%{text}<extra></extra>",
    )
    figure = laid_out(go.Figure(heat), 380)
    figure.update_xaxes(title="frequency score, 5: most orders", type="category", showgrid=False)
    return figure.update_yaxes(
        title="recency score, 5: bought last", type="category", showgrid=False
    )


def _cell(customers: int, total: int) -> str:
    if not customers:
        return words.MISSING
    return f"{words.count(customers)}<br>{words.percent(customers / total)}"


def histogram(counts: pl.DataFrame, feature: str, segment_id: int | None, colour: str) -> go.Figure:
    """Draw a segment's shares of buyers by bin of a feature, with everybody's as an outline."""
    of_feature = counts.filter(pl.col("feature") == feature)
    labels = bin_labels(feature)
    chosen = (
        of_feature if segment_id is None else of_feature.filter(pl.col("segment_id") == segment_id)
    )
    name = "all buyers" if segment_id is None else "the segment"
    bars = [_bars(chosen, labels, name, colour)]
    if segment_id is not None:
        bars.append(_outline(of_feature, labels))
    figure = laid_out(go.Figure(bars), 300, barmode="overlay", bargap=0.12)
    last = max(of_feature["bin"].to_list(), default=0)
    figure.update_xaxes(type="category", showgrid=False, range=[-0.5, last + 0.5])
    return figure.update_yaxes(tickformat=".0%", rangemode="tozero")


def _shares(counts: pl.DataFrame, bins: int) -> tuple[list[float], list[int]]:
    sums: Mapping[int, int] = dict(
        counts.group_by("bin").agg(pl.col("customers").sum()).iter_rows()
    )
    customers = [sums.get(place, 0) for place in range(bins)]
    total = sum(customers) or 1
    return [n / total for n in customers], customers


def _bars(counts: pl.DataFrame, labels: Sequence[str], name: str, colour: str) -> go.Bar:
    shares, customers = _shares(counts, len(labels))
    return go.Bar(
        name=name,
        x=labels,
        y=shares,
        marker={"color": colour},
        customdata=customers,
        hovertemplate="%{x}: %{y:.1%}, %{customdata:,} customers<extra>" + name + "</extra>",
    )


def _outline(counts: pl.DataFrame, labels: Sequence[str]) -> go.Scatter:
    shares, _ = _shares(counts, len(labels))
    return go.Scatter(
        name="all buyers",
        x=labels,
        y=shares,
        mode="lines+markers",
        line={"color": FAINT.replace("0.35", "0.95"), "width": 1.5, "dash": "dot", "shape": "hvh"},
        marker={"size": 4},
        hovertemplate="%{x}: %{y:.1%}<extra>all buyers</extra>",
    )


def bin_labels(feature: str) -> list[str]:
    """Return the bins of a feature in words, the lowest first."""
    bounds = BOUNDS[feature]
    step = 1 if feature in _WHOLE else 0
    return [_bin(a, b, step) for a, b in zip([None, *bounds], [*bounds, None], strict=True)]


def _bin(above: float | None, to: float | None, step: int) -> str:
    if above is None:
        return f"≤ {to:,}"
    if to is None:
        return f"> {above:,}"
    return f"{to:,}" if above + step == to else f"{above + step:,}–{to:,}"
