"""Products that a segment buys more often than everybody: lifts with their intervals."""

from collections.abc import Sequence

import plotly.graph_objects as go

from custseg_spark.interfaces.dashboard.figures.base import laid_out, literal
from custseg_spark.outputs.report import words
from custseg_spark.outputs.report.affinity import named
from custseg_spark.outputs.report.rows import Affinity

MARKS, CHANCE = "marks the segment", "may be chance"
_ROW, _REST = 34, 110


def lifts(listed: Sequence[Affinity], colour: str) -> go.Figure:
    """Draw a row per entry of a segment's list, the first on top: the lift within its interval.

    An interval that reaches down to 1 has another colour and an empty point.
    """
    parts = ((MARKS, True, colour, "circle"), (CHANCE, False, "#88909a", "circle-open"))
    traces = [
        _intervals([(y, one) for y, one in enumerate(listed) if one.is_marking is is_marking],
                   name, shade, symbol)
        for name, is_marking, shade, symbol in parts
    ]  # fmt: skip
    figure = laid_out(go.Figure([t for t in traces if t.x]), _REST + _ROW * len(listed))
    figure.add_vline(x=1, line_dash="dot", line_color="#88909a")
    figure.update_xaxes(title="lift: 1 is as often as everybody")
    # By position, because two names may be equal once they are shortened.
    return figure.update_yaxes(
        tickvals=list(range(len(listed))),
        ticktext=[literal(named(one), 20, 1) for one in listed],
        range=[len(listed) - 0.5, -0.5],
        showgrid=False,
        zeroline=False,
    )


def _intervals(
    places: Sequence[tuple[int, Affinity]], name: str, colour: str, symbol: str
) -> go.Scatter:
    lifts = [one.lift or 0.0 for _, one in places]
    ends = [(one.lift_low, one.lift_high) for _, one in places]
    below = [lift - (low or 0.0) for lift, (low, _) in zip(lifts, ends, strict=True)]
    above = [(high or lift) - lift for lift, (_, high) in zip(lifts, ends, strict=True)]
    return go.Scatter(
        name=name,
        x=lifts,
        y=[y for y, _ in places],
        mode="markers",
        marker={"color": colour, "symbol": symbol, "size": 10, "line": {"width": 2}},
        error_x={"type": "data", "array": above, "arrayminus": below, "color": colour,
                 "symmetric": False, "thickness": 1.6, "width": 4},
        customdata=[_text(one) for _, one in places],
        hovertemplate="%{customdata}<extra></extra>",
        showlegend=True,
    )  # fmt: skip


def _text(entry: Affinity) -> str:
    ends = f"{words.ratio(entry.lift_low)} to {words.ratio(entry.lift_high)}"
    return (
        f"<b>{literal(named(entry), 40)}</b><br>lift {words.ratio(entry.lift)} ({ends})<br>"
        f"{words.count(entry.customers)} customers, {words.percent(entry.support)} of the segment's"
        " buyers"
    )
