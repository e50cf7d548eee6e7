"""Gap sessions that continue over midnight, though each date is a task of its own.

Each task returns the edges of its date. The driver chains the dates: it finds the customers whose
first gap session of a date continues one of the day before, and its id. Where only some dates are
rebuilt, the existing parts of the other dates give the same edges and the carried ids.

Columns of edges, one row per customer with gap events: `customer_id`, `first_at` and `last_at` of
the gap events, `last_start` of the last session (microseconds since 1970), `is_one_session`. Tails:
`customer_id`, `session_id`, `last_at`. Carried sessions: `customer_id`, `session_id`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import polars as pl

from custseg_spark.core.sessions.gap_sessions import (
    DAY_MICROS,
    LONGEST_GAP_MICROS,
    GapTimeline,
    gap_id,
    is_gap_event,
)
from custseg_spark.core.sessions.schema import GAP, KINDS

EDGES = pl.Schema(
    {
        "customer_id": pl.String,
        "first_at": pl.Int64,
        "last_at": pl.Int64,
        "last_start": pl.Int64,
        "is_one_session": pl.Boolean,
    }
)
TAILS = pl.Schema({"customer_id": pl.String, "session_id": pl.String, "last_at": pl.Int64})
CARRIED = pl.Schema({"customer_id": pl.String, "session_id": pl.String})

ONE_DAY = timedelta(days=1)
_EPOCH = date(1970, 1, 1)


def gap_spans(events: pl.DataFrame) -> pl.DataFrame:
    """Return the edges of all customers with gap events in a stretch of time (a date or a slice of
    it).
    """
    gap_events = events.filter(is_gap_event)
    if gap_events.is_empty():
        return pl.DataFrame(schema=EDGES)
    line = GapTimeline(gap_events.select("customer_id", "event_at"))
    firsts = np.flatnonzero(line.is_new_customer)
    begun_at = np.where(line.begins, line.at, line.at.min())
    return pl.DataFrame(
        {
            "customer_id": line.customer_id.gather(firsts),
            "first_at": line.at[firsts],
            "last_at": line.at[np.append(firsts[1:], len(line.at)) - 1],
            "last_start": np.maximum.reduceat(begun_at, firsts),
            "is_one_session": np.add.reduceat(line.begins.astype(np.int64), firsts) == 1,
        },
        schema=EDGES,
    )


def gap_edges(events: pl.DataFrame) -> pl.DataFrame:
    """Return the edges of customers with gap events within 30 minutes of a midnight of the date."""
    return gap_spans(events).filter(_is_early(pl.col("first_at")) | _is_late(pl.col("last_at")))


def edges_of_parts(parts: pl.DataFrame) -> pl.DataFrame:
    """Return the same edges from the session parts of one date."""
    first, last = _micros("first_event_at"), _micros("last_event_at")
    spans = (
        parts.filter(pl.col("session_kind") == KINDS[GAP])
        .group_by("customer_id")
        .agg(
            first.min().alias("first_at"),
            last.max().alias("last_at"),
            first.max().alias("last_start"),
            (pl.len() == 1).alias("is_one_session"),
        )
    )
    return spans.filter(_is_early(pl.col("first_at")) | _is_late(pl.col("last_at")))


def tails_of_parts(parts: pl.DataFrame) -> pl.DataFrame:
    """Return one row per gap session that the next date may continue, from any dates' parts."""
    return parts.filter(pl.col("session_kind") == KINDS[GAP]).select(
        "customer_id", "session_id", _micros("last_event_at").alias("last_at")
    ).filter(_is_late(pl.col("last_at")))  # fmt: skip


def carried_in_parts(parts: pl.DataFrame) -> pl.DataFrame:
    """Return the sessions that the parts of one date continue from the day before."""
    own_id = gap_id(_micros("first_event_at"))
    is_carried = (pl.col("session_kind") == KINDS[GAP]) & (pl.col("session_id") != own_id)
    return parts.filter(is_carried).select("customer_id", "session_id")


def continued(edges: pl.DataFrame, tails: pl.DataFrame) -> pl.DataFrame:
    """Return the carried sessions: customers whose first gap event continues one of the tails."""
    gap = pl.col("first_at") - pl.col("last_at")
    return (
        edges.select("customer_id", "first_at")
        .join(tails, "customer_id")
        .filter(gap.is_between(0, LONGEST_GAP_MICROS))
        .select("customer_id", "session_id")
    )


def tails_of_edges(edges: pl.DataFrame, carried: pl.DataFrame) -> pl.DataFrame:
    """Return a customer's last gap session of a date or slice, with the id carried into it."""
    came_through = pl.col("is_one_session") & pl.col("session_id").is_not_null()
    session_id = pl.when(came_through).then("session_id").otherwise(gap_id(pl.col("last_start")))
    return edges.join(carried, "customer_id", how="left").select(
        "customer_id", session_id.alias("session_id"), "last_at"
    )


def chain(
    edges_by_date: Mapping[date, pl.DataFrame], earlier: pl.DataFrame | None = None
) -> dict[date, pl.DataFrame]:
    """Return the sessions carried into each date that is built.

    `earlier` has the tails of the existing parts of the day before each date that doesn't follow a
    date being built (tails of other dates don't matter).
    """
    carried: dict[date, pl.DataFrame] = {}
    tails: dict[date, pl.DataFrame] = {}
    for day in sorted(edges_by_date):
        before = day - ONE_DAY
        from_before = tails.pop(before) if before in tails else _tails_on(before, earlier)
        carried[day] = continued(edges_by_date[day], from_before)
        tails[day] = tails_of_edges(edges_by_date[day], carried[day])
    return carried


@dataclass(frozen=True)
class ExistingDate:
    """The gap sessions in the session parts of a date whose events are all there."""

    edges: pl.DataFrame
    carried: pl.DataFrame

    @staticmethod
    def of_parts(parts: pl.DataFrame) -> "ExistingDate":
        """Read them from the parts of the date."""
        return ExistingDate(edges_of_parts(parts), carried_in_parts(parts))

    def tails(self) -> pl.DataFrame:
        """Return the tails of the date as its parts have them."""
        return tails_of_edges(self.edges, self.carried)


def changed_dates(
    stale: Mapping[date, pl.DataFrame],
    existing: Mapping[date, ExistingDate],
    earlier: pl.DataFrame | None = None,
) -> list[date]:
    """Return the existing dates whose carried sessions change once the stale ones are rebuilt.

    `stale` has the edges of the events of each date that is rebuilt anyway. Of `existing`, only the
    days after rebuilt dates are compared, day after day. It may lack other dates if `earlier` has
    the tails of the days before (as for `chain`).
    """
    changed: list[date] = []
    tails: dict[date, pl.DataFrame] = {}
    for day in sorted({*stale, *existing}):
        before = day - ONE_DAY
        if day in stale:
            edges, from_before = stale[day], _tails_before(day, tails, existing, earlier)
            tails[day] = tails_of_edges(edges, continued(edges, from_before))
        elif before in tails:
            carried = continued(existing[day].edges, tails[before])
            if not _same(carried, existing[day].carried):
                changed.append(day)
                tails[day] = tails_of_edges(existing[day].edges, carried)
    return changed


def _tails_before(
    day: date,
    rebuilt: Mapping[date, pl.DataFrame],
    existing: Mapping[date, ExistingDate],
    earlier: pl.DataFrame | None,
) -> pl.DataFrame:
    before = day - ONE_DAY
    if before in rebuilt:
        return rebuilt[before]
    return existing[before].tails() if before in existing else _tails_on(before, earlier)


def _tails_on(day: date, tails: pl.DataFrame | None) -> pl.DataFrame:
    if tails is None:
        return pl.DataFrame(schema=TAILS)
    return tails.filter(pl.col("last_at") // DAY_MICROS == (day - _EPOCH).days)


def _same(one: pl.DataFrame, other: pl.DataFrame) -> bool:
    return one.sort("customer_id").equals(other.sort("customer_id"))


def _is_early(first_at: pl.Expr) -> pl.Expr:
    return first_at % DAY_MICROS < LONGEST_GAP_MICROS


def _is_late(last_at: pl.Expr) -> pl.Expr:
    return last_at % DAY_MICROS >= DAY_MICROS - LONGEST_GAP_MICROS


def _micros(column: str) -> pl.Expr:
    return pl.col(column).dt.epoch("us")
