"""The truth to compare with: every customer feature again, in plain Python.

Written from the definitions and the features' docs, and sharing no code with the package. An
event is a dict of canonical columns: times are naive and mean UTC, money is Decimal.
"""

import math
import statistics
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from datetime import date, datetime, time, timedelta
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from itertools import pairwise
from typing import Any

Event = dict[str, Any]
Session = list[Event]

BASKETS = (
    "items_per_order",
    "products_per_order",
    "quantity_per_order",
    "order_value_stddev",
    "single_item_order_share",
)
HALF_AN_HOUR = timedelta(minutes=30)

# By recency score: the groups of the rounded mean of frequency and monetary score, 1 to 5.
RFM_GRID = {
    5: "New/Promising/Active/Loyal/Champions",
    4: "New/Promising/Active/Loyal/Champions",
    3: "Promising/Needs Attention/Needs Attention/Active/Loyal",
    2: "Almost Lost/Almost Lost/At Risk/At Risk/Previously Loyal",
    1: "Dormant/Dormant/At Risk/Previously Loyal/Previously Loyal",
}


def customer_features(events: Iterable[Event], as_of: date) -> dict[str, dict[str, Any]]:
    """For each customer with an event before `as_of`: the value of each feature, by name."""
    end = datetime.combine(as_of, time.min)
    of_customer: dict[str, list[Event]] = defaultdict(list)
    for event in events:
        if event["event_at"] < end:
            of_customer[event["customer_id"]].append(event)
    features = {c: one_customer(own, end) for c, own in of_customer.items()}
    for customer, value in relative_prices(of_customer).items():
        features[customer]["relative_price"] = value
    add_scores(features)
    return features


def sessions_of(events: Iterable[Event]) -> dict[tuple[str, Any], Session]:
    """One customer's sessions, by kind and id; a gap session's id is its first event's time."""
    sessions: dict[tuple[str, Any], Session] = defaultdict(list)
    begun = last = None
    for event in sorted(events, key=lambda e: e["event_at"]):
        if event["session_id"] is not None:
            key = ("source", event["session_id"])
        elif event["order_id"] is not None:
            key = ("order", event["order_id"])
        else:
            if last is None or event["event_at"] - last > HALF_AN_HOUR:
                begun = event["event_at"]
            last = event["event_at"]
            key = ("gap", begun)
        sessions[key].append(event)
    return sessions


def one_customer(events: Sequence[Event], end: datetime) -> dict[str, Any]:
    """All features of one customer's events but the scores, which compare customers."""
    sessions = sessions_of(events)
    return {
        **rfm(events, sessions, end),
        **volume(events, sessions, end),
        **behaviour(events, sessions, end),
        **exploration(events),
        **hours_and_days(events, sessions),
        **prices(events),
        **discounts(events),
        **baskets(sessions),
        **windows(events, end),
    }


def of_type(events: Iterable[Event], kind: str) -> list[Event]:
    return [e for e in events if e["event_type"] == kind]


def amount(event: Event) -> Decimal:
    paid: Decimal = event["unit_price"] * event["quantity"] - event["discount"]
    return paid


def net_spend(events: Sequence[Event]) -> Decimal:
    bought = sum((amount(e) for e in of_type(events, "purchase")), Decimal(0))
    returned = sum((amount(e) for e in of_type(events, "return")), Decimal(0))
    return bought - returned


def orders_of(sessions: dict[tuple[str, Any], Session]) -> list[Session]:
    """The purchases of each order: of one id, else of a session."""
    orders: dict[Any, Session] = defaultdict(list)
    for key, events in sessions.items():
        for event in of_type(events, "purchase"):
            orders[key if event["order_id"] is None else ("order", event["order_id"])].append(event)
    return list(orders.values())


def order_count(sessions: dict[tuple[str, Any], Session]) -> int:
    return len(orders_of(sessions))


def baskets(sessions: dict[tuple[str, Any], Session]) -> dict[str, Any]:
    """Of the orders: lines, products, pieces, the spread of their values, how many of one line."""
    orders = orders_of(sessions)
    if not orders:
        return dict.fromkeys(BASKETS)
    values = [sum(map(amount, own), Decimal(0)) for own in orders]
    products = [counted(own, "product_id") for own in orders]
    pieces = sum(e["quantity"] for own in orders for e in own)
    return dict(
        zip(
            BASKETS,
            (
                share(sum(map(len, orders)), len(orders)),
                share(sum(map(len, products)), len(orders)),
                share(pieces, len(orders)),
                float(statistics.pstdev(map(Fraction, values))),
                share(sum(len(own) == 1 for own in orders), len(orders)),
            ),
            strict=True,
        )
    )


def rfm(
    events: Sequence[Event], sessions: dict[tuple[str, Any], Session], end: datetime
) -> dict[str, Any]:
    purchases = of_type(events, "purchase")
    last = max((e["event_at"] for e in purchases), default=None)
    orders, spend = order_count(sessions), net_spend(events)
    return {
        "recency_days": None if last is None else (end - last).days,
        "frequency": orders,
        "monetary": spend,
        "average_order_value": share(spend, orders),
        "purchase_days": len({e["event_at"].date() for e in purchases}),
    }


def volume(
    events: Sequence[Event], sessions: dict[tuple[str, Any], Session], end: datetime
) -> dict[str, Any]:
    times = [e["event_at"] for e in events]
    return {
        "event_count": len(events),
        "view_count": len(of_type(events, "view")),
        "cart_count": len(of_type(events, "cart")),
        "purchase_count": len(of_type(events, "purchase")),
        "session_count": len(sessions),
        "active_days": len({t.date() for t in times}),
        "days_since_first_event": (end - min(times)).days,
        "days_since_last_event": (end - max(times)).days,
    }


def behaviour(
    events: Sequence[Event], sessions: dict[tuple[str, Any], Session], end: datetime
) -> dict[str, Any]:
    views, carts = of_type(events, "view"), of_type(events, "cart")
    purchases = of_type(events, "purchase")
    durations = [duration(s) for s in sessions.values()]
    with_cart = [s for s in sessions.values() if of_type(s, "cart")]
    abandoned = [s for s in with_cart if not of_type(s, "purchase")]
    active_days = len({e["event_at"].date() for e in events})
    first = min(e["event_at"] for e in events)
    orders = order_count(sessions)
    repeats = 1 - Fraction(1, orders) if orders else Fraction(0)
    seen = Fraction(micros(duration(events)), micros(end - first))
    return {
        "events_per_session": share(len(events), len(sessions)),
        "session_duration_mean_s": share(
            sum(micros(d) for d in durations), 1_000_000 * len(sessions)
        ),
        "bounce_rate": share(sum(len(s) == 1 for s in sessions.values()), len(sessions)),
        "view_to_cart_rate": share(len(carts), len(views)),
        "cart_to_purchase_rate": share(len(purchases), len(carts)),
        "view_to_purchase_rate": share(len(purchases), len(views)),
        "cart_abandonment_rate": share(len(abandoned), len(with_cart)),
        "engagement_intensity": share(len(events), active_days),
        "loyalty_score": float((repeats + seen) / 2),
        "active_span_days": share(micros(duration(events)), micros(timedelta(days=1))),
        "cart_share": share(len(carts), len(events)),
        "uncompleted_cart_share": share(max(len(carts) - len(purchases), 0), len(events)),
    }


def exploration(events: Sequence[Event]) -> dict[str, Any]:
    products = counted(events, "product_id")
    categories = counted(events, "category_id")
    brands = counted(events, "brand")
    return {
        "product_count": len(products),
        "category_count": len(categories),
        "brand_count": len(brands),
        "exploration_ratio": share(len(products), len(of_type(events, "view"))),
        "top_category_share": share(max(categories.values(), default=0), categories.total()),
        "category_entropy": entropy(categories),
        "top_brand_share": share(max(brands.values(), default=0), brands.total()),
    }


def hours_and_days(
    events: Sequence[Event], sessions: dict[tuple[str, Any], Session]
) -> dict[str, Any]:
    hours = Counter(e["event_at"].hour for e in events)
    weekend = sum(e["event_at"].isoweekday() >= 6 for e in events)
    starts = sorted(min(e["event_at"] for e in s) for s in sessions.values())
    pauses = [micros(b - a) for a, b in pairwise(starts)]
    days = share(sum(pauses), len(pauses) * micros(timedelta(days=1)))
    return {
        "peak_hour": min(h for h in hours if hours[h] == max(hours.values())),
        "hour_entropy": entropy(hours),
        "evening_share": share(sum(n for h, n in hours.items() if h >= 18), len(events)),
        "weekend_share": share(weekend, len(events)),
        "days_between_sessions_mean": days if pauses else None,
    }


def prices(events: Sequence[Event]) -> dict[str, Any]:
    viewed = [e["unit_price"] for e in of_type(events, "view")]
    purchased = [e["unit_price"] for e in of_type(events, "purchase")]
    mean_viewed, mean_purchased = mean(viewed), mean(purchased)
    deviation = float(statistics.pstdev(map(Fraction, viewed))) if viewed else 0.0
    known = mean_viewed and mean_purchased is not None
    return {
        "avg_viewed_price": mean_viewed,
        "avg_purchased_price": mean_purchased,
        "price_ratio": mean_purchased / mean_viewed if known else None,
        "price_stddev": deviation,
        "price_tolerance": deviation / mean_viewed if mean_viewed else 0.0,
        "max_viewed_price": max(viewed, default=None),
    }


def discounts(events: Sequence[Event]) -> dict[str, Any]:
    purchases = of_type(events, "purchase")
    reduced = [e for e in purchases if e["discount"] > 0]
    before = sum((e["unit_price"] * e["quantity"] for e in reduced), Decimal(0))
    off = sum((e["discount"] for e in reduced), Decimal(0))
    spent = [sum((amount(e) for e in own), Decimal(0)) for own in (reduced, purchases)]
    return {
        "discounted_spend_share": share(*spent),
        "mean_discount_depth": float(Fraction(off) / Fraction(before)) if before else None,
    }


def relative_prices(of_customer: dict[str, list[Event]]) -> dict[str, float | None]:
    """Each customer's mean ln(price) less the mean of their categories' means."""
    logs: dict[str, list[Decimal]] = defaultdict(list)
    for event in (e for own in of_customer.values() for e in own):
        if event["category_id"] is not None and event["unit_price"] > 0:
            logs[event["category_id"]].append(log_price(event))
    levels = {c: price_level(own) for c, own in logs.items()}
    found: dict[str, float | None] = {}
    for customer, events in of_customer.items():
        placed = [e for e in events if e["category_id"] is not None]
        own = [log_price(e) for e in placed if e["unit_price"] > 0]
        usual = [levels[e["category_id"]] for e in placed if e["category_id"] in levels]
        found[customer] = None
        if own:
            means = [Fraction(sum(v, Decimal(0))) / len(v) for v in (own, usual)]
            found[customer] = float(means[0] - means[1])
    return found


def price_level(logs: Sequence[Decimal]) -> Decimal:
    """The mean of ln(unit price), rounded half up to twelve decimals."""
    return (sum(logs, Decimal(0)) / len(logs)).quantize(Decimal("1e-12"), ROUND_HALF_UP)


def log_price(event: Event) -> Decimal:
    """ln(unit price), to the twelve decimals that it is added with."""
    return round(Decimal(math.log(event["unit_price"])), 12)


def windows(events: Sequence[Event], end: datetime) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for days in (30, 90, 365):
        inside = [e for e in events if e["event_at"] >= end - timedelta(days=days)]
        found[f"events_{days}d"] = len(inside)
        found[f"purchases_{days}d"] = len(of_type(inside, "purchase"))
        found[f"spend_{days}d"] = net_spend(inside)
    return found


def add_scores(features: dict[str, dict[str, Any]]) -> None:
    """Adds the RFM scores and the group to every customer's features."""
    buyers = [f for f in features.values() if f["frequency"] > 0]
    for own in features.values():
        for name, value, sign in (
            ("rfm_r", "recency_days", -1),
            ("rfm_f", "frequency", 1),
            ("rfm_m", "monetary", 1),
        ):
            own[name] = 0
            if own["frequency"] > 0:
                worse = sum(sign * other[value] < sign * own[value] for other in buyers)
                own[name] = 1 + 5 * worse // len(buyers)
        own["rfm_score"] = own["rfm_r"] + own["rfm_f"] + own["rfm_m"]
        own["rfm_group"] = rfm_group(own["rfm_r"], own["rfm_f"], own["rfm_m"])


def rfm_group(r: int, f: int, m: int) -> str:
    if r == 0:
        return "Prospects"
    mean_up = math.floor(Fraction(f + m, 2) + Fraction(1, 2))
    return RFM_GRID[r].split("/")[mean_up - 1]


def price_relative(events: Iterable[Event], as_of: date) -> dict[str, dict[str, float]]:
    """For each customer: `price_tier` and `discount_share`. A product is one within a category."""
    end = datetime.combine(as_of, time.min)
    before = [e for e in events if e["event_at"] < end]
    viewed: dict[Any, list[Decimal]] = defaultdict(list)
    for event in of_type(before, "view"):
        viewed[event["category_id"], event["product_id"]].append(event["unit_price"])
    means = {key: Fraction(sum(own)) / len(own) for key, own in viewed.items()}
    found = {}
    for customer in {e["customer_id"] for e in before}:
        own = [e for e in before if e["customer_id"] == customer]
        views = [e for e in of_type(own, "view") if e["category_id"] is not None]
        tiers = [tier(e["category_id"], e["product_id"], means) for e in views]
        purchases = of_type(own, "purchase")
        discounted = [e for e in purchases if is_discounted(e, means)]
        found[customer] = {
            "price_tier": share(sum(tiers), len(tiers)),
            "discount_share": share(len(discounted), len(purchases)),
        }
    return found


def tier(category: str, product: str, means: dict[Any, Fraction]) -> Fraction:
    """The share of the category's other products that are cheaper; 0 for an only product."""
    others = [m for (c, p), m in means.items() if c == category and p != product]
    cheaper = sum(m < means[category, product] for m in others)
    return Fraction(cheaper, len(others)) if others else Fraction(0)


def is_discounted(event: Event, means: dict[Any, Fraction]) -> bool:
    usual = means.get((event["category_id"], event["product_id"]))
    return usual is not None and Fraction(event["unit_price"]) < Fraction(95, 100) * usual


def share(part: Any, whole: Any) -> float:
    """`part / whole`, 0 where there is nothing to divide by."""
    return float(Fraction(part) / Fraction(whole)) if whole else 0.0


def mean(values: Sequence[Decimal]) -> float | None:
    return float(Fraction(sum(values)) / len(values)) if values else None


def counted(events: Iterable[Event], column: str) -> Counter[str]:
    return Counter(e[column] for e in events if e[column] is not None)


def entropy(counts: Counter[Any]) -> float:
    """In nats; exactly 0 for a single key or none."""
    shares = [n / counts.total() for n in counts.values()]
    return math.fsum(p * math.log(1 / p) for p in shares)


def duration(session: Sequence[Event]) -> timedelta:
    times = [e["event_at"] for e in session]
    return max(times) - min(times)


def micros(span: timedelta) -> int:
    return span // timedelta(microseconds=1)
