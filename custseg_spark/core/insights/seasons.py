"""Seasons of purchases and revenue: indices of months, ISO weeks and weekdays, by segment.

An index is a period's rate per day over the rate of its year; 1 is usual. Only whole years count,
back from the run date. Each is divided by its own rate before the average over years, so that
growth isn't taken for a season. A weekday is compared with whole weeks.
"""

from collections.abc import Iterable, Iterator
from datetime import date, timedelta

import polars as pl
import pyarrow as pa

from custseg_spark.core.insights.purchases import SEGMENT

MONTH, WEEK, WEEKDAY = PERIODS = ("month", "week", "weekday")
PART_COLUMNS = ("customer_id", "session_date", "purchase_count", "purchase_amount")
# Below four weeks, a holiday would look like a weekday's habit.
LEAST_WEEKS = 4

_MONEY = pl.Decimal(38, 4)
_DAILY = pl.Schema(
    {
        "algorithm": pl.String(),
        "segment_id": pl.Int32(),
        "day": pl.Date(),
        "purchases": pl.Int64(),
        "revenue": _MONEY,
    }
)
_NUMBERS = {
    MONTH: pl.col("day").dt.month(),
    WEEK: pl.col("day").dt.week(),
    WEEKDAY: pl.col("day").dt.weekday(),
}


def daily(parts: pa.Table, labels: pa.Table) -> pl.DataFrame:
    """Add up a bucket's purchases and revenue (before returns) by algorithm, segment and day."""
    sold = pl.DataFrame(pl.from_arrow(parts)).filter(pl.col("purchase_count") > 0)
    segments = pl.DataFrame(pl.from_arrow(labels))
    dated = sold.join(segments, on="customer_id").rename({"session_date": "day"})
    days = dated.group_by(*SEGMENT, "day")
    sums = days.agg(
        purchases=pl.col("purchase_count").sum(),
        revenue=pl.col("purchase_amount").cast(_MONEY).sum(),
    )
    return sums.select(*_DAILY).cast(_DAILY)


def added(buckets: Iterable[pl.DataFrame]) -> pl.DataFrame:
    """Add up the days of buckets; rows without a segment are everybody's."""
    rows = pl.concat([pl.DataFrame(schema=_DAILY), *buckets])
    everybody = rows.with_columns(segment_id=pl.lit(None, pl.Int32))
    keys = [*SEGMENT, "day"]
    return pl.concat([rows, everybody]).group_by(keys).agg(pl.col("purchases", "revenue").sum())


def indices(daily: pl.DataFrame, first: date, as_of: date) -> pl.DataFrame:
    """Return one row per segment (null: everybody), period and number that the log can tell.

    `first` is the log's first day. Columns: `period`, `number` (1 to 12, ISO week, 1: Monday),
    `years` that were averaged (null for weekdays), `days` with this number, `purchases`, `revenue`,
    `purchase_index`, `revenue_index`. A log of less than a year has no months and weeks, one of
    less than four weeks no weekdays.
    """
    years = list(_years(first, as_of))
    frames = [_averaged(daily, period, years) for period in (MONTH, WEEK) if years]
    weeks = (as_of - first).days // 7
    if weeks >= LEAST_WEEKS:
        span = (as_of - timedelta(days=7 * weeks), as_of)
        rows = _averaged(daily, WEEKDAY, [span])
        frames.append(rows.with_columns(years=pl.lit(None, pl.Int32)))
    if not frames:
        return _averaged(daily.clear(), WEEKDAY, [(as_of - timedelta(days=7), as_of)])
    return pl.concat(frames).sort(*SEGMENT, "period", "number", nulls_last=True)


def _years(first: date, as_of: date) -> Iterator[tuple[date, date]]:
    """Yield the whole years of the log, the latest first, each as its first day and its end."""
    end = as_of
    for back in range(1, as_of.year):
        begin = _years_before(as_of, back)
        if begin < first:
            return
        yield begin, end
        end = begin


def _years_before(day: date, years: int) -> date:
    try:
        return day.replace(year=day.year - years)
    except ValueError:  # the 29th of February
        return day.replace(year=day.year - years, day=28)


def _averaged(daily: pl.DataFrame, period: str, spans: list[tuple[date, date]]) -> pl.DataFrame:
    """Average the indices of a period over spans of days; spans without a purchase don't count."""
    each = [_of_span(daily, period, begin, end) for begin, end in spans]
    keys = [*SEGMENT, "number"]
    averaged = pl.concat(each).group_by(keys).agg(
        years=pl.len().cast(pl.Int32),
        days=pl.col("days").sum(),
        purchases=pl.col("purchases").sum(),
        revenue=pl.col("revenue").sum(),
        # In the order of the years, so that the last digits are the same every time.
        purchase_index=pl.col("purchase_index").sort_by("begin").mean(),
        revenue_index=pl.col("revenue_index").sort_by("begin").mean(),
    )  # fmt: skip
    return averaged.select(*SEGMENT, pl.lit(period).alias("period"), *averaged.columns[2:])


def _of_span(daily: pl.DataFrame, period: str, begin: date, end: date) -> pl.DataFrame:
    """Return the indices of one span: a row per number and segment with a purchase in the span."""
    number = _NUMBERS[period].cast(pl.Int32).alias("number")
    calendar = pl.date_range(begin, end, closed="left", eager=True).alias("day").to_frame()
    days = calendar.group_by(number).agg(days=pl.len().cast(pl.Int64))
    sold = daily.filter(pl.col("day").is_between(begin, end, closed="left"))
    sums = sold.group_by(*SEGMENT, number).agg(pl.col("purchases", "revenue").sum())
    totals = sums.group_by(SEGMENT).agg(
        all_purchases=pl.col("purchases").sum(), all_revenue=pl.col("revenue").sum()
    )
    rows = totals.join(days, how="cross").join(
        sums, on=[*SEGMENT, "number"], how="left", nulls_equal=True
    )
    filled = rows.with_columns(
        pl.col("purchases").fill_null(0), pl.col("revenue").fill_null(pl.lit(0).cast(_MONEY))
    )
    span = (end - begin).days
    return filled.select(
        *SEGMENT,
        "number",
        "days",
        "purchases",
        "revenue",
        _index("purchases", span).alias("purchase_index"),
        _index("revenue", span).alias("revenue_index"),
        pl.lit(begin).alias("begin"),
    )


def _index(name: str, span: int) -> pl.Expr:
    """Divide a rate per day by the whole span's; null where the span has none."""
    part, whole = pl.col(name).cast(pl.Float64), pl.col(f"all_{name}").cast(pl.Float64)
    return pl.when(whole > 0).then(part * span / (whole * pl.col("days")))
