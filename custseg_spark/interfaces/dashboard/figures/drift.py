"""The drift of each distribution since the previous run."""

from collections.abc import Sequence

import plotly.graph_objects as go

from custseg_spark.interfaces.dashboard.figures.base import laid_out, literal
from custseg_spark.outputs.report import words
from custseg_spark.outputs.report.bars import MOST_DRIFTS
from custseg_spark.outputs.report.palette import COLOURS
from custseg_spark.outputs.report.rows import Drift

_COLOURS = {"same": COLOURS[4], "watch": COLOURS[1], "refit": COLOURS[3]}


def drift(rows: Sequence[Drift], watch: float | None, refit: float | None) -> go.Figure:
    """Draw bars of the population stability index, the highest on top, with both thresholds."""
    shown = list(rows[:MOST_DRIFTS])[::-1]
    verdicts = sorted({d.verdict for d in shown}, key=list(_COLOURS).index)
    names = [literal(words.drifted(d.kind, d.name), 26) for d in shown]
    bars = [
        go.Bar(
            name=verdict,
            x=[d.psi for d in shown if d.verdict == verdict],
            y=[n for n, d in zip(names, shown, strict=True) if d.verdict == verdict],
            orientation="h",
            marker={"color": _COLOURS[verdict]},
            hovertemplate="%{y}: %{x:.3f}, " + verdict + "<extra></extra>",
        )
        for verdict in verdicts
    ]
    figure = laid_out(go.Figure(bars), 120 + 26 * len(shown))
    for threshold in (watch, refit):
        if threshold is not None:
            figure.add_vline(x=threshold, line_dash="dot", line_color="#88909a")
    figure.update_yaxes(categoryorder="array", categoryarray=names, showgrid=False)
    return figure.update_xaxes(title="population stability index")
