"""The events as they came in: by day, hour and type, prices, missing values, categories, activity.

Counts of slices add up. Their number is bounded by days, hours, bins and categories.
"""

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt
import polars as pl

from custseg_spark.core.events.schema import EVENT_TYPES
from custseg_spark.core.sessions.log_prices import PRICE_UNITS, price_units

Ints = npt.NDArray[np.int64]

DAY, HOUR, PRICE, MISSING, CATEGORY, ACTIVITY = KINDS = (
    "day",
    "hour",
    "price",
    "missing",
    "category",
    "activity",
)
# Columns whose missing values are counted; amounts and quantities always have a value.
MAY_LACK = (
    "product_id",
    "category_id",
    "category_code",
    "brand",
    "session_id",
    "order_id",
    "store",
)
EVENT_COLUMNS = ("event_at", "event_type", "unit_price", *MAY_LACK)
TOP_CATEGORIES = 20

_HOURS, _HOUR_MICROS = 24, 3_600_000_000
# 1, 2 and 5 of each power of ten: prices that people tell apart at a glance, in 1/10,000.
_PRICE_EDGES = np.array(
    [0, 1, *(step * 10**power for power in range(2, 18) for step in (1, 2, 5)), 10**18], np.int64
)
# Events of a customer, the first number of each bin.
_ACTIVITY_EDGES = np.array([1, 2, 3, 4, 6, 11, 21, 51, 101, 201, 501, 1_001, 10_001], np.int64)

SUMMARY = pl.Schema(
    {
        "kind": pl.String(),
        "event_type": pl.String(),
        "name": pl.String(),
        "label": pl.String(),
        "lower": pl.Float64(),
        "upper": pl.Float64(),
        "count": pl.Int64(),
    }
)
NOTHING = pl.DataFrame(schema=SUMMARY)
_KEYS = [name for name in SUMMARY if name != "count"]


def event_counts(events: pl.DataFrame) -> pl.DataFrame:
    """Count a slice of the table `events`, in rows of SUMMARY.

    `day` and `hour` by `name` and type; `price` by bin (`lower` included, `upper` not; a price of 0
    lies in [0, 0.0001)) and type; `missing` by column; `category` by id and its code (`label`).
    """
    types = _types(events)
    parts = [
        _by_time(events, types),
        _by_price(events, types),
        _missing(events),
        _by_category(events),
    ]
    return pl.concat([pl.DataFrame(schema=SUMMARY), *map(_conformed, parts)])


def activity_counts(event_counts: pl.Series) -> pl.DataFrame:
    """Count a bucket's customers by bins of their events (`upper` included), in rows of SUMMARY."""
    place = np.searchsorted(_ACTIVITY_EDGES, event_counts.to_numpy(), side="right") - 1
    counts = np.bincount(place, minlength=len(_ACTIVITY_EDGES))
    upper = np.append(_ACTIVITY_EDGES[1:] - 1.0, np.nan)
    rows = pl.DataFrame({"lower": _ACTIVITY_EDGES, "upper": upper, "count": counts})
    bins = rows.with_columns(kind=pl.lit(ACTIVITY), upper=pl.col("upper").fill_nan(None))
    return _conformed(bins.filter(pl.col("count") > 0))


def summary(counts: Iterable[pl.DataFrame]) -> pl.DataFrame:
    """Add up counts, sorted; the largest categories (ties by id) by name, the other ones without.

    Events without a category id count among the missing values.
    """
    rows = pl.concat([pl.DataFrame(schema=SUMMARY), *counts]).group_by(_KEYS).agg(
        pl.col("count").sum()
    )  # fmt: skip
    is_category = pl.col("kind") == CATEGORY
    categories = rows.filter(is_category).sort(
        "count", "name", "label", descending=[True, False, False], nulls_last=True
    )
    top, rest = categories.head(TOP_CATEGORIES), categories.slice(TOP_CATEGORIES)
    other_categories = rest.select(pl.col("count").sum(), pl.lit(CATEGORY).alias("kind"))
    parts = [rows.filter(~is_category), top]
    if len(rest):
        parts.append(_conformed(other_categories))
    return pl.concat(parts).sort("kind", "event_type", "lower", "name", "label", nulls_last=True)


def _by_time(events: pl.DataFrame, types: Ints) -> pl.DataFrame:
    """Count by day, hour and type at once, and add the hours up to days."""
    if events.is_empty():
        return NOTHING
    hours = events["event_at"].dt.epoch("us").to_numpy() // _HOUR_MICROS
    first = int(hours.min()) // _HOURS * _HOURS
    cells = (hours - first) * len(EVENT_TYPES) + types
    counts = np.bincount(cells)
    places = np.flatnonzero(counts)
    at, type_ = np.divmod(places, len(EVENT_TYPES))
    rows = pl.DataFrame({"at": at + first, "type": type_, "count": counts[places]})
    day = pl.from_epoch(pl.col("at") * 3_600, time_unit="s")
    names = {
        DAY: day.dt.strftime("%Y-%m-%d"),
        HOUR: (pl.col("at") % _HOURS).cast(pl.String).str.zfill(2),
    }
    return pl.concat(
        [
            rows.group_by(name.alias("name"), "type")
            .agg(pl.col("count").sum())
            .with_columns(kind=pl.lit(kind), event_type=_names_of("type"))
            .drop("type")
            for kind, name in names.items()
        ]
    )


def _by_price(events: pl.DataFrame, types: Ints) -> pl.DataFrame:
    units = events.select(price_units()).to_series().to_numpy()
    place = np.searchsorted(_PRICE_EDGES, units, side="right") - 1
    counts = np.bincount(place * len(EVENT_TYPES) + types)
    places = np.flatnonzero(counts)
    at, type_ = np.divmod(places, len(EVENT_TYPES))
    edges = _PRICE_EDGES / PRICE_UNITS
    rows = {"type": type_, "lower": edges[at], "upper": edges[at + 1], "count": counts[places]}
    priced = pl.DataFrame(rows).with_columns(kind=pl.lit(PRICE), event_type=_names_of("type"))
    return priced.drop("type")


def _types(events: pl.DataFrame) -> Ints:
    """Return the place of each event's type in EVENT_TYPES."""
    place = pl.lit(0)
    for index, name in enumerate(EVENT_TYPES):
        place = pl.when(pl.col("event_type") == name).then(index).otherwise(place)
    return events.select(place.cast(pl.Int64)).to_series().to_numpy()


def _names_of(column: str) -> pl.Expr:
    return pl.col(column).replace_strict(dict(enumerate(EVENT_TYPES)), return_dtype=pl.String)


def _missing(events: pl.DataFrame) -> pl.DataFrame:
    nulls = [events[name].null_count() for name in MAY_LACK]
    return pl.DataFrame({"kind": MISSING, "name": list(MAY_LACK), "count": nulls})


def _by_category(events: pl.DataFrame) -> pl.DataFrame:
    names = events.select(name="category_id", label="category_code").drop_nulls("name")
    counts = names.group_by("name", "label").agg(pl.len().alias("count"))
    return counts.with_columns(kind=pl.lit(CATEGORY))


def _conformed(rows: pl.DataFrame) -> pl.DataFrame:
    """Give rows all columns of SUMMARY, the absent ones null."""
    absent = [pl.lit(None, type_).alias(n) for n, type_ in SUMMARY.items() if n not in rows.columns]
    return rows.with_columns(absent).select(*SUMMARY).cast(SUMMARY)
