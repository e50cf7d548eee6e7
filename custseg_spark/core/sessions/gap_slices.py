"""Gap sessions that go on from one slice of a date to the next.

A date with more events than a task may hold is cut by time: parts of its slices add up
(`merging.merge_parts`), if each slice knows which sessions go on into it.
"""

import polars as pl

from custseg_spark.core.sessions.gaps import (
    CARRIED,
    TAILS,
    continued,
    gap_spans,
    tails_of_edges,
)


class SliceChain:
    """Follows the gap sessions of one date through its slices, given in the order of time.

    `carried` are the sessions carried into the date (of `gaps.chain`).
    """

    def __init__(self, carried: pl.DataFrame | None = None) -> None:
        # A session from the day before may have its first event of the date in any slice.
        self._pending = pl.DataFrame(schema=CARRIED) if carried is None else carried
        self._tails = pl.DataFrame(schema=TAILS)

    def carried_into(self, events: pl.DataFrame) -> pl.DataFrame:
        """The sessions carried into the next slice, which has these events."""
        spans = gap_spans(events)
        begun_before = self._pending.join(spans, "customer_id", how="semi")
        carried = pl.concat([begun_before, continued(spans, self._tails)])
        self._pending = self._pending.join(spans, "customer_id", how="anti")
        unseen = self._tails.join(spans, "customer_id", how="anti")
        self._tails = pl.concat([unseen, tails_of_edges(spans, carried)])
        return carried
