"""Session parts again, in plain Python, sharing no code with the package."""

import math
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_HALF_EVEN, Decimal, localcontext
from typing import Any

from session_events import Event

_WORD = 2**64
_P1, _P2, _P3 = 0x9E3779B185EBCA87, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9
_P4, _P5 = 0x85EBCA77C2B2AE63, 0x27D4EB2F165667C5

Part = dict[str, Any]
PartKey = tuple[date, str, str, str]


def _rotated(value: int, bits: int) -> int:
    return ((value << bits) | (value >> (64 - bits))) % _WORD


def _round(lane: int, word: int) -> int:
    return _rotated((lane + word * _P2) % _WORD, 31) * _P1 % _WORD


def xxh64(content: bytes, seed: int) -> int:
    """XXH64, from its specification."""
    at, length = 0, len(content)
    if length >= 32:
        lanes = [(seed + _P1 + _P2) % _WORD, (seed + _P2) % _WORD, seed, (seed - _P1) % _WORD]
        while at + 32 <= length:
            for lane in range(4):
                word = int.from_bytes(content[at : at + 8], "little")
                lanes[lane] = _round(lanes[lane], word)
                at += 8
        rotations = zip(lanes, (1, 7, 12, 18), strict=True)
        value = sum(_rotated(lane, bits) for lane, bits in rotations) % _WORD
        for lane in lanes:
            value = ((value ^ _round(0, lane)) * _P1 + _P4) % _WORD
    else:
        value = (seed + _P5) % _WORD
    value = (value + length) % _WORD
    while at + 8 <= length:
        word = int.from_bytes(content[at : at + 8], "little")
        value = (_rotated(value ^ _round(0, word), 27) * _P1 + _P4) % _WORD
        at += 8
    if at + 4 <= length:
        word = int.from_bytes(content[at : at + 4], "little")
        value = (_rotated(value ^ (word * _P1 % _WORD), 23) * _P2 + _P3) % _WORD
        at += 4
    for byte in content[at:]:
        value = _rotated(value ^ (byte * _P5 % _WORD), 11) * _P1 % _WORD
    for bits, prime in ((33, _P2), (29, _P3)):
        value = (value ^ (value >> bits)) * prime % _WORD
    return value ^ (value >> 32)


def signed(value: int) -> int:
    return value - _WORD if value >= _WORD // 2 else value


def key(text: str | None, seed: int = 42) -> int | None:
    return None if text is None else signed(xxh64(text.encode(), seed))


def bucket(customer: str) -> int:
    return xxh64(customer.encode(), 42) >> 48


def session_of_events(events: Iterable[Event]) -> dict[PartKey, list[Event]]:
    """The events of each part, over any number of days."""
    parts: dict[PartKey, list[Event]] = {}
    last: dict[str, datetime] = {}
    gap_id: dict[str, str] = {}
    for one in sorted(events, key=lambda e: e["event_at"]):
        customer, at = one["customer_id"], one["event_at"]
        if one["session_id"] is not None:
            kind, name = "source", one["session_id"]
        elif one["order_id"] is not None:
            kind, name = "order", one["order_id"]
        else:
            if customer not in last or at - last[customer] > timedelta(minutes=30):
                since = (at - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
                gap_id[customer] = f"gap-{since}"
            last[customer] = at
            kind, name = "gap", gap_id[customer]
        parts.setdefault((at.date(), customer, kind, name), []).append(one)
    return parts


def parts_of(events: Iterable[Event]) -> dict[PartKey, Part]:
    return {key: part(key, own) for key, own in session_of_events(events).items()}


def part(name: PartKey, events: list[Event]) -> Part:
    _, customer, kind, session_id = name
    of = {t: [e for e in events if e["event_type"] == t] for t in _TYPES}
    times = [e["event_at"] for e in events]
    bought_at = [e["event_at"] for e in of["purchase"]]
    viewed = [e["unit_price"] for e in of["view"]]
    logs = [log_price(e) for e in events if e["category_id"] is not None and e["unit_price"] > 0]
    with localcontext() as context:
        context.prec = 60
        squares = sum((p * p for p in viewed), Decimal(0))
        return {
            "customer_id": customer,
            "session_kind": kind,
            "session_id": session_id,
            "first_event_at": min(times),
            "last_event_at": max(times),
            "event_count": len(events),
            **{f"{t}_count": len(own) for t, own in of.items()},
            "evening_event_count": sum(t.hour >= 18 for t in times),
            "purchase_amount": money(amount(e) for e in of["purchase"]),
            "return_amount": money(amount(e) for e in of["return"]),
            "discount_amount": money(e["discount"] for e in of["purchase"]),
            "discounted_amount": money(amount(e) for e in of["purchase"] if e["discount"] > 0),
            "first_purchase_at": min(bought_at, default=None),
            "last_purchase_at": max(bought_at, default=None),
            "viewed_price_sum": money(viewed),
            "viewed_price_squares": squares if squares < Decimal(10) ** 30 else None,
            "max_viewed_price": max(viewed, default=None),
            "purchased_price_sum": money(e["unit_price"] for e in of["purchase"]),
            "log_price_sum": money(logs),
            "log_price_count": len(logs),
            "items": items(kind, session_id, events),
            "orders": orders(kind, session_id, of["purchase"]),
        }


_TYPES = ("view", "cart", "purchase", "return")


def money(values: Iterable[Decimal]) -> Decimal:
    return sum(values, Decimal(0))


def amount(event: Event) -> Decimal:
    paid: Decimal = event["unit_price"] * event["quantity"] - event["discount"]
    return paid


def log_price(event: Event) -> Decimal:
    """ln(unit price) to twelve decimals."""
    units = math.log(float(event["unit_price"])) * 1e12
    return Decimal(units).quantize(Decimal(1), ROUND_HALF_EVEN) / 10**12


def orders(kind: str, session_id: str, bought: list[Event]) -> list[dict[str, Any]]:
    """The orders of a part by key: pieces and amounts."""
    found: dict[int | None, list[Event]] = {}
    for one in bought:
        found.setdefault(order_key(kind, session_id, one), []).append(one)
    return [
        {
            "order_key": order,
            "quantity": Decimal(sum(e["quantity"] for e in own)),
            "amount": money(amount(e) for e in own),
        }
        for order, own in sorted(found.items(), key=lambda pair: pair[0] or 0)
    ]


def order_key(kind: str, session_id: str, one: Event) -> int | None:
    chained = xxh64(session_id.encode(), xxh64(kind.encode(), 42))
    return signed(chained) if one["order_id"] is None else key(one["order_id"])


def items(kind: str, session_id: str, events: list[Event]) -> list[dict[str, int | None]]:
    found = []
    for one in events:
        order = None
        if one["event_type"] == "purchase":
            order = order_key(kind, session_id, one)
        found.append(
            {
                "product_key": key(one["product_id"]),
                "category_key": key(one["category_id"]),
                "brand_key": key(one["brand"]),
                "hour": one["event_at"].hour,
                "order_key": order,
            }
        )
    return sorted(found, key=lambda item: [(v is not None, v or 0) for v in item.values()])
