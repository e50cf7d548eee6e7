"""Columns of a session part: the table `sessions` without its partition `session_date`."""

import pyarrow as pa

from custseg_spark.core.events.schema import EVENT_TYPES

# Indices in EVENT_TYPES.
VIEW, CART, PURCHASE, RETURN = range(4)

# The kind of a session's id: the source's session, an order, or the time of the first event.
KINDS = ("source", "order", "gap")
SOURCE, ORDER, GAP = range(3)

MONEY = pa.decimal128(18, 4)
MONEY_SUM = pa.decimal128(28, 4)
MONEY_SQUARES = pa.decimal128(38, 8)
LOG_PRICE_SUM = pa.decimal128(28, 12)
TIME = pa.timestamp("us", tz="UTC")

ITEM = pa.struct(
    [
        ("product_key", pa.int64()),
        ("category_key", pa.int64()),
        ("brand_key", pa.int64()),
        ("hour", pa.int8()),
        ("order_key", pa.int64()),
    ]
)
ORDER_LINES = pa.struct(
    [("order_key", pa.int64()), ("quantity", pa.decimal128(28, 0)), ("amount", MONEY_SUM)]
)
ITEM_KEYS = tuple(field.name for field in ITEM)

PARTS = pa.schema(
    [
        ("customer_id", pa.string()),
        ("session_kind", pa.string()),
        ("session_id", pa.string()),
        ("first_event_at", TIME),
        ("last_event_at", TIME),
        ("event_count", pa.int64()),
        *((f"{event_type}_count", pa.int64()) for event_type in EVENT_TYPES),
        ("evening_event_count", pa.int64()),
        ("purchase_amount", MONEY_SUM),
        ("return_amount", MONEY_SUM),
        ("discount_amount", MONEY_SUM),
        ("discounted_amount", MONEY_SUM),
        ("first_purchase_at", TIME),
        ("last_purchase_at", TIME),
        ("viewed_price_sum", MONEY_SUM),
        ("viewed_price_squares", MONEY_SQUARES),
        ("max_viewed_price", MONEY),
        ("purchased_price_sum", MONEY_SUM),
        ("log_price_sum", LOG_PRICE_SUM),
        ("log_price_count", pa.int64()),
        ("items", pa.list_(ITEM)),
        ("orders", pa.list_(ORDER_LINES)),
    ]
)
