"""The heat map of profiles: how far each segment's mean is from everybody's."""

import plotly.graph_objects as go

from custseg_spark.interfaces.dashboard.figures.base import (
    Look,
    diverging_cells,
    laid_out,
    literal,
)
from custseg_spark.outputs.report import words
from custseg_spark.outputs.report.content import Content
from custseg_spark.outputs.report.rows import Segment

# Values beyond it look alike.
_STRONG = 2.5
_ROW, _REST = 27, 150


def profiles(content: Content, look: Look) -> go.Figure:
    """Draw features by segments, in standard deviations from the mean of all customers."""
    segments, features = content.segments, content.shown_features[::-1]
    rows = [[s.z_score(feature) for s in segments] for feature in features]
    heat = diverging_cells(
        rows,
        [[words.signed(z) for z in row] for row in rows],
        _STRONG,
        look,
        x=[literal(s.segment_name, 22, 1) for s in segments],
        y=[literal(words.feature(feature), 26) for feature in features],
        customdata=[[_text(s, feature) for s in segments] for feature in features],
        hovertemplate="<b>%{x}</b><br>%{y}: %{customdata}<br>z %{text}<extra></extra>",
    )
    figure = laid_out(go.Figure(heat), _REST + _ROW * len(features))
    figure.update_xaxes(side="top", tickangle=-40, showgrid=False)
    return figure.update_yaxes(showgrid=False)


def _text(segment: Segment, feature: str) -> str:
    measure = segment.features.get(feature)
    if measure is None:
        return words.MISSING
    mean, median = (words.feature_value(feature, v) for v in (measure.mean, measure.median))
    return f"mean {mean}, median {median}"
