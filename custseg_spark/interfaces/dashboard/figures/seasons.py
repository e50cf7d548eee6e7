"""Seasons: heat maps of months and weekdays, lines of weeks."""

import math
from collections.abc import Mapping, Sequence

import plotly.graph_objects as go

from custseg_spark.core.insights.seasons import WEEK
from custseg_spark.interfaces.dashboard.figures.base import (
    FAINT,
    Look,
    diverging_cells,
    laid_out,
    literal,
)
from custseg_spark.outputs.report import words
from custseg_spark.outputs.report.content import Content
from custseg_spark.outputs.report.rows import SeasonIndex
from custseg_spark.outputs.report.seasons import EVERYBODY, columns, period_names

INDICES: Mapping[str, str] = {
    "purchase_index": "purchases",
    "revenue_index": "revenue, before returns",
}
# Half of a usual day is as far from it as twice a usual day; values beyond look alike.
_STRONG = 1.0
_ROW, _REST = 27, 190
# Slanted names of the last columns need room on the right.
_MARGIN = {"l": 8, "r": 56, "t": 16, "b": 8}


def heat_map(content: Content, period: str, index: str, look: Look) -> go.Figure:
    """Draw the numbers of a period by segment, everybody first: one of INDICES."""
    names, shown = period_names(period), columns(content)
    seasons = {(one.segment_id, one.number): one for one in content.season(period)}
    numbers = range(len(names), 0, -1)
    rows = [[seasons.get((key, number)) for key, _ in shown] for number in numbers]
    heat = diverging_cells(
        [[_power(_index(one, index)) for one in row] for row in rows],
        [[words.ratio(_index(one, index)) for one in row] for row in rows],
        _STRONG,
        look,
        x=list(range(len(shown))),
        y=[names[number - 1] for number in numbers],
        customdata=[
            [_text(one, name) for one, (_, name) in zip(row, shown, strict=True)] for row in rows
        ],
        hovertemplate="%{customdata}: %{y}<br>index %{text}<extra></extra>",
        colorbar={"tickvals": [-_STRONG, 0, _STRONG], "ticktext": ["½", "1", "2"]},
    )
    figure = laid_out(go.Figure(heat), _REST + _ROW * len(names), margin=_MARGIN)
    figure.update_xaxes(
        side="top",
        tickangle=-60,
        # Otherwise a phone omits the last name.
        ticklabeloverflow="allow",
        showgrid=False,
        # By position, because two segments may have the same name.
        tickvals=list(range(len(shown))),
        ticktext=[literal(name, 22, 1) for _, name in shown],
    )
    return figure.update_yaxes(showgrid=False)


def _index(one: SeasonIndex | None, index: str) -> float | None:
    value: float | None = None if one is None else getattr(one, index)
    return value


def _power(value: float | None) -> float | None:
    """Return the power of two, within the range of the colours; None without an index."""
    if value is None:
        return None
    return max(-_STRONG, min(_STRONG, math.log2(value))) if value > 0 else -_STRONG


def _text(row: SeasonIndex | None, name: str) -> str:
    purchases = "no index" if row is None else f"{words.count(row.purchases)} purchases"
    return f"<b>{literal(name, 40)}</b>, {purchases}"


def weeks(content: Content, segment_id: int | None, index: str, look: Look) -> go.Figure:
    """Draw an index over the ISO weeks: a segment's line, or none, with everybody's behind it."""
    rows = content.season(WEEK)
    everybody = _line([row for row in rows if row.segment_id is None], EVERYBODY, index)
    lines = [everybody]
    if segment_id is None:
        everybody.line = {"color": look.theme.strong}
    else:
        everybody.line = {"color": FAINT.replace("0.35", "0.95"), "width": 1.5, "dash": "dot"}
        of_segment = [row for row in rows if row.segment_id == segment_id]
        name = literal(content.name(content.main, segment_id), 28)
        lines.append(_line(of_segment, name, index))
        lines[1].line = {"color": content.styles[segment_id].colour}
    figure = laid_out(go.Figure(lines), 340)
    figure.add_hline(y=1, line_color=FAINT)
    figure.update_layout(showlegend=segment_id is not None)
    figure.update_xaxes(title="ISO week", range=[0.5, 53.5], dtick=4, tick0=1)
    return figure.update_yaxes(rangemode="tozero")


def _line(rows: Sequence[SeasonIndex], name: str, index: str) -> go.Scatter:
    in_order = sorted(rows, key=lambda one: one.number)
    return go.Scatter(
        name=name,
        x=[one.number for one in in_order],
        y=[_index(one, index) for one in in_order],
        mode="lines+markers",
        marker={"size": 4},
        hovertemplate="week %{x}: %{y:.2f}<extra>" + name + "</extra>",
    )
