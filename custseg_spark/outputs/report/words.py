"""Words and formats of a report for numbers, features and codes of tables."""

import re
import textwrap
from collections.abc import Sequence
from decimal import Decimal

MISSING = "–"
# The word for a segment that refits don't find again.
UNRELIABLE = "not to be relied on"
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
WEEKS = tuple(f"week {number}" for number in range(1, 54))
WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")

_MINUS = "−"

# Only for names that need more than spaces instead of underscores.
_FEATURES = {
    "recency_days": "days since last purchase",
    "frequency": "orders",
    "monetary": "net spend",
    "event_count": "events",
    "active_span_days": "days from first to last event",
    "relative_price": "price level in its category",
    "view_count": "views",
    "cart_count": "additions to the cart",
    "purchase_count": "purchases",
    "session_count": "sessions",
    "product_count": "products seen",
    "category_count": "categories seen",
    "brand_count": "brands seen",
    "session_duration_mean_s": "minutes a session",
    "view_to_cart_rate": "carts per view",
    "cart_to_purchase_rate": "purchases per cart",
    "view_to_purchase_rate": "purchases per view",
    "cart_abandonment_rate": "carts abandoned",
    "bounce_rate": "sessions of one event",
    "exploration_ratio": "products per view",
    "category_entropy": "variety of categories",
    "hour_entropy": "variety of hours",
    "top_category_share": "share of top category",
    "top_brand_share": "share of top brand",
    "days_between_sessions_mean": "days between sessions",
    "engagement_intensity": "events per active day",
    "avg_viewed_price": "mean price viewed",
    "avg_purchased_price": "mean price paid",
    "max_viewed_price": "highest price viewed",
    "price_ratio": "price paid / price viewed",
    "price_stddev": "spread of prices viewed",
    "price_tolerance": "relative spread of prices",
    "p_alive": "chance of being active",
    "expected_purchases_90d": "purchases expected in 90 days",
    "clv_12m": "value expected in 12 months",
    "items_per_order": "items an order",
    "products_per_order": "different products an order",
    "quantity_per_order": "pieces an order",
    "order_value_stddev": "spread of order values",
    "single_item_order_share": "orders of one item",
    "rfm_r": "recency score",
    "rfm_f": "frequency score",
    "rfm_m": "monetary score",
}
_PERCENT = ("_rate", "_share", "p_alive", "exploration_ratio", "price_tier")
_ALGORITHMS = {
    "kmeans": "k-means",
    "bisecting_kmeans": "bisecting k-means",
    "gaussian_mixture": "Gaussian mixture",
    "dbscan": "DBSCAN",
    "agglomerative": "agglomerative clustering",
}


def joined(names: Sequence[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def feature(name: str) -> str:
    """Return a feature's label; an unknown one's name with spaces for underscores."""
    plain = re.sub(r"_(\d+)d$", r" in \1 days", name).replace("_", " ")
    return _FEATURES.get(name, plain)


def algorithm(name: str) -> str:
    """Return an algorithm's usual name."""
    return _ALGORITHMS.get(name, name.replace("_", " "))


def sentence(text: str) -> str:
    """End a table's reason with exactly one full stop."""
    return f"{text.rstrip('. ')}."


def drifted(kind: str, name: str) -> str:
    """Name the subject of a row of `feature_drift`: a feature, or an algorithm's segment sizes."""
    return f"segment sizes, {algorithm(name)}" if kind == "segments" else feature(name)


def count(value: int | None) -> str:
    """`146,000`."""
    return MISSING if value is None else f"{value:,}".replace("-", _MINUS)


def counted(value: int, noun: str) -> str:
    """`1 file`, `2 files`."""
    return f"{count(value)} {noun}{'s' * (value != 1)}"


def percent(share: float | None) -> str:
    """Format a share: `12.3 %` for 0.123; `< 0.1 %`, never 0, for a very small one."""
    if share is None:
        return MISSING
    if abs(share) < 0.0005:
        return "< 0.1 %" if share else "0 %"
    return f"{share * 100:,.1f} %".replace("-", _MINUS)


def number(value: float | Decimal | None) -> str:
    """Format about three digits: `0.12`, `3.4`, `128`, `4,310`, `1.2 M`, `3.4 G`."""
    if value is None:
        return MISSING
    size, sign = abs(float(value)), _MINUS if value < 0 else ""
    for limit, unit in ((1e9, " G"), (1e6, " M")):
        # 999,999.7 would round up to 1,000,000.
        if size >= limit * 0.9999995:
            return f"{sign}{size / limit:,.1f}{unit}"
    if size == 0 or size >= 99.95:
        return f"{sign}{size:,.0f}"
    if size >= 0.995:
        return f"{sign}{size:.1f}"
    return f"{sign}{size:.2f}" if size >= 0.01 else f"{sign}{size:.1g}"


def index(value: float | None) -> str:
    """Format a quality index with three decimals, a large one as `number` does."""
    if value is None or abs(value) >= 100:
        return number(value)
    return f"{value:.3f}".replace("-", _MINUS)


def ratio(value: float | None) -> str:
    """Format a ratio with two decimals: `1.69`."""
    return MISSING if value is None else f"{value:,.2f}"


def signed(value: float | None) -> str:
    """Format a z-score: `+1.4`, `−0.3`."""
    if value is None:
        return MISSING
    text = f"{value:+.1f}".replace("-", _MINUS)
    return "0.0" if text in ("+0.0", f"{_MINUS}0.0") else text


def feature_value(name: str, value: float | None) -> str:
    """Format a feature's value with the unit in its label."""
    if value is None:
        return MISSING
    if name.endswith(_PERCENT):
        return percent(value)
    if name.endswith("_s"):
        return number(value / 60)
    return number(value)


def seconds(value: float) -> str:
    """Format a duration: `4.2 s`, `3 min 20 s`."""
    if value < 60:
        return f"{value:.1f} s"
    return f"{round(value) // 60:,} min {round(value) % 60} s"


def strength(z_score: float) -> str:
    """Put a z-score into words: `far above average`, `slightly below average`."""
    steps = ((2, "far "), (1, "well "), (0.5, ""))
    word = next((word for least, word in steps if abs(z_score) >= least), "slightly ")
    return f"{word}{'above' if z_score > 0 else 'below'} average"


def wrapped(name: str, width: int, lines: int = 2) -> str:
    """Wrap a name to at most so many lines for a picture; a longer one ends with …."""
    wrapped = textwrap.wrap(name, width)
    if len(wrapped) > lines:
        wrapped[lines - 1 :] = [wrapped[lines - 1][: width - 1].rstrip() + "…"]
    return "\n".join(wrapped)
