"""Literal and random events, as frames of the columns that session parts are made of."""

import random
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import polars as pl
import pyarrow as pa

Event = dict[str, Any]

EVENTS = pl.Schema(
    {
        "customer_id": pl.String,
        "event_type": pl.String,
        "product_id": pl.String,
        "category_id": pl.String,
        "brand": pl.String,
        "session_id": pl.String,
        "order_id": pl.String,
        "event_at": pl.Datetime("us", "UTC"),
        "unit_price": pl.Decimal(18, 4),
        "quantity": pl.Int64,
        "discount": pl.Decimal(18, 4),
    }
)
FIRST_DAY = date(2021, 2, 1)


def utc(at: str) -> datetime:
    return datetime.fromisoformat(at).replace(tzinfo=UTC)


def micros(at: str) -> int:
    return (utc(at) - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


def gap(at: str) -> str:
    """The id of the gap session that begins at that time."""
    return f"gap-{micros(at)}"


def event(customer: str, at: str, kind: str = "view", price: str = "10", **more: Any) -> Event:
    """One event; without a session or an order unless given."""
    given = {
        "event_at": utc(at),
        "event_type": kind,
        "customer_id": customer,
        "product_id": "p1",
        "category_id": "c1",
        "brand": "b1",
        "unit_price": Decimal(price),
        "quantity": 1,
        "discount": Decimal(0),
        "session_id": None,
        "order_id": None,
    }
    assert more.keys() <= given.keys()
    return given | more


def frame(events: Iterable[Event]) -> pl.DataFrame:
    return pl.DataFrame(list(events), schema=EVENTS)


def by_date(events: Iterable[Event]) -> dict[date, list[Event]]:
    days: dict[date, list[Event]] = {}
    for one in events:
        days.setdefault(one["event_at"].date(), []).append(one)
    return dict(sorted(days.items()))


def random_time(rng: random.Random, days: int) -> datetime:
    """A time within the days, often within two hours of a midnight or equal to another."""
    midnight = datetime.combine(FIRST_DAY, datetime.min.time(), UTC)
    if rng.random() < 0.6:
        offset = timedelta(days=rng.randint(0, days), minutes=rng.randint(-120, 120))
    else:
        offset = timedelta(days=rng.randrange(days), minutes=rng.randrange(24 * 60))
    offset += timedelta(microseconds=rng.choice((0, 0, 1, -1)))
    return midnight + min(max(offset, timedelta(0)), timedelta(days=days, microseconds=-1))


def random_event(rng: random.Random, days: int, prices: tuple[str, ...]) -> Event:
    return {
        "customer_id": f"customer {rng.randrange(5)}",
        "event_type": rng.choice(("view", "view", "cart", "purchase", "return")),
        "product_id": f"p{rng.randrange(4)}",
        "category_id": rng.choice((None, "c1", "c2")),
        "brand": rng.choice((None, "ä", "b")),
        "session_id": rng.choice((None, None, None, "s1", "x")),
        "order_id": rng.choice((None, None, "o1", "x")),
        "event_at": random_time(rng, days),
        "unit_price": Decimal(rng.choice(prices)),
        "quantity": rng.choice((1, 1, 1, 3)),
        "discount": Decimal(rng.choice(("0", "0", "0.5"))),
    }


PRICES = ("0", "0.0001", "9.99", "10", "1234.5678")
# Up to the largest that a price can be: squares leave 64 bits, and some sums of them 128.
ABSURD_PRICES = (*PRICES, "303700.0499", "303700.0501", "99999999999999.9999")


def random_events(seed: int, *, days: int, prices: tuple[str, ...] = PRICES) -> list[Event]:
    rng = random.Random(seed)
    return [random_event(rng, days, prices) for _ in range(rng.randint(1, 150))]


def shuffled(events: Iterable[Event], seed: int) -> list[Event]:
    result = list(events)
    random.Random(seed).shuffle(result)
    return result


def rows_by_session(parts: pa.Table) -> dict[tuple[str, str, str], dict[str, Any]]:
    """The parts as dicts by customer, kind and id; each key occurs once."""
    rows = {
        (row["customer_id"], row["session_kind"], row["session_id"]): row
        for row in parts.to_pylist()
    }
    assert len(rows) == len(parts)
    return rows
