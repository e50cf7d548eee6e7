"""Session parts to buyers' purchase histories, whole and split at a cutoff."""

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st
from purchase_logs import (
    AS_OF,
    BEGIN,
    Purchase,
    expected_histories,
    parts_of,
    session_parts,
)

from custseg_spark.core.clv.histories import (
    first_purchase_day,
    purchase_history,
    split_histories,
)

WHOLE = ("x", "t_x", "age", "m")
CUT = ("cut_x", "cut_t_x", "cut_age", "cut_m")
LATE = ("held_out_purchases", "held_out_spend")

purchases = st.tuples(
    st.sampled_from(["a", "b", "c"]),
    st.integers(0, 30).map(lambda days: BEGIN + timedelta(days=days)),
    st.decimals(0, 10**9, places=4).map(str),
)


def by_customer(frame: pl.DataFrame, *columns: str) -> dict[str, tuple[Any, ...]]:
    return {row["customer_id"]: tuple(row[c] for c in columns) for row in frame.to_dicts()}


def test_a_history_is_of_purchase_days_before_the_run_date() -> None:
    parts = session_parts(
        [
            ("regular", date(2021, 1, 1), 1, "100"),
            ("regular", date(2021, 1, 1), 1, "50"),
            ("regular", date(2021, 1, 11), 2, "12.25"),
            ("regular", date(2021, 1, 12), 0, "0"),
            ("regular", date(2021, 1, 31), 1, "7.75"),
            ("regular", date(2021, 3, 1), 1, "1000"),
            ("once", date(2021, 2, 28), 1, "5"),
            ("freebie", date(2021, 2, 1), 1, "5"),
            ("freebie", date(2021, 2, 3), 1, "0"),
            ("looker", date(2021, 2, 1), 0, "0"),
            ("late", date(2021, 3, 1), 1, "5"),
        ]
    )
    history = purchase_history(parts, as_of=AS_OF)
    assert history.columns == ["customer_id", *WHOLE]
    assert by_customer(history, *WHOLE) == {
        "regular": (2, 30, 59, 10.0),
        "once": (0, 0, 1, None),
        "freebie": (1, 2, 28, 0.0),
    }


def test_a_split_history_has_the_purchases_before_and_after_the_cutoff() -> None:
    log = [
        ("both", date(2021, 1, 1), "1"),
        ("both", date(2021, 1, 31), "20.5"),
        ("both", date(2021, 2, 1), "4"),
        ("both", date(2021, 2, 28), "5.25"),
        ("new", date(2021, 2, 10), "7"),
        ("gone", date(2021, 1, 2), "9"),
    ]
    parts = parts_of(log)
    split = split_histories(parts, as_of=AS_OF, cutoff=date(2021, 2, 1))
    assert split.columns == ["customer_id", *WHOLE, *CUT, *LATE]
    assert by_customer(split, *CUT) == {
        "both": (1, 30, 31, 20.5),
        "new": (None, None, None, None),
        "gone": (0, 0, 30, None),
    }
    assert by_customer(split, *LATE) == {
        "both": (2, Decimal("9.2500")),
        "new": (1, Decimal("7.0000")),
        "gone": (0, Decimal("0.0000")),
    }
    assert by_customer(split, *WHOLE) == by_customer(purchase_history(parts, as_of=AS_OF), *WHOLE)


@given(log=st.lists(purchases, max_size=40), cut=st.integers(0, 31), end=st.integers(0, 31))
@settings(max_examples=100, deadline=None)
def test_histories_are_those_of_a_loop_over_the_purchases(
    log: list[Purchase], cut: int, end: int
) -> None:
    as_of, cutoff = BEGIN + timedelta(days=max(cut, end)), BEGIN + timedelta(days=min(cut, end))
    split = split_histories(parts_of(log), as_of=as_of, cutoff=cutoff)
    assert by_customer(split, *WHOLE) == expected_histories(log, as_of)
    with_days = split.filter(pl.col("cut_x").is_not_null())
    assert by_customer(with_days, *CUT) == expected_histories(log, cutoff)
    late = {who: [p for p in log if p[0] == who and cutoff <= p[1] < as_of] for who, _, _ in log}
    expected = {
        who: (
            len({day for _, day, _ in late[who]}),
            sum((Decimal(p[2]) for p in late[who]), Decimal(0)),
        )
        for who in expected_histories(log, as_of)
    }
    assert by_customer(split, *LATE) == expected


def test_amounts_beyond_64_bits_are_added_exactly() -> None:
    amount = "99999999999999999999.0001"
    log = [("a", BEGIN + timedelta(days=day), amount) for day in range(4)]
    split = split_histories(parts_of(log), as_of=AS_OF, cutoff=BEGIN)
    assert split["held_out_spend"].to_list() == [4 * Decimal(amount)]


def test_nobody_s_parts_are_no_histories_of_the_same_columns() -> None:
    nobody = split_histories(parts_of([]), as_of=AS_OF, cutoff=BEGIN)
    somebody = split_histories(parts_of([("a", BEGIN, "1")]), as_of=AS_OF, cutoff=BEGIN)
    assert len(nobody) == 0
    assert nobody.schema == somebody.schema


def test_the_first_purchase_day_is_of_a_purchase_before_the_run_date() -> None:
    parts = session_parts(
        [("a", BEGIN, 0, "0"), ("b", date(2020, 5, 1), 1, "3"), ("b", date(2020, 4, 30), 2, "3")]
    )
    assert first_purchase_day(parts, as_of=AS_OF) == date(2020, 4, 30)
    assert first_purchase_day(parts, as_of=date(2020, 4, 30)) is None
