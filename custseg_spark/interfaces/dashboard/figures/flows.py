"""The flow of customers between the segments of two run dates."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import plotly.graph_objects as go
import polars as pl

from custseg_spark.interfaces.dashboard.figures.base import laid_out, literal, look
from custseg_spark.outputs.report import words
from custseg_spark.outputs.report.palette import Style

_NOBODY = "#88909a"
# Pixels between two bars, and above and below them all.
_GAP, _MARGINS = 14, 24


@dataclass(frozen=True)
class Side:
    """A run date's segments: their names by id, and the word for customers outside the run."""

    day: str
    names: Mapping[int, str]
    absent: str

    def name(self, segment_id: int | None) -> str:
        """Return a segment's name, or the word for customers without one."""
        if segment_id is None:
            return self.absent
        return self.names.get(segment_id, f"Segment {segment_id}")


def flow(rows: pl.DataFrame, left: Side, right: Side, styles: Mapping[int, Style]) -> go.Figure:
    """Draw ribbons as wide as their numbers of customers, from `movements.flows_between`."""
    sources, targets = _sizes(rows, "from_segment_id"), _sizes(rows, "to_segment_id")
    height = 150 + 48 * max(len(sources), len(targets))
    ids = [*sources, *targets]
    labels = [left.name(s) for s in sources] + [right.name(s) for s in targets]
    gap = _GAP / (height - _MARGINS)
    least = (max(len(sources), len(targets)) - 1) * gap
    sankey = go.Sankey(
        arrangement="fixed",
        node={
            "label": [literal(name, 20, 1) for name in labels],
            "color": [_colour(one, styles) for one in ids],
            # Plotly ignores a position on the very edge.
            "x": [0.001] * len(sources) + [0.999] * len(targets),
            "y": [*_places(sources, 1 - least, gap), *_places(targets, 1 - least, gap)],
            "pad": _GAP,
            "thickness": 14,
            "line": {"width": 0},
            "hovertemplate": "%{label}: %{value:,} customers<extra></extra>",
        },
        textfont={"color": look().theme.ink},
        link=_ribbons(rows, list(sources), list(targets), styles),
    )
    figure = laid_out(go.Figure(sankey), height)
    for x, anchor, side in ((0, "left", left), (1, "right", right)):
        figure.add_annotation(
            x=x, y=1.0, xref="paper", yref="paper", xanchor=anchor, yanchor="bottom",
            text=side.day, showarrow=False,
        )  # fmt: skip
    return figure


def _sizes(rows: pl.DataFrame, column: str) -> dict[int | None, int]:
    """Return the customers of each segment of a side, by id, so that a segment keeps its place.

    Customers without a segment come last.
    """
    sums = rows.group_by(column).agg(pl.col("customers").sum()).sort(column, nulls_last=True)
    return dict(sums.iter_rows())


def _places(sizes: Mapping[int | None, int], share: float, gap: float) -> list[float]:
    """Return the middle of each segment's bar, from 0 at the top to 1; all bars take `share`."""
    total = sum(sizes.values())
    middles, top = [], 0.0
    for customers in sizes.values():
        part = share * customers / total
        middles.append(min(max(top + part / 2, 0.001), 0.999))
        top += part + gap
    return middles


def _ribbons(
    rows: pl.DataFrame,
    sources: Sequence[int | None],
    targets: Sequence[int | None],
    styles: Mapping[int, Style],
) -> Mapping[str, object]:
    moved = list(rows.iter_rows())
    return {
        "source": [sources.index(a) for a, _, _ in moved],
        "target": [len(sources) + targets.index(b) for _, b, _ in moved],
        "value": [n for _, _, n in moved],
        "color": [_pale(_colour(a, styles)) for a, _, _ in moved],
        "hovertemplate": "%{source.label} → %{target.label}: %{value:,} customers<extra></extra>",
    }


def _colour(segment_id: int | None, styles: Mapping[int, Style]) -> str:
    return _NOBODY if segment_id is None else styles[segment_id].colour


def _pale(colour: str) -> str:
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({red}, {green}, {blue}, 0.38)"


def matrix(rows: pl.DataFrame, left: Side, right: Side) -> pl.DataFrame:
    """Return the flows as a table: rows are segments of the earlier run, columns of the later."""
    sums = {(a, b): n for a, b, n in rows.iter_rows()}
    sources, targets = _sizes(rows, "from_segment_id"), list(_sizes(rows, "to_segment_id"))
    return pl.DataFrame(
        [
            {"from": left.name(a), **_row([sums.get((a, b), 0) for b in targets], targets, right)}
            for a in sources
        ]
    )


def _row(counts: Sequence[int], targets: Sequence[int | None], side: Side) -> dict[str, str]:
    total = sum(counts)
    cells = {}
    for target, customers in zip(targets, counts, strict=True):
        name = side.name(target)
        key = name if name not in cells else f"{name} ({target})"
        share = words.percent(customers / total)
        cells[key] = f"{words.count(customers)} ({share})" if customers else words.MISSING
    return cells
