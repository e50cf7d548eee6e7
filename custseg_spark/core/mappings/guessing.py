"""A mapping file for a log that has none: by its columns' names and the shapes of their values."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment

from custseg_spark.core.mappings.mapping import EVENT_COLUMNS as CANONICAL_COLUMNS
from custseg_spark.core.mappings.shapes import NUMBER, TEXT, TIME, WHOLE, WHOLE_WITH_POINT, Shape

_IDS = (TEXT, WHOLE, WHOLE_WITH_POINT)
_AMOUNTS = (NUMBER, WHOLE, WHOLE_WITH_POINT)
_QUANTITIES = (WHOLE, WHOLE_WITH_POINT)
_NAMES = (TEXT, WHOLE)
# By canonical column: the kinds of values it can hold, and how much each word in a name says.
_SIGNS: Mapping[str, tuple[tuple[str, ...], Mapping[str, float]]] = {
    "event_at": (
        (TIME, WHOLE),
        {"time": 3, "timestamp": 3, "date": 3, "datetime": 3, "ts": 3, "created": 2, "when": 2},
    ),
    "event_type": (
        (TEXT,),
        {"event": 2, "action": 3, "type": 2, "activity": 2, "behavior": 2, "behaviour": 2},
    ),
    "customer_id": (
        _IDS,
        {"customer": 3, "user": 2, "client": 2, "visitor": 2, "member": 2, "buyer": 2, "mobile": 2}
        | {"shopper": 2, "account": 2, "uid": 2, "person": 1, "who": 1},
    ),
    "product_id": (
        _IDS,
        {"product": 2, "item": 2, "sku": 3, "stock": 2, "article": 2, "asin": 3, "goods": 1},
    ),
    "category_id": (_IDS, {"category": 2, "department": 1.5}),
    "category_code": (_NAMES, {"category": 1.9, "department": 1.4}),
    "brand": (_NAMES, {"brand": 3, "manufacturer": 2, "make": 2, "vendor": 1.5}),
    "unit_price": (
        _AMOUNTS,
        {"price": 3, "amount": 1.5, "value": 1, "total": 1, "cost": 1, "revenue": 1, "sales": 1},
    ),
    "quantity": (_QUANTITIES, {"quantity": 3, "qty": 3, "units": 2, "pieces": 2, "count": 1}),
    "discount": (_AMOUNTS, {"discount": 3, "rebate": 3}),
    "net_amount": (_AMOUNTS, {"net": 3, "amount": 1}),
    "session_id": (_IDS, {"session": 4, "visit": 2}),
    "order_id": (
        _IDS,
        {"order": 3, "invoice": 3, "transaction": 3, "receipt": 3, "basket": 2, "bill": 2},
    ),
    "store": (
        _NAMES,
        {"store": 3, "shop": 2, "branch": 2, "outlet": 3, "market": 2, "country": 1.5}
        | {"location": 1, "channel": 1, "city": 1},
    ),
}
# They go with any column; other words make a name fit less.
_NEUTRAL = {"id", "no", "nr", "num", "number", "code", "key", "at", "unit", "of", "the"}
_OTHER_THINGS = {
    "name",
    "email",
    "mail",
    "phone",
    "address",
    "title",
    "description",
    "url",
    "gender",
}
_STRANGE_WORD, _OTHER_THING = 0.4, 3.0
# A time without a telling name is still the best candidate.
_ONLY_TIME = 0.5
_KNOWN_EVENTS = 3.0
_MOST_EVENT_TYPES = 40

_EVENT_WORDS = {
    "return": {"return", "returned", "refund", "refunded", "cancel", "cancelled", "canceled"},
    "purchase": {"purchase", "purchased", "order", "ordered", "buy", "bought", "transaction"}
    | {"sale", "paid", "payment"},
    "cart": {"cart", "basket", "bag", "addtocart"},
    "view": {"view", "viewed", "views", "pageview", "detail", "details", "impression", "click"}
    | {"seen", "browse", "visit"},
}
_TAKEN_OUT = {"remove", "removed", "delete", "removefromcart"}


@dataclass(frozen=True)
class Guess:
    """Canonical column = column, and what the values of the type's column mean (None: unknown)."""

    columns: Mapping[str, str]
    event_types: Mapping[str, str | None]


def guess(found: Sequence[Shape]) -> Guess:
    """The mapping with the highest total score, no column used twice."""
    scores = np.array([[_score(c, shape) for shape in found] for c in CANONICAL_COLUMNS])
    scores = scores.reshape(len(CANONICAL_COLUMNS), len(found))
    rows, chosen = linear_sum_assignment(scores, maximize=True)
    columns = {
        CANONICAL_COLUMNS[row]: found[column].name
        for row, column in zip(rows.tolist(), chosen.tolist(), strict=True)
        if scores[row, column] > 0
    }
    # An amount to compare with needs one to be compared.
    if "net_amount" in columns and "unit_price" not in columns:
        columns["unit_price"] = columns.pop("net_amount")
    kinds = next((s for s in found if s.name == columns.get("event_type")), None)
    return Guess(columns, {v: event_type(v) for v in sorted(kinds.values)} if kinds else {})


def event_type(value: str) -> str | None:
    """The canonical type that a value of an event log seems to mean."""
    words = set(_words(value))
    if words & _TAKEN_OUT:
        return None
    return next((kind for kind, known in _EVENT_WORDS.items() if words & known), None)


def _words(name: str) -> list[str]:
    """`InvoiceNo`, `user_session`, `product-view` in words."""
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", name)
    words = [word for word in re.split(r"[^a-z]+", spaced.lower()) if word]
    return [part for word in words for part in _parts(word)]


def _parts(word: str) -> list[str]:
    """`visitorid` as `visitor` and `id`."""
    for ending in ("id", "no"):
        stem = word.removesuffix(ending)
        if stem != word and any(stem in telling for _, telling in _SIGNS.values()):
            return [stem, ending]
    return [word]


def _score(canonical: str, shape: Shape) -> float:
    """How well a column fits; 0 or less: not at all."""
    kinds, telling = _SIGNS[canonical]
    if shape.kind not in kinds or not unix_or_no_time(canonical, shape):
        return 0.0
    words = _words(shape.name)
    score = sum(telling.get(word, 0.0) for word in words)
    strange = [w for w in words if w not in telling and w not in _NEUTRAL]
    if canonical == "event_type":
        score += _of_event_values(shape)
    elif canonical == "event_at":
        score = max(score, _ONLY_TIME)
    if score <= 0:
        return 0.0
    is_other = bool(_OTHER_THINGS.intersection(words)) and canonical.endswith("_id")
    # An id of numbers rather goes with category_id than with category_code.
    as_id = 0.2 if canonical.endswith("_id") and ("id" in words or shape.kind != TEXT) else 0.0
    return score - _STRANGE_WORD * len(strange) - _OTHER_THING * is_other + as_id


def _of_event_values(shape: Shape) -> float:
    """What the values say: known types speak for it, too many different ones against it."""
    if len(shape.values) > _MOST_EVENT_TYPES:
        return -_KNOWN_EVENTS
    return _KNOWN_EVENTS if any(event_type(v) for v in shape.values) else -1.0


def unix_or_no_time(canonical: str, shape: Shape) -> bool:
    """False for whole numbers as times, unless they count from 1970."""
    return canonical != "event_at" or shape.kind == TIME or unix_pattern(shape) is not None


def unix_pattern(shape: Shape) -> str | None:
    """`unix_s` or `unix_ms` where all values are as long as such counts are now."""
    lengths = {len(value) for value in shape.values}
    if shape.kind == WHOLE and lengths == {10}:
        return "unix_s"
    return "unix_ms" if shape.kind == WHOLE and lengths == {13} else None
