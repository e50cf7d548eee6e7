"""pandas and scikit-learn: python -m bench.peer_pandas LOG OUT, features and segments to OUT.

Read by Arrow; strings become codes at once, and totals by customer are NumPy's bincount, several
times as fast as groupby.
"""

import sys
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv

from bench import clustering
from bench.shop import (
    DAY_SECONDS,
    EVENING_FROM_HOUR,
    FEATURES,
    KINDS,
    LOG_TYPES,
    PROSPECTS,
    QUINTILES,
    RFM_GROUPS,
    TIME_FORMAT,
    WINDOWS_DAYS,
)

Array = npt.NDArray[Any]

_TEXT = pa.dictionary(pa.int32(), pa.string())
_TYPES = {
    "timestamp[s]": pa.timestamp("s"), "string": _TEXT, "int64": pa.int64(), "double": pa.float64(),
}  # fmt: skip
# Has nulls, which integers of NumPy have not.
_CODED = "category_id"
_LOWEST = np.iinfo(np.int64).min


def read_events(log: Path) -> pd.DataFrame:
    """One row an event, exact copies once; text as codes (-1 for null), money in cents."""
    options = csv.ConvertOptions(
        column_types={name: _TYPES[type_] for name, type_ in LOG_TYPES.items()},
        timestamp_parsers=[TIME_FORMAT],
        strings_can_be_null=True,
    )
    table = csv.read_csv(log, convert_options=options).unify_dictionaries()
    kinds = table["event_type"].chunk(0).dictionary.to_pylist()
    columns = {}
    for name in table.column_names:
        column = table[name].dictionary_encode() if name == _CODED else table[name]
        columns[name] = _numbers(column.combine_chunks())
    cents = np.rint(columns.pop("price") * 100).astype(np.int64)
    events = pd.DataFrame(columns | {"cents": cents})
    events["event_type"] = np.array([KINDS.index(kind) for kind in kinds])[events["event_type"]]
    return _once(events)


def _numbers(column: pa.Array) -> Array:
    if pa.types.is_dictionary(column.type):
        return np.asarray(pc.fill_null(column.indices, -1))
    if pa.types.is_timestamp(column.type):
        column = column.cast(pa.int64())
    return np.asarray(column)


def _once(events: pd.DataFrame) -> pd.DataFrame:
    """Exact copies dropped; candidates are found by one number a row, which is all that counts."""
    mixed = np.zeros(len(events), dtype=np.uint64)
    for name in events.columns:
        mixed = mixed * np.uint64(0x9E3779B97F4A7C15) + events[name].to_numpy().astype(np.uint64)
    candidates = events[pd.Series(mixed).duplicated(keep=False).to_numpy()]
    return events.drop(index=candidates.index[candidates.duplicated()])


class Customers:
    """Totals by customer: `codes` holds the customer of each row."""

    def __init__(self, codes: Array, size: int) -> None:
        self.codes, self.size = codes, size

    def count(self, mask: Array | slice = slice(None)) -> Array:
        return np.bincount(self.codes[mask], minlength=self.size)

    def sum(self, values: Array, mask: Array | slice = slice(None)) -> Array:
        return np.bincount(self.codes[mask], weights=values[mask], minlength=self.size)

    def max(self, values: Array, mask: Array | slice = slice(None)) -> Array:
        """Integers; of a customer without a row the lowest there is."""
        largest = np.full(self.size, _LOWEST)
        np.maximum.at(largest, self.codes[mask], values[mask].astype(np.int64))
        return largest

    def keys(self, keys: Array) -> tuple["Customers", Array, Array]:
        """Each customer's distinct keys (codes from 0; -1 is none), and how many rows have each."""
        width = int(keys.max()) + 1
        pairs = (self.codes * width + keys)[keys >= 0]
        counted = pd.Series(pairs).value_counts(sort=False)
        owner, key = np.divmod(counted.index.to_numpy(), width)
        return Customers(owner, self.size), key, counted.to_numpy()


def features(events: pd.DataFrame) -> pd.DataFrame:
    """One row a customer, as of the day after the last event."""
    codes, ids = pd.factorize(events["user_id"].to_numpy())
    who = Customers(codes.astype(np.int64), len(ids))
    second, kind = events["event_time"].to_numpy(), events["event_type"].to_numpy()
    as_of = (int(second.max()) // DAY_SECONDS + 1) * DAY_SECONDS
    cents = events["cents"].to_numpy()
    with np.errstate(divide="ignore", invalid="ignore"):
        totals = _volume(who, second, kind, cents, as_of)
        totals |= _sessions(who, events["user_session"].to_numpy(), second, kind)
        totals |= _keys(who, events, totals["event_count"])
        totals |= _days(who, second, kind)
        totals |= _prices(who, cents, kind, events["category_id"].to_numpy())
        totals |= _ratios(totals)
        totals |= _scores(totals)
    return pd.DataFrame({"customer_id": ids, **{name: totals[name] for name in FEATURES}})


def _ratio(above: Array, below: Array) -> Array:
    """0 where the denominator is 0."""
    return np.where(below > 0, above / below, 0.0)


def _volume(who: Customers, second: Array, kind: Array, cents: Array, as_of: int) -> dict[str, Any]:
    is_purchase = kind == KINDS.index("purchase")
    spent = np.where(is_purchase, cents, 0)
    last_purchase = who.max(second, is_purchase)
    weekend = (second // DAY_SECONDS + 3) % 7 >= 5  # day 0 was a Thursday
    events = who.count()
    last = who.max(second)
    totals = {
        "event_count": events,
        **{f"{name}_count": who.count(kind == i) for i, name in enumerate(KINDS)},
        "first": -who.max(-second),
        "days_since_last_event": (as_of - last) // DAY_SECONDS,
        "monetary": who.sum(spent) / 100,
        "recency_days": np.where(
            last_purchase > _LOWEST, (as_of - np.maximum(last_purchase, 0)) // DAY_SECONDS, np.nan
        ),
        "evening_share": who.count(second % DAY_SECONDS // 3600 >= EVENING_FROM_HOUR) / events,
        "weekend_share": who.count(weekend) / events,
    }
    totals["seen"] = last - totals["first"]
    totals["known"] = as_of - totals["first"]
    for days in WINDOWS_DAYS:
        inside = second >= as_of - days * DAY_SECONDS
        totals[f"events_{days}d"] = who.count(inside)
        totals[f"purchases_{days}d"] = who.count(inside & is_purchase)
        totals[f"spend_{days}d"] = who.sum(spent, inside) / 100
    return totals


def _sessions(who: Customers, session: Array, second: Array, kind: Array) -> dict[str, Any]:
    width = int(session.max()) + 1
    code, pair = pd.factorize(who.codes * width + session)
    visits, by = Customers(code, len(pair)), Customers(pair // width, who.size)
    start, end, events = -visits.max(-second), visits.max(second), visits.count()
    has_cart = visits.count(kind == KINDS.index("cart")) > 0
    has_purchase = visits.count(kind == KINDS.index("purchase")) > 0
    count = by.count()
    gaps = (by.max(start) + by.max(-start)) / (count - 1) / DAY_SECONDS
    return {
        "session_count": count,
        "frequency": by.count(has_purchase),
        "session_duration_mean_s": by.sum(end - start) / count,
        "bounce_rate": by.count(events == 1) / count,
        "cart_abandonment_rate": _ratio(by.count(has_cart & ~has_purchase), by.count(has_cart)),
        "days_between_sessions_mean": np.where(count > 1, gaps, np.nan),
    }


def _keys(who: Customers, events: pd.DataFrame, count: Array) -> dict[str, Any]:
    product = pd.factorize(events["product_id"].to_numpy())[0]
    totals: dict[str, Any] = {"product_count": who.keys(product)[0].count()}
    for name, column in (("category", "category_id"), ("brand", "brand")):
        by, _, n = who.keys(events[column].to_numpy())
        known = by.sum(n)
        totals[f"{name}_count"] = by.count()
        totals[f"top_{name}_share"] = _ratio(by.max(n), known)
        totals[f"{name}_entropy"] = _entropy(known, by.sum(n * np.log(n)))
    by, hour, n = who.keys(events["event_time"].to_numpy() % DAY_SECONDS // 3600)
    totals["peak_hour"] = 23 - by.max(n * 24 + 23 - hour) % 24
    totals["hour_entropy"] = _entropy(count, by.sum(n * np.log(n)))
    return totals


def _entropy(count: Array, n_log_n: Array) -> Array:
    return np.where(count > 0, np.log(count) - n_log_n / count, 0.0)


def _days(who: Customers, second: Array, kind: Array) -> dict[str, Any]:
    day = second // DAY_SECONDS
    day -= day.min()
    is_purchase = kind == KINDS.index("purchase")
    return {
        "active_days": who.keys(day)[0].count(),
        "purchase_days": who.keys(np.where(is_purchase, day, -1))[0].count(),
    }


def _prices(who: Customers, cents: Array, kind: Array, category: Array) -> dict[str, Any]:
    is_view, is_purchase = (kind == KINDS.index(name) for name in ("view", "purchase"))
    views = who.count(is_view)
    viewed = who.sum(cents, is_view) / views
    squares = who.sum((cents - viewed[who.codes]) ** 2, is_view)
    paid = who.sum(cents, is_purchase) / who.count(is_purchase)
    deviation = np.where(views > 0, np.sqrt(squares / views), 0.0)
    has_category = category >= 0
    priced = has_category & (cents > 0)
    log_price = np.log(np.where(priced, cents / 100, 1.0))
    level = np.bincount(category[priced], log_price[priced]) / np.bincount(category[priced])
    levels = np.where(has_category, level[category], 0.0)
    highest = who.max(cents, is_view)
    return {
        "avg_viewed_price": viewed / 100,
        "avg_purchased_price": paid / 100,
        "price_ratio": np.where(viewed > 0, paid / viewed, np.nan),
        "price_stddev": deviation / 100,
        "price_tolerance": np.where(viewed > 0, deviation / viewed, 0.0),
        "max_viewed_price": np.where(views > 0, highest / 100, np.nan),
        "relative_price": who.sum(log_price, priced) / who.count(priced)
        - who.sum(levels, has_category) / who.count(has_category),
    }


def _ratios(of: dict[str, Any]) -> dict[str, Any]:
    events, views, carts = of["event_count"], of["view_count"], of["cart_count"]
    orders, purchases = of["frequency"], of["purchase_count"]
    return {
        "average_order_value": _ratio(of["monetary"], orders),
        "days_since_first_event": of["known"] // DAY_SECONDS,
        "active_span_days": of["seen"] / DAY_SECONDS,
        "events_per_session": events / of["session_count"],
        "cart_share": carts / events,
        "uncompleted_cart_share": np.maximum(carts - purchases, 0) / events,
        "view_to_cart_rate": _ratio(carts, views),
        "cart_to_purchase_rate": _ratio(purchases, carts),
        "view_to_purchase_rate": _ratio(purchases, views),
        "engagement_intensity": events / of["active_days"],
        "loyalty_score": (np.where(orders > 0, 1 - 1 / orders, 0.0) + of["seen"] / of["known"]) / 2,
        "exploration_ratio": _ratio(of["product_count"], views),
    }


def _scores(of: dict[str, Any]) -> dict[str, Any]:
    is_buyer = of["frequency"] > 0
    buyers = int(is_buyer.sum())
    scores = {}
    for name, value in (
        ("rfm_r", -of["recency_days"]),
        ("rfm_f", of["frequency"]),
        ("rfm_m", np.rint(of["monetary"] * 100)),
    ):
        below = pd.Series(value[is_buyer]).rank(method="min").to_numpy().astype(np.int64) - 1
        scores[name] = np.zeros(len(is_buyer), dtype=np.int64)
        scores[name][is_buyer] = 1 + QUINTILES * below // max(buyers, 1)
    r, f, m = scores.values()
    place = np.where(is_buyer, (r - 1) * QUINTILES + (f + m + 1) // 2 - 1, len(RFM_GROUPS))
    groups = np.array([*RFM_GROUPS, PROSPECTS], dtype=object)[place]
    return {**scores, "rfm_score": r + f + m, "rfm_group": groups}


def main(log: Path, out: Path) -> None:
    table = features(read_events(log))
    names = (*clustering.MODEL, clustering.EVIDENCE)
    k, labels = clustering.segment({n: table[n].to_numpy(dtype=float) for n in names})
    table.assign(label=labels).to_parquet(out / "segments.parquet")
    k.save(out / "model.json")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
