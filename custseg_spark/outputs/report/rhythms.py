"""The picture of the events as they came in: by day, by hour, by price, by customer."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import date, timedelta

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, NullLocator

from custseg_spark.core.insights import raw_events
from custseg_spark.outputs.report import words
from custseg_spark.outputs.report.canvas import SMALL, gap_for_none, legend, percent_axis, sheet
from custseg_spark.outputs.report.content import Content
from custseg_spark.outputs.report.events import by_type
from custseg_spark.outputs.report.palette import COLOURS, Theme
from custseg_spark.outputs.report.rows import EventCount

_COLOURS = dict(zip(("view", "cart", "purchase", "return"), COLOURS, strict=False))
# More points than this are a smear: then weeks are drawn, or months of 28 days.
_MOST_POINTS = 200


def events(content: Content, theme: Theme) -> Figure | None:
    """Draw the events by day, hour and price, a line per type, and the customers by events."""
    days = content.counts(raw_events.DAY)
    if not days:
        return None
    figure, (by_day, by_hour, by_price, by_customer) = sheet(theme, 8.6, rows=4)
    types = list(by_type(content))
    _days(by_day, days, types)
    _hours(by_hour, content.counts(raw_events.HOUR), types)
    _prices(by_price, content.counts(raw_events.PRICE), types)
    _customers(by_customer, content.counts(raw_events.ACTIVITY), theme)
    for axes in (by_day, by_hour, by_price, by_customer):
        axes.grid(axis="y", color=theme.faint, linewidth=0.6)
        axes.title.set_fontsize(SMALL)
    handles = [Line2D([], [], color=_COLOURS[name], label=name) for name in types]
    legend(figure, theme, handles, loc="outside upper center", ncols=len(handles))
    return figure


def _days(axes: Axes, counts: Sequence[EventCount], types: Sequence[str]) -> None:
    dates = {d: date.fromisoformat(d) for d in {str(c.name) for c in counts}}
    first, last = min(dates.values()), max(dates.values())
    step = next(s for s in (1, 7, 28, 364, 10**6) if (last - first).days / s <= _MOST_POINTS)
    points = [first + timedelta(days=at) for at in range(0, (last - first).days + 1, step)]
    # An incomplete last stretch would look like a fall.
    whole = points if step == 1 or len(points) == 1 else points[:-1]
    for name in types:
        sums: dict[int, int] = defaultdict(int)
        for count in counts:
            if count.event_type == name:
                sums[(dates[str(count.name)] - first).days // step] += count.count
        # On a logarithmic axis nothing is a gap.
        line = [gap_for_none(sums.get(place, 0) / step or None) for place in range(len(whole))]
        axes.plot(range(len(whole)), line, color=_COLOURS[name], linewidth=1.4)
    axes.set_yscale("log")
    axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter(FuncFormatter(lambda x, _: _plain(x)))
    ticks = range(0, len(whole), max(1, -(-len(whole) // 5)))
    axes.set_xticks(ticks, [whole[at].isoformat() for at in ticks], fontsize=SMALL - 1)
    axes.set_title("events a day, logarithmic" + ("" if step == 1 else f" (mean of {step} days)"))


def _hours(axes: Axes, counts: Sequence[EventCount], types: Sequence[str]) -> None:
    for name in types:
        by_hour = {int(str(c.name)): c.count for c in counts if c.event_type == name}
        total = sum(by_hour.values()) or 1
        axes.plot(
            range(24), [by_hour.get(hour, 0) / total for hour in range(24)], color=_COLOURS[name]
        )
    axes.set_xticks(range(0, 24, 4))
    axes.set_ylim(bottom=0)
    percent_axis(axes.yaxis)
    axes.set_title("share of a type's events by hour (UTC)")


def _prices(axes: Axes, counts: Sequence[EventCount], types: Sequence[str]) -> None:
    bins = sorted({c.lower or 0.0 for c in counts})
    for name in types:
        by_price = {c.lower or 0.0: c.count for c in counts if c.event_type == name}
        total = sum(by_price.values()) or 1
        shares = [by_price.get(lower, 0) / total for lower in bins]
        axes.plot(range(len(bins)), shares, color=_COLOURS[name], marker="o", markersize=3)
    every = max(1, -(-len(bins) // 8))
    axes.set_xticks(range(0, len(bins), every), [_plain(b) for b in bins[::every]])
    axes.set_ylim(bottom=0)
    percent_axis(axes.yaxis)
    axes.set_title("share of a type's events by unit price, from … on")


def _customers(axes: Axes, counts: Sequence[EventCount], theme: Theme) -> None:
    total = sum(c.count for c in counts) or 1
    axes.bar(range(len(counts)), [c.count / total for c in counts], color=theme.strong, width=0.75)
    axes.set_xticks(range(len(counts)), [_plain(c.lower or 0.0) for c in counts])
    percent_axis(axes.yaxis)
    axes.set_title("share of the customers by number of events, from … on")


def _plain(value: float) -> str:
    """Format an axis's number: `1`, `0.5`, `10,001`, `2.0 M`."""
    return words.number(value) if value >= 1e6 else f"{value:,.10g}"
