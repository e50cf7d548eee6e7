"""The names of a clustering's segments, by z-scores and absolute figures."""

from collections.abc import Mapping, Sequence
from decimal import Decimal

import numpy as np

from custseg_spark.core.clustering.profiles import Profile
from custseg_spark.core.segments.identity import Identities
from custseg_spark.core.segments.naming import SHARES, Archetypes, SegmentName, name_segments
from custseg_spark.pipeline.history import Ancestor
from custseg_spark.pipeline.population import Population


def names_of(
    of: Population,
    identities: Identities,
    clusters: Sequence[Profile],
    ancestors: Mapping[int, Ancestor],
    archetypes: Archetypes,
    *,
    is_published: bool,
) -> dict[int, SegmentName]:
    """Return each segment's name by its id; a published model's segments keep theirs."""
    features, naming = of.features, of.config.naming
    z_scores = {
        identity.segment_id: dict(zip(features, profile.z_score.tolist(), strict=False))
        for identity, profile in zip(identities.clusters, clusters, strict=True)
    }
    figures = {
        identity.segment_id: _figures(profile, clusters, features)
        for identity, profile in zip(identities.clusters, clusters, strict=True)
    }
    kept = {i: ancestors[i].name for i in z_scores if i in ancestors}
    # A published model's segments keep their names, because the segments are the same.
    bonus = np.inf if is_published else naming.kept_name_bonus
    return name_segments(
        z_scores,
        archetypes,
        min_score=naming.min_score,
        kept=kept,
        kept_bonus=bonus,
        figures=figures,
    )


def _figures(
    profile: Profile, clusters: Sequence[Profile], features: Sequence[str]
) -> dict[str, float]:
    """Return the figures for archetypes' bars: a segment's means, and its shares.

    Without any revenue, no segment has more than its share.
    """
    customers = profile.customers / max(sum(p.customers for p in clusters), 1)
    total = sum((p.revenue for p in clusters), Decimal(0))
    revenue = float(profile.revenue / total) if total > 0 else np.nan
    brings = (revenue / customers if customers else np.nan) if total > 0 else 1.0
    shares = (customers, revenue, brings)
    means = dict(zip(features, profile.mean.tolist(), strict=False))
    return {**means, **dict(zip(SHARES, shares, strict=True))}
