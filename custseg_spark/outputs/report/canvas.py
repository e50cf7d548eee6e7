"""Canvas of all pictures: sheets in a theme's colours, and PNG bytes that never differ.

It uses matplotlib's `Figure` objects directly, because pyplot keeps state for the whole process.
"""

import io
import math
from collections.abc import Callable, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.colors import Colormap, Normalize, to_rgb
from matplotlib.figure import Figure
from matplotlib.text import Text
from matplotlib.ticker import FuncFormatter, MaxNLocator

from custseg_spark.outputs.report import words
from custseg_spark.outputs.report.palette import Theme

# Narrow, so that a phone's 360 pixels leave the smallest text above 8.
WIDTH_INCHES = 5.2
DPI = 160
TEXT, SMALL = 10.5, 9.5


def sheet(
    theme: Theme,
    height: float,
    *,
    rows: int = 1,
    columns: int = 1,
    heights: Sequence[float] | None = None,
) -> tuple[Figure, list[Axes]]:
    """Return an empty figure of the standard width with its axes, row by row.

    `heights` are those of the rows against each other.
    """
    figure = Figure((WIDTH_INCHES, height), DPI, facecolor=theme.panel, layout="constrained")
    axes = list(figure.subplots(rows, columns, squeeze=False, height_ratios=heights).flat)
    for axis in axes:
        axis.set_facecolor(theme.panel)
        axis.tick_params(colors=theme.ink, labelsize=SMALL, length=0)
        for text in (axis.xaxis.label, axis.yaxis.label, axis.title):
            text.set_color(theme.ink)
            text.set_fontsize(TEXT)
        axis.spines[:].set_color(theme.faint)
        axis.spines[["top", "right"]].set_visible(False)
        axis.set_axisbelow(True)
    return figure, axes


def png(figure: Figure) -> bytes:
    """Return the figure's PNG, without the version or the time of its making."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=DPI, metadata={"Software": None})
    return buffer.getvalue()


def label(axes: Axes, theme: Theme, x: float, y: float, text: str, **more: Any) -> Text:
    """Write text in the theme's ink."""
    settings = {"fontsize": SMALL, "color": theme.ink, "ha": "center", "va": "center", **more}
    return axes.text(x, y, text, **settings)


def beside(axes: Axes, theme: Theme, x: float, y: float, text: str) -> None:
    """Write a bar's number at its end, with a clear background where a line passes."""
    side, align = (-1, "right") if x < 0 else (1, "left")
    axes.annotate(
        text,
        (x, y),
        (4 * side, 0),
        textcoords="offset points",
        ha=align,
        va="center",
        fontsize=SMALL,
        color=theme.ink,
        bbox={"facecolor": theme.panel, "edgecolor": "none", "pad": 0.8},
    )


def legend(figure: Figure, theme: Theme, handles: Sequence[Any], **more: Any) -> None:
    """Draw a legend outside the axes."""
    figure.legend(handles=handles, frameon=False, fontsize=SMALL, labelcolor=theme.ink, **more)


def percent_axis(axis: Axis) -> None:
    """Set a few ticks, as whole percents where they are whole."""
    axis.set_major_locator(MaxNLocator(5))
    axis.set_major_formatter(FuncFormatter(lambda x, _: words.percent(x).replace(".0 ", " ")))


def threshold(draw: Callable[..., object], theme: Theme, limit: float | None) -> None:
    """Draw a dotted line by `axhline` or `axvline`, if there is a limit."""
    if limit is not None:
        draw(limit, color=theme.ink, linestyle=(0, (1, 2)), linewidth=1)


def gap_for_none(value: float | None) -> float:
    """Replace None by NaN, which matplotlib draws as a gap."""
    return math.nan if value is None else value


def ink_on(colours: Colormap, norm: Normalize, value: float) -> str:
    """Return black or white, whichever is legible on a cell of this value."""
    red, green, blue = to_rgb(colours(norm(value)))
    return "#000000" if 0.299 * red + 0.587 * green + 0.114 * blue > 0.5 else "#ffffff"
