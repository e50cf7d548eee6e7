"""The heat map of seasons: purchases of months and weekdays over those of a usual day."""

from collections.abc import Sequence

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Colormap, LogNorm
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

from custseg_spark.core.insights.seasons import MONTH, WEEKDAY
from custseg_spark.outputs.report import words
from custseg_spark.outputs.report.canvas import SMALL, gap_for_none, sheet
from custseg_spark.outputs.report.content import Content
from custseg_spark.outputs.report.maps import MOST_COLUMNS, write_cells
from custseg_spark.outputs.report.palette import Theme
from custseg_spark.outputs.report.seasons import columns, period_names

# Half of a usual day is as far from it as twice a usual day; colours go no farther.
_TICKS = {0.5: "½", 1.0: "1", 2.0: "2"}
_NORM = LogNorm(min(_TICKS), max(_TICKS), clip=True)
_ROW, _NAMES = 0.25, 1.1


def indices(content: Content, theme: Theme) -> Figure | None:
    """Draw months and weekdays x segments, as far as the run has them."""
    panels = [
        (period, shown)
        for period in (MONTH, WEEKDAY)
        if content.season(period)
        for shown in _panels(columns(content))
    ]
    if not panels:
        return None
    heights = [len(period_names(period)) for period, _ in panels]
    height = 0.6 + _NAMES * len(panels) + _ROW * sum(heights)
    figure, every = sheet(theme, height, rows=len(panels), heights=heights)
    for axes, (period, shown) in zip(every, panels, strict=True):
        _panel(axes, content, period, shown, theme)
    _bar(figure, every, theme)
    return figure


def _panels(shown: list[tuple[int | None, str]]) -> list[list[tuple[int | None, str]]]:
    """Cut everybody and the segments into panels that are nearly equally wide."""
    width = -(-len(shown) // -(-len(shown) // (MOST_COLUMNS + 1)))
    return [shown[at : at + width] for at in range(0, len(shown), width)]


def _panel(
    axes: Axes,
    content: Content,
    period: str,
    shown: Sequence[tuple[int | None, str]],
    theme: Theme,
) -> None:
    names = period_names(period)
    indices_by_key = {(s.segment_id, s.number): s.purchase_index for s in content.season(period)}
    values = np.array(
        [
            [gap_for_none(indices_by_key.get((key, number))) for key, _ in shown]
            for number in range(1, len(names) + 1)
        ],
        dtype=float,
    )
    colours = _colours(theme)
    axes.imshow(values, colours, _NORM, aspect="auto")
    write_cells(axes, values, colours, _NORM, theme, words.ratio)
    labels = [words.wrapped(name, 24, 1) for _, name in shown]
    axes.set_xticks(range(len(shown)), labels, rotation=40, ha="left", rotation_mode="anchor")
    axes.xaxis.tick_top()
    axes.set_yticks(range(len(names)), names)
    axes.spines[:].set_visible(False)


def _colours(theme: Theme) -> Colormap:
    return colormaps[theme.diverging].with_extremes(bad=theme.faint)


def _bar(figure: Figure, every: list[Axes], theme: Theme) -> None:
    image = ScalarMappable(_NORM, _colours(theme))
    bar = figure.colorbar(
        image, ax=every, orientation="horizontal", shrink=0.8, aspect=40, pad=0.02
    )
    bar.set_ticks(list(_TICKS), labels=list(_TICKS.values()))
    bar.ax.xaxis.set_minor_locator(NullLocator())
    bar.set_label("purchases a day over those of a usual day", color=theme.ink, fontsize=SMALL)
    bar.ax.tick_params(colors=theme.ink, labelsize=SMALL, which="both")
    bar.outline.set_visible(False)
