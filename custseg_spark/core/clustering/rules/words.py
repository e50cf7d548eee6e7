"""Rules in words: "3 or more orders, last seen within 21 days, spends 80 or more"."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from custseg_spark.core.clustering.rules.tree import Interval, LeafRule


@dataclass(frozen=True)
class Phrase:
    """The words for a feature from a lower limit on, below an upper one, and between the two.

    `{}` stands for a number, which `shown` makes of a threshold. `is_whole` says that values are
    whole numbers; `none` is the phrase for values below 1.
    """

    above: str
    below: str
    between: str
    shown: Callable[[float], float] = float
    is_whole: bool = False
    none: str | None = None


def _counted(noun: str) -> Phrase:
    between = f"{{}} to {{}} {noun}"
    return Phrase(
        f"{{}} or more {noun}", f"fewer than {{}} {noun}", between, is_whole=True, none=f"no {noun}"
    )


def _ago(what: str) -> Phrase:
    between = f"{what} {{}} to {{}} days ago"
    return Phrase(
        f"{what} {{}} or more days ago", f"{what} within {{}} days", between, is_whole=True
    )


def _amount(verb: str) -> Phrase:
    return Phrase(f"{verb} {{}} or more", f"{verb} less than {{}}", f"{verb} {{}} to below {{}}")


def _share(what: str) -> Phrase:
    """Return the phrase of a share, in per cent."""
    return Phrase(
        f"{what} {{}} % or more", f"{what} below {{}} %", f"{what} {{}} to below {{}} %", _percent
    )


def _measure(what: str, shown: Callable[[float], float] = float) -> Phrase:
    return Phrase(f"{what} {{}} or more", f"{what} below {{}}", f"{what} {{}} to below {{}}", shown)


def _percent(share: float) -> float:
    return 100 * share


def _minutes(seconds: float) -> float:
    return seconds / 60


def _alike(entropy: float) -> float:
    """Return the number of equally frequent kinds that has this entropy (nats)."""
    return round(math.exp(entropy), 1)


def _of_the_usual(log_ratio: float) -> float:
    """Return a price in per cent of the usual price."""
    return round(100 * math.exp(log_ratio))


_PHRASES: Mapping[str, Phrase] = {
    **{
        name: _counted(noun)
        for name, noun in {
            "frequency": "orders",
            "purchase_days": "days with an order",
            "purchase_count": "purchases",
            "event_count": "events",
            "view_count": "views",
            "cart_count": "additions to the cart",
            "session_count": "visits",
            "active_days": "active days",
            "product_count": "products seen",
            "category_count": "categories seen",
            "brand_count": "brands seen",
            "events_30d": "events in 30 days",
            "events_90d": "events in 90 days",
            "events_365d": "events in 365 days",
            "purchases_30d": "purchases in 30 days",
            "purchases_90d": "purchases in 90 days",
            "purchases_365d": "purchases in 365 days",
        }.items()
    },
    "recency_days": _ago("last order"),
    "days_since_last_event": _ago("last seen"),
    "days_since_first_event": _ago("first seen"),
    "monetary": _amount("spends"),
    "spend_30d": _amount("in 30 days spends"),
    "spend_90d": _amount("in 90 days spends"),
    "spend_365d": _amount("in 365 days spends"),
    "average_order_value": _amount("an order brings"),
    "avg_viewed_price": _amount("looks at prices of"),
    "avg_purchased_price": _amount("pays prices of"),
    "max_viewed_price": _amount("highest price viewed"),
    "events_per_session": _measure("events a visit:"),
    "engagement_intensity": _measure("events an active day:"),
    "session_duration_mean_s": _measure("minutes a visit:", _minutes),
    "active_span_days": _measure("days from first to last visit:"),
    "days_between_sessions_mean": _measure("days between visits:"),
    "cart_share": _share("events that fill the cart:"),
    "uncompleted_cart_share": _share("carts left behind:"),
    "evening_share": _share("events in the evening:"),
    "weekend_share": _share("events at weekends:"),
    "bounce_rate": _share("visits of one event:"),
    "exploration_ratio": _share("views of a new product:"),
    "top_category_share": _share("events in the top category:"),
    "top_brand_share": _share("events of the top brand:"),
    "cart_abandonment_rate": _share("carts abandoned:"),
    "cart_to_purchase_rate": _share("carts bought:"),
    "view_to_cart_rate": _share("views put into the cart:"),
    "view_to_purchase_rate": _share("views bought:"),
    "discount_share": _share("purchases at a discount:"),
    "discounted_spend_share": _share("spend at a discount:"),
    "mean_discount_depth": _share("discount:"),
    "price_tier": _share("prices among the categories':"),
    "category_entropy": _measure("categories in equal parts:", _alike),
    "hour_entropy": _measure("hours in equal parts:", _alike),
    "relative_price": _measure("prices in % of the category's usual:", _of_the_usual),
    "price_tolerance": _measure("relative spread of prices"),
    "price_ratio": _measure("price paid / price viewed"),
}
# Features whose missing value means "never".
_NEVER = {"recency_days"}


def sentence(rules: Sequence[LeafRule], null_values: Mapping[str, float]) -> str:
    """Describe the leaves of one segment; "everybody" for the only leaf of a tree."""
    text = "; or ".join(words(rule, null_values) for rule in rules)
    return text[:1].upper() + text[1:]


def little_known_words(known_from: int) -> str:
    """Describe the customers of whom too little is known."""
    return f"Fewer than {known_from} events, no orders"


def words(rule: LeafRule, null_values: Mapping[str, float]) -> str:
    """Describe a leaf's conditions."""
    if not rule.intervals:
        return "everybody"
    return ", ".join(_condition(interval, null_values) for interval in rule.intervals)


def _condition(interval: Interval, null_values: Mapping[str, float]) -> str:
    name = interval.feature
    phrase = _PHRASES.get(name) or _measure(name.replace("_", " "))
    text = _limits(phrase, interval.lower, interval.upper)
    return (
        f"{text} or never"
        if name in _NEVER and interval.holds(null_values.get(name, 0.0))
        else text
    )


def _limits(phrase: Phrase, lower: float | None, upper: float | None) -> str:
    if phrase.none and upper == 1 and (lower is None or lower <= 0):
        return phrase.none
    if upper is None:
        return phrase.above.format(_number(lower, phrase))
    if lower is None or (phrase.is_whole and lower <= 0):
        return phrase.below.format(_number(upper, phrase))
    last = upper - 1 if phrase.is_whole else upper
    if last == lower:
        return phrase.between.replace("{} to {}", "{}").format(_number(lower, phrase))
    return phrase.between.format(_number(lower, phrase), _number(last, phrase))


def _number(value: float | None, phrase: Phrase) -> str:
    shown = 0.0 if value is None else phrase.shown(value)
    return f"{shown:,.0f}" if shown == round(shown) else f"{round(shown, 6):,g}"
