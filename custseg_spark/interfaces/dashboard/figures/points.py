"""The map: sampled customers on the first two principal components."""

import plotly.graph_objects as go
import polars as pl

from custseg_spark.interfaces.dashboard.figures.base import laid_out, literal
from custseg_spark.outputs.report import words
from custseg_spark.outputs.report.content import Content

# Plotly's names of the report's markers.
_SYMBOLS = {
    "o": "circle",
    "s": "square",
    "D": "diamond",
    "^": "triangle-up",
    "v": "triangle-down",
    "P": "cross",
    "*": "star",
    "X": "x",
    "<": "triangle-left",
    ">": "triangle-right",
    "p": "pentagon",
    "h": "hexagon",
}


def points(content: Content, sampled: pl.DataFrame) -> go.Figure:
    """Draw a marker per customer, with id and segment under the pointer."""
    traces = []
    for segment in sorted(content.segments, key=lambda s: s.segment_id):
        of_segment = sampled.filter(pl.col("segment_id") == segment.segment_id)
        style = content.styles[segment.segment_id]
        name = literal(segment.segment_name, 24)
        traces.append(
            go.Scatter(
                name=name,
                x=of_segment["x"].to_list(),
                y=of_segment["y"].to_list(),
                customdata=[literal(one) for one in of_segment["customer_id"].to_list()],
                mode="markers",
                marker={
                    "size": 5,
                    "opacity": 0.6,
                    "color": style.colour,
                    "symbol": _SYMBOLS[style.marker],
                },
                hovertemplate="customer %{customdata}<extra>" + name + "</extra>",
            )
        )
    figure = laid_out(go.Figure(traces), 560)
    plane = content.plane
    for axis, number, share in (
        (figure.update_xaxes, 1, plane.x_variance if plane else None),
        (figure.update_yaxes, 2, plane.y_variance if plane else None),
    ):
        of = "" if share is None else f", {words.percent(share)} of variance"
        axis(title=f"component {number}{of}", zeroline=False)
    return figure.update_layout(dragmode="pan")
