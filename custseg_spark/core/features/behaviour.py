"""Volume, engagement and the conversion from view to purchase."""

import numpy as np

from custseg_spark.core.features.exact import Doubles, Whole
from custseg_spark.core.features.feature import (
    Family,
    Feature,
    Value,
    ratio,
    total,
    whole_days_since,
)
from custseg_spark.core.features.rfm import frequency
from custseg_spark.core.features.totals import DAY_MICROS, Totals


def _share(numerator: str, denominator: str) -> Value:
    """Divide the sums of two columns."""
    return lambda totals: ratio(totals.total(numerator), totals.total(denominator))


def _active_micros(totals: Totals) -> Whole:
    return totals.largest("last_event_at") - totals.smallest("first_event_at")


def _uncompleted_cart_share(totals: Totals) -> Doubles:
    uncompleted = totals.total("cart_count") - totals.total("purchase_count")
    return ratio(np.maximum(uncompleted, 0), totals.total("event_count"))


def _session_duration_mean_s(totals: Totals) -> Doubles:
    return ratio(totals.visits.duration_micros(), totals.visits.count() * 1_000_000)


def _bounce_rate(totals: Totals) -> Doubles:
    visits = totals.visits
    return ratio(visits.count(visits.events == 1), visits.count())


def _cart_abandonment_rate(totals: Totals) -> Doubles:
    visits = totals.visits
    abandoned = visits.count(visits.has_cart & ~visits.has_purchase)
    return ratio(abandoned, visits.count(visits.has_cart))


def _loyalty_score(totals: Totals) -> Doubles:
    orders = frequency(totals)
    repeats = np.where(orders > 0, 1 - 1 / np.maximum(orders, 1), 0.0)
    since_first = totals.as_of_micros - totals.smallest("first_event_at")
    return (repeats + ratio(_active_micros(totals), since_first)) / 2


_VOLUME = (
    Feature("event_count", "bigint", "Events of any type.", total("event_count"), log1p=True),
    Feature("view_count", "bigint", "View events.", total("view_count"), log1p=True),
    Feature("cart_count", "bigint", "Cart events.", total("cart_count"), log1p=True),
    Feature("purchase_count", "bigint", "Purchase events.", total("purchase_count"), log1p=True),
    Feature(
        "session_count", "bigint", "Sessions.", lambda totals: totals.visits.count(), log1p=True
    ),
    Feature(
        "active_days",
        "bigint",
        "Distinct UTC days with an event.",
        lambda totals: totals.active_days,
        log1p=True,
    ),
    Feature(
        "days_since_first_event",
        "int",
        "Whole days from the first event to the run date.",
        lambda totals: whole_days_since(totals.smallest("first_event_at"), totals),
    ),
    Feature(
        "days_since_last_event",
        "int",
        "Whole days from the last event to the run date.",
        lambda totals: whole_days_since(totals.largest("last_event_at"), totals),
    ),
    Feature(
        "active_span_days",
        "double",
        "Days from the first to the last event.",
        lambda totals: _active_micros(totals) / DAY_MICROS,
        log1p=True,
    ),
)
_SESSIONS = (
    Feature(
        "events_per_session",
        "double",
        "event_count / session_count.",
        lambda totals: ratio(totals.total("event_count"), totals.visits.count()),
        log1p=True,
        rate=True,
    ),
    Feature(
        "session_duration_mean_s",
        "double",
        "Mean over sessions of last less first event, in seconds.",
        _session_duration_mean_s,
        log1p=True,
    ),
    Feature(
        "bounce_rate",
        "double",
        "Sessions of one event / session_count.",
        _bounce_rate,
    ),
)
_FUNNEL = (
    Feature(
        "cart_share",
        "double",
        "cart_count / event_count.",
        _share("cart_count", "event_count"),
        sqrt=True,
        rate=True,
    ),
    Feature(
        "uncompleted_cart_share",
        "double",
        "(cart_count - purchase_count, at least 0) / event_count.",
        _uncompleted_cart_share,
        sqrt=True,
        rate=True,
    ),
    Feature(
        "view_to_cart_rate",
        "double",
        "cart_count / view_count; above 1 where carts outnumber views.",
        _share("cart_count", "view_count"),
    ),
    Feature(
        "cart_to_purchase_rate",
        "double",
        "purchase_count / cart_count; above 1 where purchases skip the cart.",
        _share("purchase_count", "cart_count"),
    ),
    Feature(
        "view_to_purchase_rate",
        "double",
        "purchase_count / view_count.",
        _share("purchase_count", "view_count"),
    ),
    Feature(
        "cart_abandonment_rate",
        "double",
        "Sessions with a cart and no purchase / sessions with a cart.",
        _cart_abandonment_rate,
    ),
)
_ENGAGEMENT = (
    Feature(
        "engagement_intensity",
        "double",
        "event_count / active_days.",
        lambda totals: ratio(totals.total("event_count"), totals.active_days),
        log1p=True,
    ),
    Feature(
        "loyalty_score",
        "double",
        "Mean of two shares from 0 to 1: repeat orders (1 - 1 / frequency; 0 without an"
        " order), and the part of the time since the first event during which the customer"
        " was seen ((last - first event) / (run date - first event)).",
        _loyalty_score,
    ),
)
BEHAVIOUR = Family("behaviour", (*_VOLUME, *_SESSIONS, *_FUNNEL, *_ENGAGEMENT))
