"""The optional family of seasons: against plain Python, and holidays by the calendar."""

import random
from datetime import date, datetime, timedelta
from fractions import Fraction

import numpy as np
import pytest
from oracle import Event
from plain_parts import parts_of
from random_logs import event

from custseg_spark.core.features import registry, seasonal
from custseg_spark.core.features.customers import customer_features
from custseg_spark.core.holidays import Calendar, is_holiday

AS_OF = date(2021, 3, 1)
CALENDAR = Calendar(("12-25", "02-29", "2020-11-27"), 3)
# The days that the calendar covers, of the years of the log.
HOLIDAYS = {
    *(date(year, 12, day) for year in (2018, 2019, 2020) for day in (23, 24, 25)),
    *(date(2020, 2, day) for day in (27, 28, 29)),
    *(date(2020, 11, day) for day in (25, 26, 27)),
}


def log_of(seed: int) -> list[Event]:
    rng = random.Random(seed)
    log = []
    for number in range(12):
        for _ in range(rng.randrange(1, 30)):
            day = rng.choice(sorted(HOLIDAYS)) if rng.random() < 0.2 else None
            at = day or AS_OF - timedelta(days=rng.randrange(-20, 800))
            kind = rng.choice(["view", "purchase", "purchase"])
            log.append(
                event(f"c{number}", datetime(at.year, at.month, at.day, 9).isoformat(), kind)
            )
    return [*log, event("never", "2021-01-02")]


def expected(log: list[Event], customer: str) -> dict[str, float | None]:
    own = [e["event_at"].date() for e in log if e["customer_id"] == customer]
    bought = [
        e["event_at"].date()
        for e in log
        if e["customer_id"] == customer
        and e["event_type"] == "purchase"
        and e["event_at"].date() < AS_OF
    ]
    assert own
    names = [f.name for f in seasonal.FAMILY.features]
    if not bought:
        return dict.fromkeys(names)
    shares = [sum((d.month + 2) // 3 == q for d in bought) for q in (1, 2, 3, 4)]
    months = {(d.year, d.month) for d in bought}
    first = min(months)
    span = (2021 - first[0]) * 12 + 2 - first[1] + 1
    counts = [*shares, sum(d in HOLIDAYS for d in bought)]
    of_all = [float(Fraction(n, len(bought))) for n in counts]
    values = [*of_all[:4], float(Fraction(len(months), span)), of_all[4]]
    return dict(zip(names, values, strict=True))


@pytest.mark.parametrize("seed", range(5))
def test_every_feature_is_that_of_plain_python(seed: int) -> None:
    log = log_of(seed)
    table = customer_features(
        parts_of(log), as_of=AS_OF, optional=[seasonal.SEASONAL], calendar=CALENDAR
    )
    names = ["customer_id", *(f.name for f in seasonal.FAMILY.features)]
    for row in table.select(names).to_pylist():
        assert row == {"customer_id": row["customer_id"], **expected(log, row["customer_id"])}


def test_nobody_who_bought_has_no_season() -> None:
    log = [event("never", "2021-01-02")]
    table = customer_features(parts_of(log), as_of=AS_OF, optional=[seasonal.SEASONAL])
    assert [table[f.name].to_pylist() for f in seasonal.FAMILY.features] == [[None]] * 6


def test_without_the_family_its_columns_are_null() -> None:
    table = customer_features(parts_of(log_of(1)), as_of=AS_OF)
    assert table["holiday_share"].null_count == len(table)
    assert seasonal.FAMILY not in registry.families()


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        ("12-25", True),
        ("02-29", True),
        ("2019-02-28", True),
        ("2019-02-29", False),
        ("02-30", False),
        ("1-1", False),
        ("2019-W01-1", False),
        ("Christmas", False),
        ("", False),
    ],
)
def test_a_holiday_is_a_day_of_the_year_or_a_date(text: str, is_one: bool) -> None:
    assert is_holiday(text) == is_one


def test_a_holiday_early_in_the_year_reaches_back_into_the_year_before() -> None:
    days = np.array([date(2020, 12, 30), date(2020, 12, 31), date(2021, 1, 1)], "datetime64[D]")
    covered = Calendar(("01-01",), 2).covers(days.astype(np.int64))
    assert covered.tolist() == [False, True, True]
    assert Calendar(("01-01",), 2).covers(days[:2].astype(np.int64)).tolist() == [False, True]
