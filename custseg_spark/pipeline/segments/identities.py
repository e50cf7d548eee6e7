"""The ids of a clustering's segments: continued, new, or those of a published model."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict

from custseg_spark.core.clustering.assignment import order_by_value
from custseg_spark.core.clustering.preparation import Preparation
from custseg_spark.core.clustering.profiles import Profile, centroid
from custseg_spark.core.clustering.selection import Verdict
from custseg_spark.core.segments.identity import Died, Identities, Identity, identify
from custseg_spark.core.segments.migrations import Cell, joined_customers, overlap_matrix
from custseg_spark.core.segments.pairing import IdentityRules, jaccard
from custseg_spark.core.segments.statuses import BORN, CONTINUED
from custseg_spark.engine.spark.model_store import Manifest
from custseg_spark.pipeline.history import Ancestor, PreviousRun
from custseg_spark.pipeline.population import Population


def ancestors_of(
    algorithm: str, previous: PreviousRun | None, source: PreviousRun | None
) -> Mapping[int, Ancestor]:
    """Return the names and first dates of an algorithm's earlier segments, by id."""
    run = source or previous
    ancestors = run.ancestors(algorithm) if run else {}
    if previous and run is not previous:
        ancestors = previous.ancestors(algorithm) | ancestors
    return ancestors


def identities(
    of: Population,
    prepared: Preparation,
    verdict: Verdict,
    clusters: Sequence[Profile],
    cells: Sequence[Cell],
) -> Identities:
    """Return the identity of each cluster of a new model."""
    algorithm, past = verdict.candidate.algorithm, of.past
    earlier = past.previous.known(algorithm) if past.previous else ()
    return identify(
        [centroid(profile, of.features, prepared.names) for profile in clusters],
        earlier,
        overlap_matrix(cells, len(clusters), [s.segment_id for s in earlier]),
        order=order_by_value(verdict.candidate.model.centres, prepared.axes),
        next_id=past.next_id(algorithm),
        rules=IdentityRules(**asdict(of.config.identity)),
        reborn=past.reborn.get(algorithm, ()),
        joined=joined_customers(cells, len(clusters)),
    )


def as_published(
    manifest: Manifest, previous: PreviousRun | None, cells: Sequence[Cell], k: int
) -> Identities:
    """Return the published model's ids, each with the overlap of its customers since.

    An older run's model may have other ids than the previous run: they count as born and died.
    """
    earlier_ids = [s.segment_id for s in previous.known(manifest.algorithm)] if previous else []
    overlap = jaccard(overlap_matrix(cells, k, earlier_ids))

    def identity_of(cluster: int, segment: int) -> Identity:
        if segment not in earlier_ids:
            return Identity(segment, BORN, (), None)
        shared = float(overlap[cluster, earlier_ids.index(segment)])
        return Identity(segment, CONTINUED, (segment,), shared)

    gone = [i for i in earlier_ids if i not in manifest.segment_ids]
    return Identities(
        tuple(
            identity_of(cluster, segment) for cluster, segment in enumerate(manifest.segment_ids)
        ),
        tuple(Died(segment, ()) for segment in gone),
    )
