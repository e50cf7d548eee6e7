"""Indices of months, weeks and weekdays: literal logs, years aligned, segments, too short a log."""

from datetime import date, timedelta
from decimal import Decimal

import polars as pl
import pyarrow as pa
import pytest

from custseg_spark.core.insights import seasons

AS_OF = date(2021, 7, 1)
LABELS = pa.table(
    {
        "algorithm": ["kmeans"] * 2 + ["bisecting_kmeans"] * 2,
        "customer_id": ["a", "b"] * 2,
        "segment_id": pa.array([1, 2, 5, 5], pa.int32()),
    }
)


def parts(rows: list[tuple[str, date, int, str]]) -> pa.Table:
    """Session parts of (customer, day, purchases, amount)."""
    columns = list(zip(*rows, strict=True)) or [()] * 4
    types = (pa.string(), pa.date32(), pa.int64(), pa.decimal128(28, 4))
    values = [*columns[:3], [Decimal(amount) for amount in columns[3]]]
    return pa.table(
        [pa.array(v, t) for v, t in zip(values, types, strict=True)], names=seasons.PART_COLUMNS
    )


def every_day(days: int, rate: dict[int, int], growth: int = 1) -> list[tuple[str, date, int, str]]:
    """Purchases a day by month, before AS_OF; `growth` times as many in each later year."""
    rows = []
    for back in range(1, days + 1):
        day = AS_OF - timedelta(days=back)
        year = day.year + (day.month >= AS_OF.month)
        number = rate.get(day.month, 1) * growth ** (year - 2018)
        rows.append(("a", day, number, str(2 * number)))
    return rows


def made(rows: list[tuple[str, date, int, str]], first: date | None = None) -> pl.DataFrame:
    frames = [seasons.daily(parts(rows[start::2]), LABELS) for start in (1, 0)]
    return seasons.indices(seasons.added(frames), first or min(r[1] for r in rows), AS_OF)


def test_a_month_of_three_times_the_rate_stands_out_as_much() -> None:
    found = made(every_day(365, {12: 3})).filter(period="month", segment_id=1)
    of_month = dict(found.select("number", "purchase_index").rows())
    mean = (334 + 3 * 31) / 365
    assert of_month.keys() == set(range(1, 13))
    assert of_month[12] == pytest.approx(3 / mean)
    assert of_month[2] == pytest.approx(1 / mean)
    assert found["years"].unique().to_list() == [1]
    assert found["days"].sum() == 365
    assert found["revenue_index"].to_list() == pytest.approx(found["purchase_index"].to_list())
    assert found["revenue"].sum() == 2 * found["purchases"].sum() == 2 * (334 + 93)


def test_growth_is_no_season_since_each_year_has_its_own_mean() -> None:
    # Of 1,000 days two whole years count, and not the months that are there a third time.
    found = made(every_day(1_000, {}, growth=3)).filter(period="month", segment_id=1)
    assert found["years"].to_list() == [2] * 12
    assert found["days"].sum() == 731
    assert found["purchase_index"].to_list() == pytest.approx([1.0] * 12)


def test_a_leap_years_day_belongs_to_its_month() -> None:
    found = made(every_day(500, {})).filter(period="month", segment_id=1, number=2)
    assert found.select("days", "years").rows() == [(28, 1)]
    as_of = date(2020, 7, 1)
    rows = [("a", as_of - timedelta(days=n), 1, "1") for n in range(1, 367)]
    daily = seasons.added([seasons.daily(parts(rows), LABELS)])
    whole = seasons.indices(daily, date(2019, 7, 1), as_of).filter(period="month", segment_id=1)
    assert whole.filter(number=2)["days"].item() == 29
    assert whole["purchase_index"].to_list() == pytest.approx([1.0] * 12)


def test_segments_have_their_own_seasons_and_everybody_one() -> None:
    rows = [*every_day(365, {12: 3}), ("b", date(2021, 6, 3), 5, "1.5")]
    found = made(rows)
    of_b = found.filter(period="month", segment_id=2)
    assert dict(of_b.select("number", "purchase_index").rows()) == {
        n: pytest.approx(365 / 30 if n == 6 else 0) for n in range(1, 13)
    }
    everybody = found.filter(pl.col("segment_id").is_null(), period="month")
    assert everybody["algorithm"].unique().sort().to_list() == ["bisecting_kmeans", "kmeans"]
    for algorithm in ("kmeans", "bisecting_kmeans"):
        own = everybody.filter(algorithm=algorithm)
        assert own["purchases"].sum() == 334 + 93 + 5
    one, all_ = (
        found.filter(pl.col("segment_id").eq_missing(segment), algorithm="bisecting_kmeans")
        for segment in (5, None)
    )
    assert one.drop("segment_id").equals(all_.drop("segment_id"))


def test_weekdays_are_of_whole_weeks() -> None:
    # 2021-07-01 is a Thursday; Saturdays have four times the purchases.
    rows = [
        ("a", day, 4 if day.isoweekday() == 6 else 1, "1")
        for day in (AS_OF - timedelta(days=back) for back in range(1, 41))
    ]
    found = made(rows)
    assert found["period"].unique().to_list() == ["weekday"]
    own = found.filter(segment_id=1)
    assert own.select("number", "days", "years").rows() == [(n, 5, None) for n in range(1, 8)]
    indices = own["purchase_index"].to_list()
    assert indices == pytest.approx([0.7, 0.7, 0.7, 0.7, 0.7, 2.8, 0.7])


def test_iso_weeks_have_a_53rd_in_years_that_have_it() -> None:
    found = made(every_day(365, {})).filter(period="week", segment_id=1)
    # 2020-07-01 to 2021-06-30: weeks 27 to 53 and 1 to 26, 53 of four to seven days.
    assert found["number"].to_list() == list(range(1, 54))
    assert found["days"].sum() == 365
    assert found["purchase_index"].to_list() == pytest.approx([1.0] * 53)


def test_too_short_a_log_has_no_indices() -> None:
    assert made([("a", AS_OF - timedelta(days=3), 1, "1")]).is_empty()
    nothing = seasons.added([seasons.daily(parts([("a", AS_OF, 0, "0")]), LABELS)])
    assert seasons.indices(nothing, date(2010, 1, 1), AS_OF).is_empty()
