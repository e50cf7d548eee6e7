"""Segments over the run dates, and a customer's way through them."""

from collections.abc import Mapping

import plotly.graph_objects as go
import polars as pl

from custseg_spark.interfaces.dashboard.figures.base import FAINT, laid_out, literal
from custseg_spark.outputs.report.palette import Style


def sizes_over_time(sizes: pl.DataFrame, styles: Mapping[int, Style]) -> go.Figure:
    """Draw a line per segment id: its customers at each run date, its name under the pointer."""
    latest = dict(sizes.sort("run_date").select("segment_id", "segment_name").iter_rows())
    lines = []
    for segment_id, name in sorted(latest.items()):
        of_segment = sizes.filter(pl.col("segment_id") == segment_id)
        lines.append(
            go.Scatter(
                name=literal(f"{segment_id}  {name}", 28),
                x=of_segment["run_date"].to_list(),
                y=of_segment["customers"].to_list(),
                customdata=[literal(one or "") for one in of_segment["segment_name"].to_list()],
                mode="lines+markers",
                line={"color": styles[segment_id].colour},
                hovertemplate="%{x|%Y-%m-%d}, %{customdata}: %{y:,} customers<extra></extra>",
            )
        )
    figure = laid_out(go.Figure(lines), 420)
    figure.update_xaxes(tickvals=sizes["run_date"].unique().sort().to_list(), tickformat="%Y-%m-%d")
    return figure.update_yaxes(title="customers", rangemode="tozero")


def way(history: pl.DataFrame, styles: Mapping[int, Style]) -> go.Figure:
    """Draw a customer's segment at each run date, from `Explanation.history`."""
    names = [literal(name, 22) for name in history["segment_name"].to_list()]
    colours = [styles[i].colour if i in styles else FAINT for i in history["segment_id"].to_list()]
    line = go.Scatter(
        x=history["run_date"].to_list(),
        y=names,
        mode="lines+markers",
        line={"color": FAINT, "shape": "hv"},
        marker={"size": 13, "color": colours},
        hovertemplate="%{x|%Y-%m-%d}: %{y}<extra></extra>",
    )
    figure = laid_out(go.Figure(line), 130 + 40 * len(set(names)))
    figure.update_xaxes(tickvals=history["run_date"].to_list(), tickformat="%Y-%m-%d")
    return figure.update_yaxes(type="category")
