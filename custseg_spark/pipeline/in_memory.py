"""Compute features from a few customers' events without Spark, kernel after kernel."""

from datetime import date

import polars as pl
import pyarrow as pa

from custseg_spark.core.features.customers import customer_features
from custseg_spark.core.features.learned import Learned
from custseg_spark.core.sessions.gaps import CARRIED, chain, gap_edges
from custseg_spark.core.sessions.keyed_events import session_names
from custseg_spark.core.sessions.parts import session_parts
from custseg_spark.core.sessions.schema import PARTS

# An id, a separator, and the date in ten characters.
_DAY_LENGTH = 10
_TIMES = ("first_event_at", "last_event_at", "first_purchase_at", "last_purchase_at")
_TIME = pl.Datetime("us", "UTC")
_EPOCH = pl.lit(0).cast(_TIME)


def features_of_events(events: pl.DataFrame, *, as_of: date, learned: Learned) -> pa.Table:
    """Return one row per customer with an event before `as_of` (UTC), sorted by customer_id.

    `events` are rows of the table `events`: all events of these customers, each once. The columns
    are those of `customer_features`, null where they need another table than `events`.
    """
    parts = parts_of_all_dates(events.filter(pl.col("event_date") < as_of))
    return customer_features(
        parts,
        as_of=as_of,
        levels=learned.levels,
        cutoffs=learned.cutoffs,
        rfm_groups=learned.rfm_groups,
    )


def parts_of_all_dates(events: pl.DataFrame) -> pa.Table:
    """Return the rows of the table `sessions` for events of any dates.

    The kernel takes one date, and costs as much for a handful of events as for thousands. So it is
    called once: each customer's day is passed as a customer of its own, and each date as
    1970-01-01.
    """
    of_days = events.with_columns(customer_id=_day_of("customer_id", "event_date"))
    names = session_names(of_days, _carried(of_days))
    at = pl.col("event_at")
    moved = of_days.with_columns(event_at=at - (at.dt.truncate("1d") - _EPOCH))
    parts = session_parts(moved, names=names)
    types = {"customer_id": pl.String(), **dict.fromkeys(_TIMES, _TIME)}
    restored = _split(pl.DataFrame({n: pl.Series(parts[n], dtype=t) for n, t in types.items()}))
    restored = restored.with_columns(pl.col(*_TIMES) + (pl.col("day").cast(_TIME) - _EPOCH))
    for name in types:
        field, place = PARTS.field(name), parts.schema.get_field_index(name)
        parts = parts.set_column(place, field, restored[name].to_arrow().cast(field.type))
    return parts.append_column("session_date", restored["day"].to_arrow().cast(pa.date32()))


def _carried(of_days: pl.DataFrame) -> pl.DataFrame:
    """Return the sessions of customers' days that continue over midnight."""
    nothing = pl.DataFrame(schema=CARRIED)
    if of_days.is_empty():
        return nothing
    edges = _split(gap_edges(of_days)).partition_by("day", as_dict=True, include_key=False)
    chained = chain({day: of_day for (day,), of_day in edges.items()})
    named = [
        carried.with_columns(customer_id=_day_of("customer_id", pl.lit(day)))
        for day, carried in chained.items()
    ]
    return pl.concat([nothing, *named])


def _day_of(customer_id: str, day: str | pl.Expr) -> pl.Expr:
    return pl.format("{} {}", customer_id, day)


def _split(frame: pl.DataFrame) -> pl.DataFrame:
    """Split customers' days into `customer_id` and `day`."""
    text = pl.col("customer_id")
    return frame.with_columns(
        customer_id=text.str.slice(0, text.str.len_chars() - _DAY_LENGTH - 1),
        day=text.str.slice(-_DAY_LENGTH).str.to_date("%Y-%m-%d"),
    )
