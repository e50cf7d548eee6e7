"""Columns of validated events and of refused records."""

from datetime import timedelta

import polars as pl

EVENT_TYPES = ("view", "cart", "purchase", "return")
MONEY = pl.Decimal(18, 4)
MONEY_DIGITS_BEFORE_POINT = 14
# Trackers' clocks run ahead; more than a day means a wrong clock or time zone.
LATEST_AFTER_INGEST = timedelta(days=1)

EVENTS = pl.Schema(
    {
        "event_date": pl.Date(),
        "event_at": pl.Datetime("us", "UTC"),
        "customer_id": pl.String(),
        "event_type": pl.String(),
        "product_id": pl.String(),
        "category_id": pl.String(),
        "category_code": pl.String(),
        "brand": pl.String(),
        "unit_price": MONEY,
        "quantity": pl.Int64(),
        "discount": MONEY,
        "session_id": pl.String(),
        "order_id": pl.String(),
        "store": pl.String(),
        "event_id": pl.String(),
        "source": pl.String(),
        "source_file": pl.String(),
        "source_row": pl.Int64(),
        "file_id": pl.String(),
    }
)

CUSTOMERS = pl.Schema(
    {
        "customer_id": pl.String(),
        "name": pl.String(),
        "age": pl.Int32(),
        "income": MONEY,
        "gender": pl.String(),
        "education": pl.String(),
        "occupation": pl.String(),
        "zip_code": pl.String(),
        "source": pl.String(),
        "source_file": pl.String(),
        "source_row": pl.Int64(),
        "file_id": pl.String(),
    }
)

REASON = pl.Struct(
    {"code": pl.String(), "field": pl.String(), "value": pl.String(), "expected": pl.String()}
)

# The writer adds the date of the ingest, by which the table of refused records is partitioned.
REJECTED = pl.Schema(
    {
        "source": pl.String(),
        "source_file": pl.String(),
        "source_row": pl.Int64(),
        "raw_record": pl.String(),
        "reasons": pl.List(REASON),
        "file_id": pl.String(),
    }
)
