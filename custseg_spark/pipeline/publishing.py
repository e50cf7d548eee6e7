"""From judged models to the output tables: who the segments are, their names, the rows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

import numpy as np
from pyspark.sql import DataFrame

from custseg_spark.config.settings import Config
from custseg_spark.core.segments.naming import Archetypes, SegmentName, name_segments
from custseg_spark.engine.lake.columns import Table
from custseg_spark.engine.lake.lake import Lake
from custseg_spark.engine.lake.schemas import (
    BORN,
    CONTINUED,
    CUSTOMER_SEGMENTS,
    FEATURE_DRIFT,
    MODEL_SELECTION,
    SEGMENT_MIGRATIONS,
    SEGMENT_POINTS,
    SEGMENT_PROFILES,
)
from custseg_spark.models import assignment, drift, identity, migrations, profiles, results
from custseg_spark.models.algorithms import centres
from custseg_spark.models.comparison import Compared
from custseg_spark.models.drift import Drift
from custseg_spark.models.fitting import POINT, VALUES, Fitted, Sample
from custseg_spark.models.identity import Died, Identities, Identity
from custseg_spark.models.layout import in_sample
from custseg_spark.models.migrations import Cell
from custseg_spark.models.pairing import jaccard
from custseg_spark.models.profiles import Profile
from custseg_spark.models.results import Ancestor, Clustering, Size
from custseg_spark.models.selection import Verdict
from custseg_spark.models.store import Manifest
from custseg_spark.models.tree import Node
from custseg_spark.pipeline import history
from custseg_spark.pipeline.history import Past, PreviousRun

# As many points as a picture can show.
_PICTURED_CUSTOMERS = 4_000


@dataclass(frozen=True)
class Judged:
    """A run's labelled customers with what the tables are made of.

    `published` holds the manifests of models that were loaded, by algorithm.
    """

    run_date: date
    labelled: DataFrame
    count: int
    features: Sequence[str]
    fitted: Fitted
    drawn: Sample
    verdicts: Sequence[Verdict]
    compared: Sequence[Compared]
    published: Mapping[str, Manifest]
    trees: Mapping[str, Sequence[Node]]

    @property
    def chosen(self) -> dict[str, Verdict]:
        """The chosen verdict of each algorithm."""
        return {v.candidate.algorithm: v for v in self.verdicts if v.chosen}

    @property
    def labels(self) -> dict[str, str]:
        """The chosen models' columns of labels, and the algorithms."""
        return {v.candidate.model.getPredictionCol(): a for a, v in self.chosen.items()}


def identified(
    lake: Lake,
    judged: Judged,
    past: Past,
    source: PreviousRun | None,
    config: Config,
    archetypes: Archetypes,
) -> tuple[list[Clustering], list[Cell]]:
    """Each algorithm's chosen clustering with ids, names and evidence; and who moved where.

    `source` is the run whose models were loaded; its ids and names stand then.
    """
    before = history.customers_of(lake, past.previous)
    current = judged.labelled.select("customer_id", "monetary", *judged.labels)
    cells = migrations.crosstab(current, before, judged.labels)
    profiled = _profiles(judged, config)
    clusterings = []
    for algorithm, verdict in judged.chosen.items():
        own = [cell for cell in cells if cell.algorithm == algorithm]
        found = profiled[verdict.candidate.model.getPredictionCol()]
        run = source or past.previous
        ancestors = run.ancestors(algorithm) if run else {}
        if past.previous and run is not past.previous:
            ancestors = past.previous.ancestors(algorithm) | ancestors
        manifest = judged.published.get(algorithm)
        if manifest:
            who = _as_published(manifest, past.previous, own, len(found))
        else:
            who = _identities(judged, verdict, found, past, own, config)
        names = _names(judged.features, who, found, ancestors, archetypes, config, manifest)
        clusterings.append(
            Clustering(
                algorithm,
                verdict,
                who,
                names,
                ancestors,
                found,
                _sizes(own, len(found)),
                judged.trees.get(algorithm, ()),
            )
        )
    return clusterings, cells


def _profiles(judged: Judged, config: Config) -> dict[str, list[Profile]]:
    """The profile of each cluster, by column of labels."""
    ks = {v.candidate.model.getPredictionCol(): v.candidate.k for v in judged.chosen.values()}
    sampled = (
        judged.labelled.where(in_sample(config.model.sample_customers, judged.count))
        .select("customer_id", *ks)
        .toPandas()
        .sort_values("customer_id")
    )
    width = len(judged.features) + len(judged.fitted.prepared.names)
    labels = {column: sampled[column].to_numpy() for column in ks}
    return profiles.profiles(judged.labelled, VALUES, width, ks, judged.drawn.values, labels)


def _identities(
    judged: Judged,
    verdict: Verdict,
    found: Sequence[Profile],
    past: Past,
    cells: Sequence[Cell],
    config: Config,
) -> Identities:
    algorithm, prepared = verdict.candidate.algorithm, judged.fitted.prepared
    known = past.previous.known(algorithm) if past.previous else ()
    model = verdict.candidate.model
    return identity.identify(
        [results.centroid(profile, judged.features, prepared) for profile in found],
        known,
        migrations.overlap_matrix(cells, len(found), [s.segment_id for s in known]),
        order=assignment.order_by_value(centres(model), results.axes(prepared)),
        next_id=past.next_id(algorithm),
        config=config.identity,
        reborn=past.reborn.get(algorithm, ()),
    )


def _as_published(
    manifest: Manifest, previous: PreviousRun | None, cells: Sequence[Cell], k: int
) -> Identities:
    """The ids that the published model has, each with its customers' overlap since.

    A model of an older run may have others than the previous run: those are born and died.
    """
    known = [s.segment_id for s in previous.known(manifest.algorithm)] if previous else []
    overlap = jaccard(migrations.overlap_matrix(cells, k, known))

    def of(cluster: int, segment: int) -> Identity:
        if segment not in known:
            return Identity(segment, BORN, (), None)
        shared = float(overlap[cluster, known.index(segment)])
        return Identity(segment, CONTINUED, (segment,), shared)

    gone = [i for i in known if i not in manifest.segment_ids]
    return Identities(
        tuple(of(cluster, segment) for cluster, segment in enumerate(manifest.segment_ids)),
        tuple(Died(segment, ()) for segment in gone),
    )


def _names(
    features: Sequence[str],
    who: Identities,
    found: Sequence[Profile],
    ancestors: Mapping[int, Ancestor],
    archetypes: Archetypes,
    config: Config,
    manifest: Manifest | None,
) -> dict[int, SegmentName]:
    z_scores = {
        own.segment_id: dict(zip(features, profile.z_score.tolist(), strict=False))
        for own, profile in zip(who.clusters, found, strict=True)
    }
    kept = {i: ancestors[i].name for i in z_scores if i in ancestors}
    # A published model's segments keep their names: nothing about the segments has changed.
    bonus = np.inf if manifest else config.naming.kept_name_bonus
    return name_segments(
        z_scores, archetypes, min_score=config.naming.min_score, kept=kept, kept_bonus=bonus
    )


def _sizes(cells: Sequence[Cell], k: int) -> list[Size]:
    """Each cluster's customers and revenue."""
    own = [[cell for cell in cells if cell.cluster == cluster] for cluster in range(k)]
    return [
        Size(sum(c.customers for c in of), sum((c.revenue for c in of), Decimal(0))) for of in own
    ]


def write(
    lake: Lake,
    judged: Judged,
    clusterings: Sequence[Clustering],
    cells: Sequence[Cell],
    drifts: Sequence[Drift],
    past: Past,
    config: Config,
) -> None:
    """Replaces the run date's rows of every output table but `customer_features` and `runs`."""
    day, prepared = judged.run_date, judged.fitted.prepared
    segments = results.segments(judged.labelled, prepared, clusterings, day)
    lake.replace_dates(segments, CUSTOMER_SEGMENTS, [day])
    previous = past.previous
    since = previous.run_date if previous else None
    ids = {c.algorithm: c.segment_ids for c in clusterings}
    moved = migrations.migration_rows(cells, ids, day, since) if since else []
    drifted = [*drifts, *_share_drifts(clusterings, previous, config)] if previous else []
    tables: dict[Table, results.Rows] = {
        SEGMENT_PROFILES: results.profile_rows(clusterings, judged.features, prepared, day),
        MODEL_SELECTION: [
            *results.selection_rows(judged.verdicts, day),
            *results.comparison_rows(judged.compared, day),
        ],
        SEGMENT_POINTS: _points(judged, clusterings),
        SEGMENT_MIGRATIONS: moved,
        FEATURE_DRIFT: drift.rows(drifted, day, since) if since else [],
    }
    lake.replace_date_of_each(tables, day)


def _share_drifts(
    clusterings: Sequence[Clustering], previous: PreviousRun, config: Config
) -> list[Drift]:
    """How far the segments' shares are from the previous run's."""
    found = []
    for clustering in clusterings:
        before = {
            i: segment.customers
            for i, segment in previous.segments.get(clustering.algorithm, {}).items()
        }
        now = {
            i: size.customers
            for i, size in zip(clustering.segment_ids, clustering.sizes, strict=True)
        }
        if before:
            found.append(drift.share_drift(clustering.algorithm, before, now, config.drift))
    return found


def _points(judged: Judged, clusterings: Sequence[Clustering]) -> results.Rows:
    local = (
        judged.labelled.where(in_sample(_PICTURED_CUSTOMERS, judged.count))
        .select("customer_id", POINT, *judged.labels)
        .toPandas()
        .sort_values("customer_id")
    )
    if local.empty:
        return []
    labels = {column: local[column].to_numpy() for column in judged.labels}
    points = np.stack(local[POINT].to_list())
    return results.point_rows(
        local["customer_id"].tolist(), points, labels, clusterings, judged.run_date
    )
