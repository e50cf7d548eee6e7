"""The segment of customers of whom too little is known, beside the model's segments."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from custseg_spark.core.clustering.assigners import TOO_LITTLE_KNOWN, TOO_LITTLE_KNOWN_ID
from custseg_spark.core.clustering.profiles import Profile
from custseg_spark.core.segments.identity import Identities, Identity
from custseg_spark.core.segments.migrations import Cell
from custseg_spark.core.segments.naming import SegmentName
from custseg_spark.core.segments.statuses import BORN, CONTINUED
from custseg_spark.pipeline.history import Ancestor

# The features that a handful of events can show: when customers came, what they looked at.
_TOLD_BY = (
    "days_since_first_event",
    "days_since_last_event",
    "event_count",
    "category_count",
    "avg_viewed_price",
)
_ACTIONS = (
    "Show bestsellers, and what is new in the category that they looked at.",
    "Ask for one thing: a newsletter, a favourite, an alert.",
    "Don't choose campaigns for them by segment: a visit more may change it.",
)


@dataclass(frozen=True)
class LittleKnown:
    """The segment's profile, and its identity: by rule it is the same segment in every run."""

    profile: Profile
    is_born: bool
    overlap: float | None

    @staticmethod
    def of(
        profiles: Sequence[Profile],
        ancestors: Mapping[int, Ancestor],
        cells: Sequence[Cell],
        label: int,
    ) -> "LittleKnown | None":
        """Return the segment if it has customers; `label` is its label in the cells."""
        if not profiles or not profiles[0].customers:
            return None
        is_born = TOO_LITTLE_KNOWN_ID not in ancestors
        return LittleKnown(profiles[0], is_born, None if is_born else _overlap(cells, label))

    def beside(
        self, identities: Identities, names: Mapping[int, SegmentName], features: Sequence[str]
    ) -> tuple[Identities, dict[int, SegmentName]]:
        """Return identities and names with this segment's appended."""
        related = () if self.is_born else (TOO_LITTLE_KNOWN_ID,)
        status = BORN if self.is_born else CONTINUED
        identity = Identity(TOO_LITTLE_KNOWN_ID, status, related, self.overlap)
        z_scores = dict(zip(features, self.profile.z_score.tolist(), strict=False))
        evidence = tuple((name, z_scores[name]) for name in _TOLD_BY if name in z_scores)
        name = SegmentName(TOO_LITTLE_KNOWN, None, None, None, None, evidence, _ACTIONS)
        together = replace(identities, clusters=(*identities.clusters, identity))
        return together, {**names, TOO_LITTLE_KNOWN_ID: name}


def _overlap(cells: Sequence[Cell], label: int) -> float:
    """Return the Jaccard index of the segment in both runs, over their common customers."""
    both = [c for c in cells if c.cluster is not None and c.previous_segment_id is not None]
    now = {c: c.cluster == label for c in both}
    before = {c: c.previous_segment_id == TOO_LITTLE_KNOWN_ID for c in both}
    shared = sum(c.customers for c in both if now[c] and before[c])
    either = sum(c.customers for c in both if now[c] or before[c])
    return shared / either if either else 0.0
