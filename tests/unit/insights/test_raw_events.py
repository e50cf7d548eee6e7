"""Counts of events as they came in: literal rows, slices, bins, the largest categories."""

from datetime import UTC, datetime
from decimal import Decimal
from random import Random

import polars as pl

from custseg_spark.core.insights import raw_events

TYPES = {
    "event_date": pl.Date,
    "event_at": pl.Datetime("us", "UTC"),
    "event_type": pl.String,
    "unit_price": pl.Decimal(18, 4),
    **dict.fromkeys(raw_events.MAY_LACK, pl.String),
}


def events(rows: list[dict[str, object]]) -> pl.DataFrame:
    """Rows by column, the columns that aren't named null."""
    return pl.DataFrame([{n: row.get(n) for n in TYPES} for row in rows], schema=TYPES)


def one(at: str, kind: str, price: str, **more: object) -> dict[str, object]:
    moment = datetime.fromisoformat(at).replace(tzinfo=UTC)
    given = {"event_date": moment.date(), "event_at": moment, "event_type": kind}
    return {**given, "unit_price": Decimal(price), **more}


ROWS = [
    one("2021-01-01 00:30", "view", "0", product_id="p", category_id="k1", category_code="shoes"),
    one("2021-01-01 00:59:59", "view", "0.0001", product_id="p", category_id="k1"),
    one("2021-01-01 23:00", "purchase", "0.01", product_id="p", category_id="k2", brand="b"),
    one("2021-01-02 00:00", "view", "19.9999", category_id="k2", session_id="s"),
    one("2021-01-02 00:00", "view", "20", category_id="k2", session_id="s"),
    one("2021-01-02 00:00", "return", "99999999999999.9999", order_id="o", store="x"),
]


def told(summary: pl.DataFrame, kind: str) -> list[tuple[object, ...]]:
    """The rows of a kind without the columns that are null in all of them."""
    rows = summary.filter(kind=kind).drop("kind")
    return rows.select(c.name for c in rows if c.null_count() < len(rows)).rows()


def test_each_kind_counts_what_it_says() -> None:
    frame = events(ROWS)
    summary = raw_events.summary([raw_events.event_counts(frame)])
    assert told(summary, "day") == [
        ("purchase", "2021-01-01", 1),
        ("return", "2021-01-02", 1),
        ("view", "2021-01-01", 2),
        ("view", "2021-01-02", 2),
    ]
    assert told(summary, "hour") == [
        ("purchase", "23", 1),
        ("return", "00", 1),
        ("view", "00", 4),
    ]
    assert told(summary, "price") == [
        ("purchase", 0.01, 0.02, 1),
        ("return", 5e13, 1e14, 1),
        # A free one for itself; 0.0001 is the smallest price; 20 begins a bin.
        ("view", 0.0, 0.0001, 1),
        ("view", 0.0001, 0.01, 1),
        ("view", 10.0, 20.0, 1),
        ("view", 20.0, 50.0, 1),
    ]
    assert told(summary, "missing") == [
        ("brand", 5),
        ("category_code", 5),
        ("category_id", 1),
        ("order_id", 5),
        ("product_id", 3),
        ("session_id", 4),
        ("store", 5),
    ]
    assert told(summary, "category") == [("k1", "shoes", 1), ("k1", None, 1), ("k2", None, 3)]


def test_slices_add_up_whatever_they_are() -> None:
    rng = Random(3)
    rows = [
        one(f"2021-01-{rng.randrange(1, 29):02} {rng.randrange(24):02}:00", "view",
            str(rng.randrange(1, 500)), category_id=f"k{rng.randrange(40)}")
        for _ in range(500)
    ]  # fmt: skip
    whole = raw_events.summary([raw_events.event_counts(events(rows))])
    slices = [raw_events.event_counts(events(rows[start::7])) for start in (3, 0, 6, 1, 2, 5, 4)]
    assert raw_events.summary(slices).equals(whole)
    assert raw_events.summary([]).is_empty()


def test_of_categories_the_largest_are_told_and_the_others_together() -> None:
    rows = [
        one("2021-01-01", "view", "1", category_id=f"k{n:02}")
        for n in range(25)
        for _ in range(3 if n == 24 else 1)
    ]
    summary = raw_events.summary([raw_events.event_counts(events(rows))])
    names = [(r["name"], r["count"]) for r in summary.filter(kind="category").to_dicts()]
    # Ties by id: k19 to k23 are among the others.
    assert names == [*((f"k{n:02}", 1) for n in range(19)), ("k24", 3), (None, 5)]


def test_customers_are_counted_by_bins_of_their_events() -> None:
    counts = raw_events.activity_counts(pl.Series([1, 1, 2, 3, 4, 5, 10, 11, 1_000, 20_000]))
    assert told(raw_events.summary([counts, counts]), "activity") == [
        (1.0, 1.0, 4),
        (2.0, 2.0, 2),
        (3.0, 3.0, 2),
        (4.0, 5.0, 4),
        (6.0, 10.0, 2),
        (11.0, 20.0, 2),
        (501.0, 1000.0, 2),
        (10001.0, None, 2),
    ]
    assert raw_events.activity_counts(pl.Series([], dtype=pl.Int64)).is_empty()
