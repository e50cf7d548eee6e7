"""Gap sessions of one date: sessions of events without a session id and an order id.

A gap session begins after more than 30 minutes without a gap event of the same customer. Its id is
`gap-` and the microseconds since 1970 of its first event, even if that was the day before.
"""

import numpy as np
import polars as pl

from custseg_spark.core.sessions.buckets import text_hash
from custseg_spark.core.sessions.runs import Ints, Mask

LONGEST_GAP_MICROS = 30 * 60 * 1_000_000
DAY_MICROS = 24 * 60 * 60 * 1_000_000

is_gap_event = pl.col("session_id").is_null() & pl.col("order_id").is_null()


def gap_id(first_event_micros: pl.Expr) -> pl.Expr:
    """Return the id of the gap session whose first event is at that time."""
    return pl.format("gap-{}", first_event_micros)


class GapTimeline:
    """Gap events (`customer_id`, `event_at`; at least one) by customer and time.

    `order` holds the events' rows in that order. The other arrays have an entry for each event in
    it: `at` in microseconds since 1970, `is_new_customer`, and `begins` (the event begins a
    session).
    """

    def __init__(self, events: pl.DataFrame) -> None:
        # Two hashes, because customers with mixed timelines would get each other's sessions.
        rows = events.select(
            "customer_id",
            pl.col("event_at").dt.epoch("us").alias("at"),
            pl.int_range(pl.len(), dtype=pl.UInt32).alias("row"),
            text_hash("customer_id").alias("first_hash"),
            text_hash("customer_id", seed=0).alias("second_hash"),
        ).sort("first_hash", "second_hash", "at")
        self.customer_id = rows["customer_id"]
        self.order: Ints = rows["row"].to_numpy()
        self.at: Ints = rows["at"].to_numpy()
        self.is_new_customer: Mask = np.ones(len(rows), np.bool_)
        self.is_new_customer[1:] = (_changes(rows["first_hash"])) | _changes(rows["second_hash"])
        self.begins: Mask = self.is_new_customer.copy()
        self.begins[1:] |= np.diff(self.at) > LONGEST_GAP_MICROS

    def session_ids(self, carried: pl.DataFrame | None) -> pl.Series:
        """Return the session id of each event, in the order in which the events were given.

        `carried` (`customer_id`, `session_id`) has the customers whose first session continues an
        earlier one, and its id.
        """
        begun = pl.DataFrame({"customer_id": self.customer_id, "at": self.at}).filter(self.begins)
        ids = begun.select(gap_id(pl.col("at"))).to_series()
        if carried is not None and not carried.is_empty():
            is_first = pl.Series(self.is_new_customer[self.begins])
            before = begun.join(carried, "customer_id", how="left", maintain_order="left")
            ids = before["session_id"].zip_with(is_first & before["session_id"].is_not_null(), ids)
        session_of = np.empty(len(self.order), np.int64)
        session_of[self.order] = np.cumsum(self.begins) - 1
        return ids.gather(session_of)


def _changes(values: pl.Series) -> Mask:
    numbers = values.to_numpy()
    changes: Mask = numbers[1:] != numbers[:-1]
    return changes
