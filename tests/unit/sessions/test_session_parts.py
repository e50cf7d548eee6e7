"""Parts of one day: where sessions begin and end, and what is added up over each."""

from dataclasses import dataclass
from decimal import Decimal

import pytest
import session_oracle
from session_events import (
    ABSURD_PRICES,
    PRICES,
    event,
    frame,
    gap,
    random_events,
    rows_by_session,
    shuffled,
    utc,
)

from custseg_spark.core.sessions.parts import session_parts
from custseg_spark.core.sessions.schema import PARTS


@dataclass(frozen=True)
class Case:
    """One customer's events as (time, session, order), and its parts (kind, id, events)."""

    name: str
    events: tuple[tuple[str, str | None, str | None], ...]
    expected: list[tuple[str, str, int]]


def unnamed(*times: str) -> tuple[tuple[str, None, None], ...]:
    return tuple((at, None, None) for at in times)


CASES = (
    Case(
        "30 minutes to the microsecond are no gap",
        unnamed("2021-02-01 10:00", "2021-02-01 10:30"),
        [("gap", gap("2021-02-01 10:00"), 2)],
    ),
    Case(
        "a microsecond more than 30 minutes is a gap",
        unnamed("2021-02-01 10:00", "2021-02-01 10:30:00.000001"),
        [
            ("gap", gap("2021-02-01 10:00"), 1),
            ("gap", gap("2021-02-01 10:30:00.000001"), 1),
        ],
    ),
    Case(
        "a session is as long as its events come",
        unnamed("2021-02-01 10:00", "2021-02-01 10:29", "2021-02-01 10:58", "2021-02-01 11:29"),
        [("gap", gap("2021-02-01 10:00"), 3), ("gap", gap("2021-02-01 11:29"), 1)],
    ),
    Case(
        "tied events are in one session",
        unnamed("2021-02-01 10:00", "2021-02-01 10:00", "2021-02-01 10:00"),
        [("gap", gap("2021-02-01 10:00"), 3)],
    ),
    Case(
        "a source's session knows no gap",
        (("2021-02-01 00:00", "s", None), ("2021-02-01 20:00", "s", None)),
        [("source", "s", 2)],
    ),
    Case(
        "an order is a session where there is no other",
        (("2021-02-01 10:00", "s", "o"), ("2021-02-01 10:01", None, "o")),
        [("order", "o", 1), ("source", "s", 1)],
    ),
    Case(
        "an order and a session of one id are two sessions",
        (("2021-02-01 10:00", "x", None), ("2021-02-01 10:01", None, "x")),
        [("order", "x", 1), ("source", "x", 1)],
    ),
    Case(
        "events with an id bridge no gap between those without",
        (
            ("2021-02-01 10:00", None, None),
            ("2021-02-01 10:20", "s", None),
            ("2021-02-01 10:40", None, None),
        ),
        [
            ("gap", gap("2021-02-01 10:00"), 1),
            ("gap", gap("2021-02-01 10:40"), 1),
            ("source", "s", 1),
        ],
    ),
    Case(
        "one id, two customers, two sessions: the first",
        (("2021-02-01 10:00", "shared", None),),
        [("source", "shared", 1)],
    ),
    Case(
        "one id, two customers, two sessions: the second",
        (("2021-02-01 10:00", "shared", None),) * 2,
        [("source", "shared", 2)],
    ),
)


@pytest.fixture(scope="module")
def literal() -> dict[str, list[tuple[str, str, int]]]:
    """The parts of all cases: each case is one customer."""
    log = [
        event(case.name, at, session_id=session, order_id=order)
        for case in CASES
        for at, session, order in case.events
    ]
    parts: dict[str, list[tuple[str, str, int]]] = {case.name: [] for case in CASES}
    for (customer, kind, name), row in rows_by_session(session_parts(frame(log))).items():
        parts[customer].append((kind, name, row["event_count"]))
    return parts


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_literal(case: Case, literal: dict[str, list[tuple[str, str, int]]]) -> None:
    assert sorted(literal[case.name]) == sorted(case.expected)


def test_no_events_are_no_parts() -> None:
    assert session_parts(frame([])).equals(PARTS.empty_table())


def test_events_of_two_dates_are_refused() -> None:
    events = [event("a", "2021-02-01 23:59"), event("a", "2021-02-02 00:00")]
    with pytest.raises(ValueError, match="more than one UTC date"):
        session_parts(frame(events))


def test_a_day_before_1970_has_its_hours() -> None:
    parts = session_parts(frame([event("a", "1969-12-31 18:00"), event("a", "1969-12-31 18:10")]))
    (row,) = parts.to_pylist()
    assert row["first_event_at"] == utc("1969-12-31 18:00")
    assert row["evening_event_count"] == 2
    assert [item["hour"] for item in row["items"]] == [18, 18]


def test_amounts_are_price_times_quantity_less_the_discount() -> None:
    events = [
        event("a", "2021-02-01 10:00", "purchase", "10", quantity=3, discount=Decimal("0.5")),
        event("a", "2021-02-01 10:01", "purchase", "2"),
        event("a", "2021-02-01 10:02", "return", "2", quantity=2, discount=Decimal(1)),
    ]
    (row,) = session_parts(frame(events)).to_pylist()
    assert row["purchase_amount"] == Decimal("31.5")
    assert row["return_amount"] == Decimal(3)
    assert row["discount_amount"] == Decimal("0.5")
    assert row["discounted_amount"] == Decimal("29.5")
    assert row["purchased_price_sum"] == Decimal(12)
    assert (row["first_purchase_at"], row["last_purchase_at"]) == (
        utc("2021-02-01 10:00"),
        utc("2021-02-01 10:01"),
    )


def test_the_largest_amounts_are_exact() -> None:
    largest = {"price": "99999999999999.9999", "quantity": 999_999_999}
    events = [event("a", "2021-02-01 10:00", "purchase", **largest)] * 9
    (row,) = session_parts(frame(events)).to_pylist()
    price_units = 10**18 - 1
    assert int(row["purchase_amount"].scaleb(4)) == 9 * price_units * 999_999_999


def test_squares_of_more_than_38_digits_are_null() -> None:
    absurd = [event("a", "2021-02-01 10:00", price="99999999999999.9999")]
    for count, is_null in ((100, False), (101, True), (200, True), (400, True)):
        (row,) = session_parts(frame(absurd * count)).to_pylist()
        assert (row["viewed_price_squares"] is None) == is_null, count


def test_logarithms_add_up_beyond_64_bits() -> None:
    event_ = event("a", "2021-02-01 10:00", price="99999999999999.9999")
    (row,) = session_parts(frame([event_]).sample(300_000, with_replacement=True)).to_pylist()
    assert row["log_price_sum"] == 300_000 * session_oracle.log_price(event_)


def test_rows_are_sorted_by_bucket_and_hash_of_the_customer() -> None:
    events = [event(f"customer {n}", "2021-02-01 10:00") for n in range(500)]
    customers = session_parts(frame(events))["customer_id"].to_pylist()
    assert customers == sorted(customers, key=lambda c: session_oracle.xxh64(c.encode(), 42))


@pytest.mark.parametrize("prices", [PRICES, ABSURD_PRICES], ids=["plain", "absurd"])
@pytest.mark.parametrize("seed", range(40))
def test_a_random_day_agrees_with_the_oracle(seed: int, prices: tuple[str, ...]) -> None:
    events = random_events(seed, days=1, prices=prices)
    rows = rows_by_session(session_parts(frame(events)))
    expected = {key[1:]: part for key, part in session_oracle.parts_of(events).items()}
    assert rows == expected


@pytest.mark.parametrize("seed", range(20))
def test_the_order_of_events_changes_nothing(seed: int) -> None:
    events = random_events(seed, days=1)
    assert session_parts(frame(shuffled(events, seed))).equals(session_parts(frame(events)))
