"""Migration between two runs: segments left and right, ribbons of customers between them."""

from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import PathPatch, Rectangle
from matplotlib.path import Path as Curve

from custseg_spark.outputs.report import words
from custseg_spark.outputs.report.canvas import WIDTH_INCHES, label, sheet
from custseg_spark.outputs.report.content import Content
from custseg_spark.outputs.report.palette import Theme
from custseg_spark.outputs.report.rows import Flow

# In inches: total height of the bars, a bar's width, a line of text, the gap between segments.
_EVERYBODY, _BAR, _LINE, _GAP = 3.6, 0.08, 0.165, 0.06
_LEFT, _RIGHT = 1.5, WIDTH_INCHES - 1.5
_NAME_WIDTH = 16


@dataclass
class _Node:
    """A segment on one side: its bar, which ribbons fill from the top, and its name."""

    segment_id: int | None
    text: str
    top: float
    height: float
    used: float = 0.0

    def take(self, height: float) -> float:
        start = self.top + self.used
        self.used += height
        return start


_Side = dict[int | None, _Node]


def migration(content: Content, theme: Theme) -> Figure | None:
    """Draw the movement of the previous run's customers; None without migrations."""
    flows = [f for f in content.flows if f.customers > 0]
    if not flows:
        return None
    order = {s.segment_id: i for i, s in enumerate(content.segments)}

    def rank(segment_id: int | None) -> tuple[bool, int, int]:
        # Joined and gone at the bottom, died segments above them.
        return segment_id is None, order.get(segment_id or 0, len(order)), segment_id or 0

    flows.sort(key=lambda f: (rank(f.from_segment_id), rank(f.to_segment_id)))
    scale = _EVERYBODY / sum(f.customers for f in flows)
    left = _side(content, sorted({f.from_segment_id for f in flows}, key=rank), flows, scale, True)
    right = _side(content, sorted({f.to_segment_id for f in flows}, key=rank), flows, scale, False)
    lowest = max(n.top + max(n.height, 3 * _LINE) for n in (*left.values(), *right.values()))
    figure, (axes,) = sheet(theme, lowest)
    axes.set_axis_off()
    axes.set_position((0, 0, 1, 1))
    axes.set_xlim(0, WIDTH_INCHES)
    axes.set_ylim(lowest, 0)
    for flow in flows:
        axes.add_patch(_ribbon(content, theme, flow, left, right, flow.customers * scale))
    _bars(axes, content, theme, left, f"{content.run.previous_run_date}", before=True)
    _bars(axes, content, theme, right, f"{content.run.run_date}", before=False)
    return figure


def _side(
    content: Content, ids: Sequence[int | None], flows: Sequence[Flow], scale: float, before: bool
) -> _Side:
    """Lay out one run's segments from the top, each with room for its name."""
    nodes: _Side = {}
    top = 2.5 * _LINE
    for segment_id in ids:
        ends = ((f.from_segment_id if before else f.to_segment_id, f.customers) for f in flows)
        customers = sum(n for end, n in ends if end == segment_id)
        text = f"{_name(content, segment_id, before)}\n{words.count(customers)}"
        height = customers * scale
        room = max(height, _LINE * (text.count("\n") + 1))
        nodes[segment_id] = _Node(segment_id, text, top + (room - height) / 2, height)
        top += room + _GAP
    return nodes


def _colour(content: Content, theme: Theme, segment_id: int | None) -> str:
    return theme.faint if segment_id is None else content.styles[segment_id].colour


def _ribbon(
    content: Content, theme: Theme, flow: Flow, left: _Side, right: _Side, thickness: float
) -> PathPatch:
    start = left[flow.from_segment_id].take(thickness)
    end = right[flow.to_segment_id].take(thickness)
    way = (_LEFT + _RIGHT) / 2
    upper = [(_LEFT, start), (way, start), (way, end), (_RIGHT, end)]
    lower = [(x, y + thickness) for x, y in reversed(upper)]
    codes = [Curve.MOVETO, *[Curve.CURVE4] * 3, Curve.LINETO, *[Curve.CURVE4] * 3]
    source = flow.to_segment_id if flow.from_segment_id is None else flow.from_segment_id
    stayed = flow.from_segment_id == flow.to_segment_id
    colour = _colour(content, theme, source)
    alpha = 0.3 if stayed else 0.7
    return PathPatch(Curve([*upper, *lower], codes), facecolor=colour, alpha=alpha, linewidth=0)


def _bars(
    axes: Axes, content: Content, theme: Theme, side: _Side, day: str, *, before: bool
) -> None:
    """Draw the bars of one run with their names beside them and the date above."""
    x = _LEFT - _BAR if before else _RIGHT
    edge, align = (x - 0.05, "right") if before else (x + _BAR + 0.05, "left")
    for node in side.values():
        colour = _colour(content, theme, node.segment_id)
        axes.add_patch(Rectangle((x, node.top), _BAR, node.height, facecolor=colour, linewidth=0))
        middle = node.top + node.height / 2
        label(axes, theme, edge, middle, node.text, ha=align, linespacing=1.05)
    label(axes, theme, edge, _LINE, day, ha=align, weight="bold")


def _name(content: Content, segment_id: int | None, before: bool) -> str:
    if segment_id is None:
        return "joined" if before else "gone"
    return words.wrapped(content.name(content.main, segment_id, before=before), _NAME_WIDTH)
