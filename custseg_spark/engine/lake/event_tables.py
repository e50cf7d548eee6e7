"""Tables of events, and the tables made from them before any run; `schemas` declares the others."""

import pyarrow as pa

from custseg_spark.engine.lake.columns import (
    DAY,
    INT,
    ITEM,
    LOG_PRICE_SUM,
    LONG,
    MONEY,
    MONEY_SQUARES,
    MONEY_SUM,
    ORDER_LINES,
    REASON,
    TEXT,
    TIME,
    each,
    table,
)

EVENTS = table(
    "events",
    {
        "event_date": DAY,
        "event_at": TIME,
        **each(TEXT, "customer_id event_type product_id category_id category_code brand"),
        "unit_price": MONEY,
        "quantity": LONG,
        "discount": MONEY,
        **each(TEXT, "session_id order_id store event_id source source_file"),
        "source_row": LONG,
        "file_id": TEXT,
    },
    "event_date",
    # Of nineteen columns, most of them ids without an order, statistics cost and skip nothing.
    statistics=("event_at", "file_id"),
    hardly_repeating=("event_at", "event_id", "session_id", "order_id", "source_row"),
)

REJECTED_EVENTS = table(
    "rejected_events",
    {
        "ingest_date": DAY,
        **each(TEXT, "source source_file"),
        "source_row": LONG,
        "raw_record": TEXT,
        "reasons": pa.list_(REASON),
        "file_id": TEXT,
    },
    "ingest_date",
    hardly_repeating=("source_row", "raw_record"),
)

INGEST_FILES = table(
    "ingest_files",
    {
        **each(TEXT, "file_id source source_file source_table sha256"),
        **each(LONG, "bytes physical_records header blank accepted rejected ignored duplicates"),
        "rounded": LONG,
        "skipped_because": TEXT,
        "ingested_at": TIME,
    },
)

SESSIONS = table(
    "sessions",
    {
        "session_date": DAY,
        **each(TEXT, "customer_id session_kind session_id"),
        **each(TIME, "first_event_at last_event_at"),
        **each(LONG, "event_count view_count cart_count purchase_count return_count"),
        "evening_event_count": LONG,
        **each(MONEY_SUM, "purchase_amount return_amount discount_amount discounted_amount"),
        **each(TIME, "first_purchase_at last_purchase_at"),
        "viewed_price_sum": MONEY_SUM,
        "viewed_price_squares": MONEY_SQUARES,
        "max_viewed_price": MONEY,
        "purchased_price_sum": MONEY_SUM,
        "log_price_sum": LOG_PRICE_SUM,
        "log_price_count": LONG,
        "items": pa.list_(ITEM),
        "orders": pa.list_(ORDER_LINES),
    },
    "session_date",
    statistics=("first_event_at", "last_event_at"),
    hardly_repeating=(
        "customer_id",
        "session_id",
        "first_event_at",
        "last_event_at",
        "first_purchase_at",
        "last_purchase_at",
        "viewed_price_sum",
        "viewed_price_squares",
        "log_price_sum",
        "items.list.element.order_key",
        "orders.list.element.order_key",
        "orders.list.element.amount",
    ),
)

CUSTOMERS = table(
    "customers",
    {
        **each(TEXT, "customer_id name"),
        "age": INT,
        "income": MONEY,
        **each(TEXT, "gender education occupation zip_code source source_file"),
        "source_row": LONG,
        "file_id": TEXT,
    },
    hardly_repeating=("customer_id", "name", "source_row"),
)
