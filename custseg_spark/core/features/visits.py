"""Customers' sessions, assembled from their parts of several days."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from custseg_spark.core.features.exact import Flags, Ints, Whole
from custseg_spark.core.features.groups import Groups
from custseg_spark.core.features.keys import codes


@dataclass(frozen=True)
class Visits:
    """One entry per session, sorted by `owner`, a number from 0 to `owners` - 1.

    Times are microseconds since 1970.
    """

    owner: Ints
    first: Ints
    last: Ints
    events: Ints
    has_cart: Flags
    has_purchase: Flags
    owners: int

    def count(self, which: Flags | None = None) -> Ints:
        """Count the sessions of each owner: all, or the flagged ones."""
        owner = self.owner if which is None else self.owner[which]
        return np.bincount(owner, minlength=self.owners)

    def duration_micros(self) -> Whole:
        """Sum the durations (last minus first event) of each owner's sessions."""
        return Groups.of_sorted(self.owner).added(self.last - self.first)

    def last_began(self) -> Whole:
        """Return the begin of each owner's latest session."""
        return Groups.of_sorted(self.owner).largest(self.first)


def visits_of(owner: Ints, session: Ints, columns: dict[str, Whole], owners: int) -> Visits:
    """Assemble the sessions from parts in any order, by owner and number of the session."""
    pair = owner * (int(session.max()) + 1) + session
    groups = Groups.of(pair)
    first, last = (columns[name] for name in ("first_event_at", "last_event_at"))
    events, carts, purchases = (
        groups.added(columns[name]) for name in ("event_count", "cart_count", "purchase_count")
    )
    return Visits(
        owner=owner[groups.order][groups.begins],
        first=groups.smallest(first),
        last=groups.largest(last),
        events=events,
        has_cart=carts > 0,
        has_purchase=purchases > 0,
        owners=owners,
    )


def session_numbers(parts: pa.Table) -> Ints:
    """Number the parts' sessions: the same kind and id get the same number."""
    kind, id_ = (
        parts[name].combine_chunks().dictionary_encode() for name in ("session_kind", "session_id")
    )
    return codes(id_) * len(kind.dictionary) + codes(kind)
