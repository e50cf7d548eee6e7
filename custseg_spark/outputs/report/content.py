"""Content of a report, and values derived from it without tables."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from typing import Any

from custseg_spark.core.segments.statuses import DIED
from custseg_spark.outputs.report.palette import Style, styles
from custseg_spark.outputs.report.rows import (
    Affinity,
    Candidate,
    Clv,
    Drift,
    EventCount,
    Flow,
    Ledger,
    Memberships,
    OutlierCount,
    Plane,
    RfmCount,
    Run,
    SeasonIndex,
    Segment,
)

MOST_FEATURES = 20


@dataclass(frozen=True)
class Moves:
    """Customers of both runs, customers who stayed in their segment, customers of one run only."""

    known: int
    stayed: int
    joined: int
    gone: int


@dataclass(frozen=True)
class Content:
    """The content of a report. `algorithms` are the ones with segments, the main one first."""

    run: Run
    ledger: Ledger | None
    algorithms: Sequence[str]
    all_segments: Sequence[Segment]
    previous_names: Mapping[tuple[str, int], str]
    selection: Sequence[Candidate]
    selection_columns: Sequence[str]
    selection_rows: Sequence[Sequence[Any]]
    all_flows: Sequence[Flow]
    drift: Sequence[Drift]
    plane: Plane | None
    rfm: Sequence[RfmCount]
    outliers: Sequence[OutlierCount]
    memberships: Memberships | None
    clv: Clv | None
    affinities: Sequence[Affinity]
    seasons: Sequence[SeasonIndex]
    event_counts: Sequence[EventCount]

    @property
    def main(self) -> str | None:
        """The algorithm of the first screen; None if the run has no segments."""
        return self.algorithms[0] if self.algorithms else None

    def segments_of(self, algorithm: str | None) -> list[Segment]:
        """Return an algorithm's living segments, the largest first; too little known last."""
        living = [s for s in self.all_segments if s.algorithm == algorithm and s.status != DIED]
        return sorted(living, key=lambda s: (s.is_little_known, -s.customers, s.segment_id))

    @cached_property
    def segments(self) -> list[Segment]:
        """The main algorithm's segments, the largest first."""
        return self.segments_of(self.main)

    @property
    def customers(self) -> int:
        """The number of customers of the run date; each is in one segment of an algorithm."""
        return sum(s.customers for s in self.segments)

    @property
    def known_customers(self) -> int:
        """The number of customers of whom enough is known for a segment of the model."""
        return sum(s.customers for s in self.segments if not s.is_little_known)

    @property
    def died(self) -> list[Segment]:
        """The main algorithm's segments of the previous run that this run doesn't have."""
        return [s for s in self.all_segments if s.algorithm == self.main and s.status == DIED]

    @property
    def flows(self) -> list[Flow]:
        """The main algorithm's migrations."""
        return [f for f in self.all_flows if f.algorithm == self.main]

    def counts(self, kind: str) -> list[EventCount]:
        """Return the counts of the events of one kind."""
        return [count for count in self.event_counts if count.kind == kind]

    def season(self, period: str) -> list[SeasonIndex]:
        """Return the main algorithm's indices of a period."""
        return [s for s in self.seasons if (s.algorithm, s.period) == (self.main, period)]

    def listed(self, segment_id: int, kind: str) -> list[Affinity]:
        """Return a list of one of the main algorithm's segments, in order."""
        return [
            a
            for a in self.affinities
            if (a.algorithm, a.segment_id, a.kind) == (self.main, segment_id, kind)
        ]

    @property
    def moves(self) -> Moves:
        """The main algorithm's migrations, added up."""
        both = [f for f in self.flows if None not in (f.from_segment_id, f.to_segment_id)]
        return Moves(
            known=sum(f.customers for f in both),
            stayed=sum(f.customers for f in both if f.from_segment_id == f.to_segment_id),
            joined=sum(f.customers for f in self.flows if f.from_segment_id is None),
            gone=sum(f.customers for f in self.flows if f.to_segment_id is None),
        )

    @property
    def revenue(self) -> Decimal:
        """The revenue of all segments of the main algorithm."""
        return sum((s.revenue or Decimal(0) for s in self.segments), Decimal(0))

    @cached_property
    def styles(self) -> Mapping[int, Style]:
        """The styles of the main algorithm's segments, including died ones."""
        ids = [s.segment_id for s in self.all_segments if s.algorithm == self.main]
        return styles([*ids, *(i for a, i in self.previous_names if a == self.main)])

    def name(self, algorithm: str | None, segment_id: int, *, before: bool = False) -> str:
        """Return a segment's name; with `before`, its name in the previous run."""
        now = {(s.algorithm, s.segment_id): s.segment_name for s in self.all_segments}
        key = (algorithm or "", segment_id)
        names = (self.previous_names, now) if before else (now, self.previous_names)
        return next((n[key] for n in names if key in n), f"Segment {segment_id}")

    @property
    def rfm_bins(self) -> int:
        """The best RFM score; the worst is 1."""
        return int(self.run.setting("rfm", "bins") or 5)

    @property
    def tried(self) -> list[Candidate]:
        """Return the clusterings among which k was chosen."""
        return [c for c in self.selection if c.agreement is None]

    @property
    def compared(self) -> list[Candidate]:
        """Return the algorithms that were only compared with the chosen segments."""
        return [c for c in self.selection if c.agreement is not None]

    @property
    def chosen(self) -> dict[str, Candidate]:
        """The chosen row of `model_selection` of each algorithm."""
        return {c.algorithm: c for c in self.selection if c.chosen}

    @cached_property
    def shown_features(self) -> list[str]:
        """Return the features of heat map and table: the model's, the most distinctive if too many.

        A model on principal components has no features of its own; then the profile's are shown.
        """
        measured = sorted({f for s in self.segments for f in s.features})
        names = [f for f in self.run.features if f in measured] or measured

        def peak(name: str) -> tuple[int, float]:
            z_scores = [s.z_score(name) or 0.0 for s in self.segments]
            return z_scores.index(max(z_scores)), -max(z_scores)

        def spread(name: str) -> float:
            return max(abs(s.z_score(name) or 0.0) for s in self.segments)

        kept = sorted(names, key=lambda n: (-spread(n), n))[:MOST_FEATURES]
        # Sorted by the segment that stands out most, so that related features are neighbours.
        return sorted(kept, key=lambda n: (*peak(n), n))
