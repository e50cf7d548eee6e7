"""The section about when segments buy: indices of months and weekdays."""

from collections.abc import Sequence

from custseg_spark.core.insights.seasons import MONTH, WEEKDAY
from custseg_spark.outputs.report import words
from custseg_spark.outputs.report.content import Content
from custseg_spark.outputs.report.rows import SeasonIndex
from custseg_spark.outputs.report.section import Grid, Section
from custseg_spark.outputs.report.segments import colours

_TITLE = "When they buy"
_EVERYBODY = "everybody"


def indices(content: Content) -> Section:
    """Compare months and weekdays with a usual day, by segment."""
    rows = [one for one in content.seasons if one.algorithm == content.main]
    if not rows:
        return Section("seasons", _TITLE, [_nothing(content)])
    months = [one for one in rows if one.period == MONTH]
    text = [
        "Purchases a day in a month, or on a weekday, over those of a usual day: 1 is usual."
        " segment_seasons has revenue and ISO weeks, too."
    ]
    if months:
        years = max(one.years or 0 for one in months)
        text.append(
            f"Months are of {words.counted(years, 'whole year')} before the run date, each divided"
            " by its own mean"
            + ("." if years > 1 else "; whether they come again, one can't tell.")
        )
    else:
        text.append("The log is shorter than a year: months and weeks have no index.")
    weekdays = [one for one in rows if one.period == WEEKDAY]
    grids = [
        _grid(content, months, "Purchases by month", words.MONTHS),
        _grid(content, weekdays, "Purchases by weekday", words.WEEKDAYS),
    ]
    return Section("seasons", _TITLE, text, (), [grid for grid in grids if grid.rows])


def _nothing(content: Content) -> str:
    if content.run.setting("seasons", "enabled") is False:
        return "The run made no indices (seasons.enabled)."
    return "The log has less than four weeks, or nobody bought: there are no indices."


def _grid(
    content: Content, rows: Sequence[SeasonIndex], caption: str, names: Sequence[str]
) -> Grid:
    found = {(one.segment_id, one.number): one.purchase_index for one in rows}
    segments = [(s.segment_id, s.segment_name) for s in content.segments]
    lines = [
        [name, *(words.ratio(found.get((key, number))) for number in range(1, len(names) + 1))]
        for key, name in [(None, _EVERYBODY), *segments]
    ]
    dots = ["var(--line)", *colours(content)]
    return Grid(caption, ["segment", *names], lines if found else [], dots)
