"""Gap sessions that continue over midnight: the dates to rebuild, and the sessions carried into
them.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import date

import polars as pl

from custseg_spark.core.sessions.gaps import (
    ONE_DAY,
    ExistingDate,
    chain,
    changed_dates,
    tails_of_parts,
)

# The columns of session parts that describe gap sessions.
PART_COLUMNS = ("customer_id", "session_kind", "session_id", "first_event_at", "last_event_at")


@dataclass(frozen=True)
class Midnights:
    """The sessions carried into each rebuilt date, and the dates `changed` by them."""

    carried: Mapping[date, pl.DataFrame]
    changed: Collection[date]


def midnights(
    edges: Mapping[date, pl.DataFrame],
    known: Collection[date],
    parts_of: Callable[[date], pl.DataFrame],
) -> Midnights:
    """Return the sessions carried into the dates of `edges`, which are rebuilt, and further dates
    to rebuild.

    `known` are the dates that have events; `parts_of` returns a date's existing parts.
    """
    if all(frame.is_empty() for frame in edges.values()):
        return Midnights({}, ())
    before = {day - ONE_DAY for day in edges} - edges.keys()
    tails = [tails_of_parts(parts_of(day)) for day in sorted(before & set(known))]
    earlier = pl.concat(tails) if tails else None
    existing: dict[date, ExistingDate] = {}
    changed: list[date] = []
    while (
        following := _following(edges.keys() | set(changed), known) - existing.keys() - edges.keys()
    ):
        existing |= {day: ExistingDate.of_parts(parts_of(day)) for day in following}
        changed = changed_dates(edges, existing, earlier)
    of_changed = {day: existing[day].edges for day in changed}
    return Midnights(chain({**edges, **of_changed}, earlier), changed)


def _following(days: Collection[date], known: Collection[date]) -> set[date]:
    return {day + ONE_DAY for day in days} & set(known)
