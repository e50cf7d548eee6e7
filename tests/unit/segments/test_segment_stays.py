"""Entries, exits and re-entries over many runs: literal rows, and random ones in plain Python."""

from collections.abc import Mapping, Sequence
from datetime import date
from random import Random

import polars as pl

from custseg_spark.core.segments.stays import CHANGES, HISTORY, changes

JAN, FEB, MAR, APR, MAY = DAYS = [date(2021, month, 1) for month in range(1, 6)]
NAMES = {1: "Loyal", 2: "New", 3: "Dormant"}
# A customer's segment by run; None: not in the run.
Histories = Mapping[str, Sequence[int | None]]
Row = tuple[object, ...]


def history(customers: Histories, since: date | None = None) -> pl.DataFrame:
    rows = [
        (customer, day, segment, NAMES[segment], since if day == JAN and since else day)
        for customer, segments in customers.items()
        for day, segment in zip(DAYS, segments, strict=True)
        if segment
    ]
    return pl.DataFrame(rows, HISTORY, orient="row")


def found(customers: Histories, since: date, began: date | None = None) -> list[Row]:
    made = changes(history(customers, began), DAYS, since)
    assert made.schema == pl.Schema(CHANGES)
    return made.rows()


def test_who_moved_has_the_exit_of_one_segment_and_the_entry_of_the_other() -> None:
    assert found({"a": [1, 1, 1, 2, 2]}, FEB) == [
        ("a", "entered", 2, "New", 1, "Loyal", APR, None, False),
        ("a", "left", 1, "Loyal", 2, "New", JAN, APR, False),
    ]


def test_who_came_back_to_a_segment_re_entered_it() -> None:
    assert found({"a": [2, 1, 3, 2, 2]}, FEB) == [
        ("a", "entered", 2, "New", 1, "Loyal", APR, None, True),
        ("a", "left", 1, "Loyal", 2, "New", FEB, MAR, False),
    ]


def test_who_left_and_came_back_between_the_runs_has_both_rows_of_one_segment() -> None:
    assert found({"a": [1, 1, 2, 2, 1]}, FEB) == [
        ("a", "entered", 1, "Loyal", 1, "Loyal", MAY, None, True),
        ("a", "left", 1, "Loyal", 1, "Loyal", JAN, MAR, False),
    ]


def test_who_joined_only_entered_and_who_is_gone_only_left() -> None:
    assert found({"a": [None, None, None, 3, 3], "b": [1, 1, 1, None, None]}, FEB) == [
        ("a", "entered", 3, "Dormant", None, None, APR, None, False),
        ("b", "left", 1, "Loyal", None, None, JAN, APR, False),
    ]


def test_who_stayed_has_no_row() -> None:
    assert found({"a": [2, 1, 1, 1, 1], "b": [3, 3, 3, 3, 3]}, FEB) == []


def test_the_first_run_s_stay_goes_back_to_where_it_says() -> None:
    rows = found({"a": [1, 1, 1, 1, 2]}, FEB, began=date(2020, 6, 1))
    assert [row[6:8] for row in rows] == [(MAY, None), (date(2020, 6, 1), MAY)]


def oracle(customers: Histories, since: int) -> list[Row]:
    rows: list[Row] = []
    for customer, segments in customers.items():
        was, is_ = segments[since], segments[-1]
        if was == is_ and len(set(segments[since:])) == 1:
            continue
        for change, own, other, at in (
            ("entered", is_, was, len(DAYS) - 1),
            ("left", was, is_, since),
        ):
            if own is None:
                continue
            first = last = at
            while first and segments[first - 1] == own:
                first -= 1
            while last + 1 < len(DAYS) and segments[last + 1] == own:
                last += 1
            left_on = DAYS[last + 1] if last + 1 < len(DAYS) else None
            names = (own, NAMES[own], other, NAMES[other] if other else None)
            rows.append((customer, change, *names, DAYS[first], left_on, own in segments[:first]))
    return sorted(rows, key=str)


def test_any_history_has_what_looking_through_it_has() -> None:
    random = Random(5)
    for _ in range(40):
        customers = {
            f"c{n:02}": [random.choice([None, 1, 1, 2, 2, 3]) for _ in DAYS] for n in range(15)
        }
        for since in range(len(DAYS) - 1):
            assert sorted(found(customers, DAYS[since]), key=str) == oracle(customers, since)
