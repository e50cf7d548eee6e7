"""Curves: the quality of each k, and the hold-out test of the lifetime value."""

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, MaxNLocator

from custseg_spark.core.clv.holdout import MOST_PURCHASES
from custseg_spark.outputs.report import words
from custseg_spark.outputs.report.canvas import (
    SMALL,
    gap_for_none,
    label,
    legend,
    percent_axis,
    sheet,
    threshold,
)
from custseg_spark.outputs.report.content import Content
from custseg_spark.outputs.report.palette import COLOURS, Theme
from custseg_spark.outputs.report.rows import Candidate, Clv

_BLUE, _ORANGE, _GREEN, _RED = COLOURS[:4]
_PANELS = {
    "informed_silhouette": "silhouette, informed (↑ better)",
    "silhouette": "silhouette, all (↑ better)",
    "davies_bouldin": "Davies–Bouldin (↓ better)",
    "within_cluster_cost": "cost within clusters (elbow)",
    "stability": "stability (↑ better)",
    "smallest_share": "share of the smallest",
}
# The configured minimum of an index, drawn as a line.
_LEAST = {
    "stability": ("model", "stability", "minimum"),
    "smallest_share": ("model", "selection", "min_cluster_share"),
}
_LINES: Sequence[Mapping[str, Any]] = (
    {"linestyle": "-", "marker": "o", "color": _BLUE},
    {"linestyle": "--", "marker": "s", "color": _ORANGE},
    {"linestyle": ":", "marker": "^", "color": _GREEN},
    {"linestyle": "-.", "marker": "D", "color": _RED},
)


def selection(content: Content, theme: Theme) -> Figure | None:
    """Draw six indices over k, a line per algorithm, with the chosen k ringed."""
    tried = content.tried
    if not tried:
        return None
    looks = dict(zip(dict.fromkeys(c.algorithm for c in tried), _LINES, strict=False))
    figure, panels = sheet(theme, 6.8, rows=3, columns=2)
    for axes, (index, title) in zip(panels, _PANELS.items(), strict=True):
        for algorithm, look in looks.items():
            _curve(axes, theme, [c for c in tried if c.algorithm == algorithm], index, look)
        axes.set_title(title, fontsize=SMALL)
        axes.set_xlim(min(c.k for c in tried) - 0.5, max(c.k for c in tried) + 0.5)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
        least = content.run.setting(*_LEAST[index]) if index in _LEAST else None
        _scale(axes, theme, least, percent=index == "smallest_share")
    for axes in panels[-2:]:
        axes.set_xlabel("number of segments, k")
    handles = [Line2D([], [], label=words.algorithm(a), **look) for a, look in looks.items()]
    handles.append(Line2D([], [], label="chosen", **_ring(theme)))
    handles.append(Line2D([], [], linestyle=(0, (1, 2)), color=theme.ink, label="least allowed"))
    legend(figure, theme, handles, loc="outside upper center", ncols=2)
    return figure


def _scale(axes: Axes, theme: Theme, least: float | None, *, percent: bool) -> None:
    """Scale an index's axis and its least allowed value; an axis without values says so."""
    if not axes.lines:
        label(axes, theme, 0.5, 0.5, "not measured", transform=axes.transAxes)
        axes.set_yticks([])
        return
    threshold(axes.axhline, theme, least)
    axes.grid(color=theme.faint, linewidth=0.6)
    # Margins, so that no ring is cut off.
    axes.margins(y=0.15)
    if percent:
        percent_axis(axes.yaxis)
    else:
        axes.yaxis.set_major_locator(MaxNLocator(4))
        axes.yaxis.set_major_formatter(FuncFormatter(_tick))


def lifetime_value(content: Content, theme: Theme) -> Figure | None:
    """Draw purchases after the calibration and revenue by predicted decile, actual and expected."""
    clv = content.clv
    if clv is None or not (clv.calibration or clv.deciles):
        return None
    figure, (above, below) = sheet(theme, 5.8, rows=2)
    _calibration(above, clv)
    _deciles(below, clv)
    for axes in (above, below):
        axes.grid(axis="y", color=theme.faint, linewidth=0.6)
        look: dict[str, Any] = {
            "facecolor": theme.panel,
            "edgecolor": theme.panel,
            "framealpha": 1.0,
        }
        axes.legend(fontsize=SMALL, labelcolor=theme.ink, **look)
    return figure


def _calibration(axes: Axes, clv: Clv) -> None:
    purchases = [c.purchases for c in clv.calibration]
    actual = [gap_for_none(c.actual) for c in clv.calibration]
    axes.plot(purchases, actual, "o-", color=_BLUE, label="actual")
    expected = [gap_for_none(c.expected) for c in clv.calibration]
    axes.plot(purchases, expected, "s--", color=_ORANGE, label="expected")
    names = [f"{p}+" if p == MOST_PURCHASES else str(p) for p in purchases]
    axes.set_xticks(purchases, names)
    axes.set_xlabel("repeat purchases before the test")
    axes.set_ylabel("mean purchases in it")


def _deciles(axes: Axes, clv: Clv) -> None:
    deciles = [d.decile for d in clv.deciles]
    actual = [d.revenue_share or 0.0 for d in clv.deciles]
    expected = [d.clv_share or 0.0 for d in clv.deciles]
    axes.bar([d - 0.2 for d in deciles], actual, 0.38, color=_BLUE, label="actual")
    axes.bar([d + 0.2 for d in deciles], expected, 0.38, color=_ORANGE, label="expected")
    axes.set_xticks(deciles)
    axes.set_xlabel("tenth of the buyers by predicted value")
    axes.set_ylabel("share of revenue")
    percent_axis(axes.yaxis)


def _tick(value: float, _: int) -> str:
    return words.number(value) if abs(value) >= 100 else f"{value:g}".replace("-", "−")


def _ring(theme: Theme) -> dict[str, Any]:
    look = {"markersize": 12, "markerfacecolor": "none", "markeredgecolor": theme.ink}
    return {"linestyle": "", "marker": "o", **look}


def _curve(
    axes: Axes, theme: Theme, tried: Sequence[Candidate], index: str, look: Mapping[str, Any]
) -> None:
    points = [(c.k, getattr(c, index), c.chosen) for c in tried if getattr(c, index) is not None]
    if not points:
        return
    ks, values = [k for k, _, _ in points], [value for _, value, _ in points]
    axes.plot(ks, values, linewidth=1.6, markersize=4, **look)
    for k, value, chosen in points:
        if chosen:
            axes.plot(k, value, **_ring(theme))
