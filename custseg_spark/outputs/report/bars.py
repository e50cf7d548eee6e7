"""Bar charts: shares of the segments, and drift of the features."""

from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator

from custseg_spark.outputs.report import words
from custseg_spark.outputs.report.canvas import TEXT, beside, legend, percent_axis, sheet, threshold
from custseg_spark.outputs.report.content import Content
from custseg_spark.outputs.report.palette import COLOURS, Theme

MOST_DRIFTS = 15
_BLUE, _ORANGE, _, _RED = COLOURS[:4]
_VERDICTS = {"same": _BLUE, "watch": _ORANGE, "refit": _RED}
_HATCH = "/////"


def distribution(content: Content, theme: Theme) -> Figure | None:
    """Draw each segment's share of customers and of revenue, the largest on top."""
    segments = content.segments
    if not segments:
        return None
    figure, (axes,) = sheet(theme, 1.0 + 0.52 * len(segments))
    for row, segment in enumerate(segments):
        colour = content.styles[segment.segment_id].colour
        outlined = {"facecolor": theme.panel, "edgecolor": colour, "hatch": _HATCH}
        _bar(axes, theme, row - 0.19, segment.customer_share, facecolor=colour)
        _bar(axes, theme, row + 0.19, segment.revenue_share, **outlined)
    _named_rows(axes, [words.wrapped(s.segment_name, 22) for s in segments])
    percent_axis(axes.xaxis)
    shares = [x or 0.0 for s in segments for x in (s.customer_share, s.revenue_share)]
    lowest, highest = min([0.0, *shares]), max([0.01, *shares])
    # Room for the numbers at the bars' ends.
    room = (0.33 if lowest < 0 else 0.25) * (highest - lowest)
    axes.set_xlim(lowest - room * (lowest < 0), highest + room)
    filled = Patch(color=theme.ink, label="share of customers")
    hatched = Patch(
        facecolor=theme.panel, edgecolor=theme.ink, hatch=_HATCH, label="share of revenue"
    )
    legend(figure, theme, [filled, hatched], loc="outside upper center", ncols=2)
    return figure


def drift(content: Content, theme: Theme) -> Figure | None:
    """Draw the largest changes since the previous run, and the thresholds."""
    shown = content.drift[:MOST_DRIFTS]
    if not shown:
        return None
    figure, (axes,) = sheet(theme, 1.2 + 0.3 * len(shown))
    limits = [content.run.setting("drift", key) for key in ("watch", "refit")]
    for row, change in enumerate(shown):
        axes.barh(row, change.psi, 0.62, color=_VERDICTS.get(change.verdict, theme.faint))
        beside(axes, theme, change.psi, row, words.index(change.psi))
    for limit in limits:
        threshold(axes.axvline, theme, limit)
    _named_rows(axes, [words.wrapped(words.drifted(d.kind, d.name), 30, 1) for d in shown])
    axes.set_xlim(0, 1.2 * max([d.psi for d in shown] + [x for x in limits if x]))
    axes.xaxis.set_major_locator(MaxNLocator(5))
    axes.set_xlabel("population stability index")
    handles = [Patch(color=colour, label=name) for name, colour in _VERDICTS.items()]
    legend(figure, theme, handles, loc="outside upper center", ncols=3)
    return figure


def _bar(axes: Axes, theme: Theme, y: float, share: float | None, **style: Any) -> None:
    axes.barh(y, share or 0.0, 0.34, **style)
    beside(axes, theme, share or 0.0, y, words.percent(share))


def _named_rows(axes: Axes, names: Sequence[str]) -> None:
    """Lay out rows from the top, with their names on the left."""
    axes.set_yticks(range(len(names)), names, fontsize=TEXT)
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.spines["bottom"].set_visible(False)
    axes.grid(axis="x", color=axes.spines["left"].get_edgecolor(), linewidth=0.6)
