"""Events as the oracle takes them, literal and random ones, and logs of them as text.

A log has copies, refused lines and amounts in every form; what must become of it follows from
how it was made: `Log.events` are the events that are there.
"""

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any

from oracle import Event

# The run date of random events; some are at and after it.
END = datetime(2021, 3, 1)

_STEPS = (
    *[timedelta(0)] * 2,
    *[timedelta(minutes=7, seconds=13)] * 6,
    timedelta(minutes=30),
    timedelta(minutes=30, microseconds=1),
    timedelta(hours=3),
    timedelta(days=1, minutes=11),
    timedelta(days=26),
)

# Canonical to source columns: each column that makes a feature, and one that no mapping knows.
COLUMNS = {
    "event_at": "at",
    "event_type": "kind",
    "customer_id": "customer",
    "product_id": "product",
    "category_id": "category",
    "brand": "make",
    "unit_price": "price",
    "quantity": "pieces",
    "discount": "off",
    "session_id": "visit",
    "order_id": "order",
}
HEADER = (*COLUMNS.values(), "note")
# The mapping file of such logs.
MAPPING: dict[str, Any] = {
    "columns": COLUMNS,
    "event_at_formats": ("yyyy-MM-dd HH:mm:ss.SSSSSS",),
    "event_types": {"view": "view", "cart": "cart", "buy": "purchase", "return": "return"},
}
_SOURCE_TYPES = {kind: source for source, kind in MAPPING["event_types"].items()}
_REFUSED = (
    {"at": "2021-02-30 10:00:00.000000"},
    {"at": "1821-02-03 10:00:00.000000"},
    {"kind": "wish"},
    {"customer": ""},
    {"price": "-0.01"},
    {"price": "NaN"},
    {"pieces": "1.5"},
    {"note": "one,more"},
)


@dataclass(frozen=True)
class Log:
    """Lines without their header; distinct events; refused lines."""

    lines: tuple[str, ...]
    events: tuple[Event, ...]
    refused: int


def event(customer: str, at: str, kind: str = "view", price: str = "10", **more: Any) -> Event:
    """One event; `at` is an ISO time in UTC. Without a session or an order unless given."""
    given = {
        "event_at": datetime.fromisoformat(at),
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


def random_events(seed: int, customers: int) -> list[Event]:
    """Events of the shapes that break features; some at and after END."""
    rng = random.Random(seed)
    events: list[Event] = []
    for number in range(customers):
        events += _of_customer(rng, f"{seed}-{number}")
    return [*events, *_shared_session(seed), *_straddling_sessions(seed)]


def random_log(seed: int, customers: int) -> Log:
    """The random events as lines in any order, with copies and refused lines between them."""
    rng = random.Random(f"log {seed}")
    exact: dict[tuple[Any, ...], Event] = {}
    lines = []
    for one in random_events(seed, customers):
        # Digits beyond the fourth tell events apart, and are rounded away.
        priced = one | {"unit_price": one["unit_price"] + Decimal(rng.choice(_FIFTH_DIGITS))}
        exact.setdefault(tuple(priced.values()), priced)
        lines += [_line(rng, priced) for _ in range(rng.choice((1, 1, 1, 2)))]
    refused = rng.randrange(2 * customers)
    good = event("refused", "2021-02-03")
    lines += [_line(rng, good, rng.choice(_REFUSED)) for _ in range(refused)]
    rng.shuffle(lines)
    return Log(tuple(lines), tuple(map(_rounded, exact.values())), refused)


def log_file(lines: Sequence[str]) -> bytes:
    """A CSV file with its header."""
    return "".join(f"{line}\n" for line in (",".join(HEADER), *lines)).encode()


Features = dict[str, dict[str, Any]]

# Columns that the oracle doesn't compute: they are null in these tests. Lifetime values come from
# fitted models; the families of attributes and seasons aren't asked for, and price_relative only
# where the oracle's own function for it is. Tests of their own compare them.
NULL_WITHOUT_AN_ORACLE = frozenset(
    {
        *("expected_purchases_90d", "p_alive", "clv_12m"),
        *("age_years", "declared_income", "education_level"),
        *("is_female", "is_male", "occupation_share"),
        *(f"quarter_{quarter}_share" for quarter in range(1, 5)),
        *("month_regularity", "holiday_share"),
        *("price_tier", "discount_share"),
    }
)


def differences(computed: Features, expected: Features) -> list[str]:
    """Return customers and features whose values differ from the oracle's.

    A column that only one side has is a difference; of NULL_WITHOUT_AN_ORACLE a value is one.
    """
    assert computed.keys() == expected.keys()
    return [
        f"{customer} {name}: {wrong}"
        for customer, values in expected.items()
        for name in sorted(values.keys() | computed[customer].keys())
        if (wrong := _wrong(name, computed[customer], values))
    ]


def _wrong(name: str, computed: dict[str, Any], expected: dict[str, Any]) -> str | None:
    """Say how one feature of a customer differs; None if it doesn't."""
    if name not in computed:
        return "the product lacks it"
    if name not in expected and name not in NULL_WITHOUT_AN_ORACLE:
        return "the oracle lacks it"
    return _difference(computed[name], expected.get(name))


def _difference(computed: Any, expected: Any) -> str | None:
    """Say how two values differ; doubles may in the last bits, everything else not at all."""
    same = type(computed) is type(expected) and computed == expected
    if isinstance(computed, float) and isinstance(expected, float):
        same = math.isclose(computed, expected, rel_tol=1e-12)
    return None if same else f"{computed!r}, not {expected!r}"


_FIFTH_DIGITS = ("0", "0", "0", "0.00005", "0.00015", "0.00004999")


def _rounded(one: Event) -> Event:
    return one | {"unit_price": one["unit_price"].quantize(Decimal("0.0001"), ROUND_HALF_EVEN)}


def _line(rng: random.Random, one: Event, instead: dict[str, str] | None = None) -> str:
    """The event's line, its values in one of the forms that mean the same."""
    texts = {COLUMNS[name]: "" if value is None else str(value) for name, value in one.items()}
    texts["at"] = one["event_at"].isoformat(" ", "microseconds")
    texts["kind"] = rng.choice((str, str.upper))(_SOURCE_TYPES[one["event_type"]])
    texts["price"], texts["off"] = (_number(rng, one[name]) for name in ("unit_price", "discount"))
    pad = rng.choice(("", "", " "))
    values = texts | {"note": ""} | (instead or {})
    return ",".join(f"{pad}{values[name]}{pad}" for name in HEADER)


def _number(rng: random.Random, value: Decimal) -> str:
    return rng.choice((f"{value:f}", f"{value:f}", f"+{value:f}", f"{value * 10:f}e-1"))


def _of_customer(rng: random.Random, customer: str) -> list[Event]:
    starts = (
        END - timedelta(days=rng.choice((1, 6, 30, 90, 365, 700)), minutes=rng.randrange(90)),
        END - timedelta(minutes=40),
        END - timedelta(days=rng.randrange(2, 9), minutes=20),
    )
    at = rng.choice(starts)
    ids = rng.choice((("s1", "s2", "s3"), (None,), ("s1", None, None)))
    orders = rng.choice(((None,), (None, "o1", "o2")))
    types = rng.choice((("view",), ("view", "view", "cart", "purchase", "return")))
    brands = rng.choice(((None,), ("b1", "b2", None)))
    prices = rng.choice((("12.9905",), ("0", "0.0001", "19.99", "1234.5678", "7")))
    events = []
    for _ in range(rng.choice((1, 2, 3, 8, 20))):
        events.append(
            event(
                customer,
                str(at),
                rng.choice(types),
                rng.choice(prices),
                product_id=rng.choice("pqrs"),
                category_id=rng.choice(("c1", "c2", None)),
                brand=rng.choice(brands),
                quantity=rng.randrange(1, 4),
                discount=Decimal(rng.choice(("0", "0.5"))),
                session_id=rng.choice(ids),
                order_id=rng.choice(orders),
            )
        )
        at += rng.choice(_STEPS)
    return events


def _shared_session(seed: int) -> list[Event]:
    return [event(f"{seed}-{who}", "2021-02-20 23:59", session_id="shared") for who in "ab"]


def _straddling_sessions(seed: int) -> list[Event]:
    times = ("2021-02-28 23:40", "2021-02-28 23:55", "2021-03-01 00:10")
    straddling = [
        event(f"{seed}-over-{session}", at, kind, session_id=session)
        for session in (None, "s1")
        for at, kind in zip(times, ("view", "cart", "purchase"), strict=True)
    ]
    return [*straddling, event(f"{seed}-after", "2021-03-01")]
