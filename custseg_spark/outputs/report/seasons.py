"""The section about when segments buy: indices of months and weekdays."""

from collections.abc import Sequence

from custseg_spark.core.insights.seasons import MONTH, WEEKDAY
from custseg_spark.outputs.report import words
from custseg_spark.outputs.report.content import Content
from custseg_spark.outputs.report.rows import SeasonIndex
from custseg_spark.outputs.report.section import Grid, Picture, Section
from custseg_spark.outputs.report.segments import colours

_TITLE = "When they buy"
EVERYBODY = "everybody"
PICTURE = "season_indices"


def indices(content: Content) -> Section:
    """Compare months and weekdays with a usual day, by segment."""
    months, weekdays = content.season(MONTH), content.season(WEEKDAY)
    if not months and not weekdays:
        return Section("seasons", _TITLE, [nothing(content)])
    text = [
        "Purchases a day in a month, or on a weekday, over those of a usual day: 1 is usual."
        " segment_seasons has revenue and ISO weeks, too.",
        span(content),
    ]
    grids = [
        _grid(content, months, "Purchases by month", words.MONTHS),
        _grid(content, weekdays, "Purchases by weekday", words.WEEKDAYS),
    ]
    pictures = [Picture(PICTURE, _alt(content, months or weekdays))]
    return Section("seasons", _TITLE, text, pictures, [grid for grid in grids if grid.rows])


def span(content: Content) -> str:
    """Say over how many years the months are averaged, or that the log is too short for them."""
    months = content.season(MONTH)
    if not months:
        return "The log is shorter than a year: months and weeks have no index."
    years = max(month.years or 0 for month in months)
    return (
        f"Months are of {words.counted(years, 'whole year')} before the run date, each divided"
        " by its own mean" + ("." if years > 1 else "; whether they come again, one can't tell.")
    )


def nothing(content: Content) -> str:
    """Say why there are no indices."""
    if content.run.setting("seasons") is None:
        return "The run was made by an older version, which made no indices."
    if content.run.setting("seasons", "enabled") is False:
        return "The run made no indices (seasons.enabled)."
    return "The log has less than four weeks, or nobody bought: there are no indices."


def columns(content: Content) -> list[tuple[int | None, str]]:
    """Return id and name of everybody and of the segments, as in the indices."""
    return [(None, EVERYBODY), *((s.segment_id, s.segment_name) for s in content.segments)]


def period_names(period: str) -> Sequence[str]:
    """Return the names of a period's numbers, from 1 on."""
    return {MONTH: words.MONTHS, WEEKDAY: words.WEEKDAYS}.get(period, words.WEEKS)


def _alt(content: Content, rows: Sequence[SeasonIndex]) -> str:
    """Say what the picture shows, with everybody's strongest month or weekday."""
    text = "Heat map: purchases a day by month and weekday over those of a usual day, by segment."
    everybody = [row for row in rows if row.segment_id is None and row.purchase_index is not None]
    if not everybody:
        return text
    best = max(everybody, key=lambda row: (row.purchase_index or 0.0, -row.number))
    name = period_names(best.period)[best.number - 1]
    return f"{text} Everybody's highest is {name}, {words.ratio(best.purchase_index)}."


def _grid(
    content: Content, rows: Sequence[SeasonIndex], caption: str, names: Sequence[str]
) -> Grid:
    indices_by_key = {(row.segment_id, row.number): row.purchase_index for row in rows}
    lines = [
        [
            name,
            *(
                words.ratio(indices_by_key.get((key, number)))
                for number in range(1, len(names) + 1)
            ),
        ]
        for key, name in columns(content)
    ]
    dots = ["var(--line)", *colours(content)]
    return Grid(caption, ["segment", *names], lines if indices_by_key else [], dots)
