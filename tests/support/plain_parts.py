"""Rows of the tables `events` and `sessions` from literal events, made in plain Python."""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import UTC, date
from decimal import Decimal
from typing import Any

import numpy as np
import oracle
import polars as pl
import pyarrow as pa
from oracle import Event

from custseg_spark.core.features.customers import customer_features
from custseg_spark.core.features.levels import Levels
from custseg_spark.core.features.scores import buyer_values, score_cutoffs, value_counts

_SUM = pa.decimal128(28, 4)
_TIME = pa.timestamp("us", tz="UTC")
_ITEM = {
    "product_key": pa.int64(),
    "category_key": pa.int64(),
    "brand_key": pa.int64(),
    "hour": pa.int8(),
    "order_key": pa.int64(),
}
_ORDER = {"order_key": pa.int64(), "quantity": pa.decimal128(28, 0), "amount": _SUM}
PARTS = pa.schema(
    {
        "session_date": pa.date32(),
        "customer_id": pa.string(),
        "session_kind": pa.string(),
        "session_id": pa.string(),
        "first_event_at": _TIME,
        "last_event_at": _TIME,
        "event_count": pa.int64(),
        "view_count": pa.int64(),
        "cart_count": pa.int64(),
        "purchase_count": pa.int64(),
        "return_count": pa.int64(),
        "evening_event_count": pa.int64(),
        "purchase_amount": _SUM,
        "return_amount": _SUM,
        "discount_amount": _SUM,
        "discounted_amount": _SUM,
        "first_purchase_at": _TIME,
        "last_purchase_at": _TIME,
        "viewed_price_sum": _SUM,
        "viewed_price_squares": pa.decimal128(38, 8),
        "max_viewed_price": pa.decimal128(18, 4),
        "purchased_price_sum": _SUM,
        "log_price_sum": pa.decimal128(28, 12),
        "log_price_count": pa.int64(),
        "items": pa.list_(pa.struct(list(_ITEM.items()))),
        "orders": pa.list_(pa.struct(list(_ORDER.items()))),
    }
)
EVENTS = {
    "event_date": pl.Date(),
    "customer_id": pl.String(),
    "event_type": pl.String(),
    "product_id": pl.String(),
    "category_id": pl.String(),
    "unit_price": pl.Decimal(18, 4),
}


def event_frame(events: Iterable[Event]) -> pl.DataFrame:
    """Rows of the table `events`, of the columns that a kernel of this area reads."""
    rows = [e | {"event_date": e["event_at"].date()} for e in events]
    return pl.DataFrame([{c: row[c] for c in EVENTS} for row in rows], schema=EVENTS)


def parts_of(events: Iterable[Event]) -> pa.Table:
    """Rows of the table `sessions`: one a customer, session and UTC day."""
    of_customer: dict[str, list[Event]] = defaultdict(list)
    for one in events:
        of_customer[one["customer_id"]].append(one)
    parts = []
    for own in of_customer.values():
        for session, session_events in oracle.sessions_of(own).items():
            of_day: dict[date, list[Event]] = defaultdict(list)
            for one in session_events:
                of_day[one["event_at"].date()].append(one)
            parts += [_part(day, session, of_part) for day, of_part in of_day.items()]
    return pa.Table.from_pylist(parts, PARTS)


def levels_of(events: Iterable[Event], as_of: date) -> Levels:
    """The categories' price levels before `as_of`."""
    logs: dict[int, list[Decimal]] = defaultdict(list)
    for one in events:
        if one["event_at"].date() < as_of and _is_comparable(one):
            logs[key_of(one["category_id"])].append(oracle.log_price(one))
    units = {k: int(oracle.price_level(own) * 10**12) for k, own in logs.items()}
    keys = sorted(units)
    return Levels(np.array(keys, np.int64), np.array([units[k] for k in keys], np.int64))


def features_of(
    parts: pa.Table, events: Sequence[Event], as_of: date, **more: Any
) -> dict[str, dict[str, Any]]:
    """By customer every feature and score that isn't of an optional family or lifetime value."""
    cutoffs = score_cutoffs(value_counts(buyer_values(parts, as_of)))
    levels = levels_of(events, as_of)
    table = customer_features(parts, as_of=as_of, levels=levels, cutoffs=cutoffs, **more)
    rows = {row.pop("customer_id"): row for row in table.to_pylist()}
    assert len(rows) == len(table)
    return rows


def _part(day: date, session: tuple[str, Any], events: Sequence[Event]) -> dict[str, Any]:
    times = [e["event_at"].replace(tzinfo=UTC) for e in events]
    of_type = {k: oracle.of_type(events, k) for k in ("view", "cart", "purchase", "return")}
    bought, viewed = of_type["purchase"], [e["unit_price"] for e in of_type["view"]]
    reduced = [e for e in bought if e["discount"] > 0]
    logs = [oracle.log_price(e) for e in events if _is_comparable(e)]
    bought_at = [e["event_at"].replace(tzinfo=UTC) for e in bought]
    return {
        "session_date": day,
        "customer_id": events[0]["customer_id"],
        "session_kind": session[0],
        "session_id": str(session[1]),
        "first_event_at": min(times),
        "last_event_at": max(times),
        "event_count": len(events),
        **{f"{kind}_count": len(own) for kind, own in of_type.items()},
        "evening_event_count": sum(t.hour >= 18 for t in times),
        "purchase_amount": _sum(map(oracle.amount, bought)),
        "return_amount": _sum(map(oracle.amount, of_type["return"])),
        "discount_amount": _sum(e["discount"] for e in bought),
        "discounted_amount": _sum(map(oracle.amount, reduced)),
        "first_purchase_at": min(bought_at, default=None),
        "last_purchase_at": max(bought_at, default=None),
        "viewed_price_sum": _sum(viewed),
        "viewed_price_squares": _sum(p * p for p in viewed),
        "max_viewed_price": max(viewed, default=None),
        "purchased_price_sum": _sum(e["unit_price"] for e in bought),
        "log_price_sum": _sum(logs),
        "log_price_count": len(logs),
        "items": [_item(e, session) for e in events],
        "orders": _orders(bought, session),
    }


def _orders(bought: Sequence[Event], session: tuple[str, Any]) -> list[dict[str, Any]]:
    orders: dict[int, list[Event]] = defaultdict(list)
    for one in bought:
        orders[_item(one, session)["order_key"]].append(one)
    return [
        {
            "order_key": key,
            "quantity": Decimal(sum(e["quantity"] for e in own)),
            "amount": _sum(map(oracle.amount, own)),
        }
        for key, own in orders.items()
    ]


def _item(one: Event, session: tuple[str, Any]) -> dict[str, Any]:
    order = session if one["order_id"] is None else ("order", one["order_id"])
    return {
        "product_key": key_of(one["product_id"]),
        "category_key": key_of(one["category_id"]),
        "brand_key": key_of(one["brand"]),
        "hour": one["event_at"].hour,
        "order_key": key_of(order) if one["event_type"] == "purchase" else None,
    }


def _is_comparable(one: Event) -> bool:
    return one["category_id"] is not None and one["unit_price"] > 0


def _sum(values: Iterable[Decimal]) -> Decimal:
    return sum(values, Decimal(0))


def key_of(value: Any) -> Any:
    """64 bits of a value, null for null."""
    if value is None:
        return None
    digest = hashlib.blake2b(repr(value).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big", signed=True)
