"""Bars: each segment's share of customers and of revenue."""

import plotly.graph_objects as go

from custseg_spark.interfaces.dashboard.figures.base import laid_out, literal
from custseg_spark.outputs.report import words
from custseg_spark.outputs.report.content import Content

_ROW, _REST = 58, 90


def sizes(content: Content) -> go.Figure:
    """Draw the largest segment on top; shares of revenue are lighter."""
    segments = content.segments[::-1]
    names = [literal(s.segment_name, 18) for s in segments]
    colours = [content.styles[s.segment_id].colour for s in segments]
    parts = [
        ("of revenue", [s.revenue_share for s in segments], 0.45),
        ("of customers", [s.customer_share for s in segments], 1.0),
    ]
    bars = [
        go.Bar(
            name=name,
            x=shares,
            y=names,
            orientation="h",
            marker={"color": colours, "opacity": opacity},
            text=[words.percent(share) for share in shares],
            textposition="outside",
            cliponaxis=False,
            hovertemplate="%{y}: %{text} " + name + "<extra></extra>",
        )
        for name, shares, opacity in parts
    ]
    figure = laid_out(go.Figure(bars), _REST + _ROW * len(segments), barmode="group")
    highest = max((s or 0.0 for _, shares, _ in parts for s in shares), default=0.0)
    figure.update_xaxes(tickformat=".0%", range=[0, highest * 1.28 or 1])
    figure.update_yaxes(showgrid=False)
    return figure.update_layout(showlegend=False)
