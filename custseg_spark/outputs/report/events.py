"""The report's first section: the events as they came in."""

from collections import Counter
from datetime import date

from custseg_spark.core.events.schema import EVENT_TYPES
from custseg_spark.core.insights import raw_events
from custseg_spark.outputs.report import words
from custseg_spark.outputs.report.content import Content
from custseg_spark.outputs.report.section import Grid, Picture, Section

MOST_CATEGORIES = 8
_TITLE = "The events"


def raw(content: Content) -> Section:
    """Describe the raw events."""
    days = content.counts(raw_events.DAY)
    if not days:
        return Section("events", _TITLE, ["The tables hold no counts of events for this run date."])
    types = by_type(content)
    total = sum(types.values())
    first, last = min(str(d.name) for d in days), max(str(d.name) for d in days)
    span = (date.fromisoformat(last) - date.fromisoformat(first)).days + 1
    seen = len({d.name for d in days})
    text = [
        f"{words.count(total)} events of {words.counted(span, 'day')}, from {first} to {last}"
        + (f"; {words.counted(span - seen, 'day')} without an event." if span > seen else "."),
        "As they came in, before anything was made of them. Hours and days are in UTC. An event"
        " without a value in a column that its source doesn't have lacks it, too.",
    ]
    pictures = [Picture("raw_events", _alt(content, types, total))]
    grids = [_types(types, total), _missing(content, total), _categories(content, total)]
    return Section("events", _TITLE, text, pictures, [grid for grid in grids if grid.rows])


def by_type(content: Content) -> Counter[str]:
    """Count the events by type, in the order of the types."""
    counts: Counter[str] = Counter()
    for name in EVENT_TYPES:
        of_type = (c.count for c in content.counts(raw_events.DAY) if c.event_type == name)
        if total := sum(of_type):
            counts[name] = total
    return counts


def _alt(content: Content, types: Counter[str], total: int) -> str:
    shares = [f"{words.percent(n / total)} {name}s" for name, n in types.items()]
    once = sum(c.count for c in content.counts(raw_events.ACTIVITY) if c.upper == 1)
    return (
        f"Four charts of {words.count(total)} events ({words.joined(shares)}): by day, by hour, by"
        f" price; and customers by their number of events, {words.count(once)} of them with one."
    )


def _types(types: Counter[str], total: int) -> Grid:
    rows = [[name, words.count(n), words.percent(n / total)] for name, n in types.items()]
    return Grid("Events by type", ["type", "events", "share"], rows)


def _missing(content: Content, total: int) -> Grid:
    lacking = {c.name: c.count for c in content.counts(raw_events.MISSING)}
    rows = [
        [name.replace("_", " "), words.count(lacking[name]), words.percent(lacking[name] / total)]
        for name in raw_events.MAY_LACK
        if lacking.get(name)
    ]
    return Grid("Events without a value", ["column", "events", "share"], rows)


def _categories(content: Content, total: int) -> Grid:
    named = [c for c in content.counts(raw_events.CATEGORY) if c.name is not None]
    top = sorted(named, key=lambda c: (-c.count, str(c.name), str(c.label)))[:MOST_CATEGORIES]
    rows = [
        [c.label or str(c.name), words.count(c.count), words.percent(c.count / total)] for c in top
    ]
    return Grid("Largest categories", ["category", "events", "share"], rows)
