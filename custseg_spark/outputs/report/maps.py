"""Heat maps of profiles and RFM scores, and the customers on two principal components."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.colors import Colormap, LinearSegmentedColormap, Normalize, PowerNorm
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from custseg_spark.outputs.report import words
from custseg_spark.outputs.report.canvas import SMALL, gap_for_none, ink_on, label, legend, sheet
from custseg_spark.outputs.report.content import Content
from custseg_spark.outputs.report.palette import Theme
from custseg_spark.outputs.report.rows import Plane

_STRONG = 2.5
# So many columns fit on a phone with their numbers.
MOST_COLUMNS = 8
_BADGE = 0.075


def profiles(content: Content, theme: Theme) -> Figure | None:
    """Draw z-scores, segments x features; many segments take several panels."""
    segments, features = content.segments, content.shown_features
    if not segments or not features:
        return None
    panels = -(-len(segments) // MOST_COLUMNS)
    width = -(-len(segments) // panels)
    colours = colormaps[theme.diverging].with_extremes(bad=theme.faint)
    norm = Normalize(-_STRONG, _STRONG)
    figure, every = sheet(theme, 0.6 + panels * (1.5 + 0.27 * len(features)), rows=panels)
    for panel, axes in enumerate(every):
        shown = segments[panel * width : (panel + 1) * width]
        values = np.array(
            [[gap_for_none(s.z_score(f)) for s in shown] for f in features], dtype=float
        )
        image = axes.imshow(values, colours, norm, aspect="auto")
        write_cells(axes, values, colours, norm, theme, words.signed)
        names = [words.wrapped(s.segment_name, 24, 1) for s in shown]
        axes.set_xticks(range(len(shown)), names, rotation=40, ha="left", rotation_mode="anchor")
        axes.xaxis.tick_top()
        labels = [words.wrapped(words.feature(f), 28, 1) for f in features]
        axes.set_yticks(range(len(features)), labels)
        axes.spines[:].set_visible(False)
    bar = figure.colorbar(image, ax=axes, orientation="horizontal", shrink=0.8, aspect=40, pad=0.02)
    bar.set_label("standard deviations from the mean of all", color=theme.ink, fontsize=SMALL)
    bar.ax.tick_params(colors=theme.ink, labelsize=SMALL)
    bar.outline.set_visible(False)
    return figure


def rfm(content: Content, theme: Theme) -> Figure | None:
    """Draw the buyers by recency and frequency score."""
    grid = rfm_grid(content)
    total = grid.sum()
    if not total:
        return None
    figure, (axes,) = sheet(theme, 4.4)
    # Coloured by the square root: a few cells hold most customers, but the others differ, too.
    colours = LinearSegmentedColormap.from_list("counts", (theme.panel, theme.strong))
    norm = PowerNorm(0.5, 0, grid.max())
    axes.imshow(grid, colours, norm, aspect="auto")

    def written(customers: float) -> str:
        if not customers:
            return words.MISSING
        return f"{words.count(round(customers))}\n{words.percent(customers / total)}"

    write_cells(axes, grid, colours, norm, theme, written)
    best = content.rfm_bins
    axes.set_xticks(range(best), [str(f) for f in range(1, best + 1)])
    axes.set_yticks(range(best), [str(r) for r in range(best, 0, -1)])
    axes.set_xlabel(f"frequency score, {best}: most orders")
    axes.set_ylabel(f"recency score, {best}: bought last")
    axes.spines[:].set_visible(False)
    return figure


def rfm_grid(content: Content) -> np.ndarray:
    """Count buyers by recency score (the best on top) and frequency score."""
    best = content.rfm_bins
    grid = np.zeros((best, best))
    for count in content.rfm:
        if 1 <= count.rfm_r <= best and 1 <= count.rfm_f <= best:
            grid[best - count.rfm_r, count.rfm_f - 1] += count.customers
    return grid


def plane(content: Content, theme: Theme) -> Figure | None:
    """Draw the sampled customers on the first two principal components, by segment."""
    if content.plane is None or not content.segments:
        return None
    names = {s.segment_id: words.wrapped(s.segment_name, 24, 1) for s in content.segments}
    figure, (axes,) = sheet(theme, 4.6 + 0.24 * ((len(names) + 1) // 2))
    handles, centres = [], {}
    for segment_id, name in sorted(names.items()):
        x, y = _places(content.plane, segment_id).T
        style = content.styles[segment_id]
        look: dict[str, Any] = {"marker": style.marker, "color": style.colour}
        axes.scatter(x, y, 9, alpha=0.55, linewidths=0, **look)
        handles.append(
            Line2D([], [], linestyle="", markersize=7, label=f"{segment_id}  {name}", **look)
        )
        if x.size:
            centres[segment_id] = np.array([np.median(x), np.median(y)])
    _badges(axes, theme, centres)
    axes.set_xlabel(_component(1, content.plane.x_variance))
    axes.set_ylabel(_component(2, content.plane.y_variance))
    axes.grid(color=theme.faint, linewidth=0.6)
    legend(figure, theme, handles, loc="outside lower center", ncols=2, handletextpad=0.2)
    return figure


def _places(plane: Plane, segment_id: int) -> np.ndarray:
    points = [(p.x, p.y) for p in plane.points if p.segment_id == segment_id]
    return np.array(points, dtype=float).reshape(-1, 2)


def _badges(axes: Axes, theme: Theme, centres: Mapping[int, np.ndarray]) -> None:
    """Draw the segments' ids at their medians, moved apart where they would overlap."""
    low, high = np.array(axes.viewLim.min), np.array(axes.viewLim.max)
    places = _moved_apart([(centre - low) / (high - low) for centre in centres.values()])
    box = {"boxstyle": "circle,pad=0.25", "facecolor": theme.panel, "edgecolor": theme.ink}
    look = {"transform": axes.transAxes, "bbox": box, "weight": "bold", "zorder": 5}
    for segment_id, (x, y) in zip(centres, places, strict=True):
        label(axes, theme, x, y, str(segment_id), **look)


def _moved_apart(places: list[np.ndarray]) -> list[np.ndarray]:
    """Push each pair of points of the unit square to a badge's width from one another."""
    for _ in range(50):
        for first in range(len(places)):
            for second in range(first):
                between = places[first] - places[second]
                distance = float(np.linalg.norm(between))
                if distance < _BADGE:
                    way = between / distance if distance else np.array([0.0, 1.0])
                    places[first] = places[first] + way * (_BADGE - distance) / 2
                    places[second] = places[second] - way * (_BADGE - distance) / 2
    return places


def _component(number: int, variance: float | None) -> str:
    share = "" if variance is None else f", {words.percent(variance)} of variance"
    return f"component {number}{share}"


def write_cells(
    axes: Axes,
    values: np.ndarray,
    colours: Colormap,
    norm: Normalize,
    theme: Theme,
    written: Callable[[float], str],
) -> None:
    """Write each cell's value in an ink that is legible on its colour."""
    for (row, column), value in np.ndenumerate(values):
        missing = bool(np.isnan(value))
        ink = theme.ink if missing else ink_on(colours, norm, value)
        text = words.MISSING if missing else written(value)
        label(axes, theme, column, row, text, color=ink)
