"""Turn chosen models into the output tables: identities of segments, names, rows."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, time

import pyarrow as pa

from custseg_spark.config.settings import Config
from custseg_spark.core.clustering.assigners import Assigner
from custseg_spark.core.clustering.assignment import NamedClustering, segment_columns
from custseg_spark.core.clustering.comparison import Compared
from custseg_spark.core.clustering.models import cluster_count
from custseg_spark.core.clustering.outliers import outlier_distances
from custseg_spark.core.clustering.profiles import Profile, profiles, profiles_of_sums
from custseg_spark.core.clustering.scaling import FeatureSpace
from custseg_spark.core.clustering.selection import Verdict
from custseg_spark.core.segments import drift
from custseg_spark.core.segments.drift import Drift, DriftRules
from custseg_spark.core.segments.identity import Identities
from custseg_spark.core.segments.migrations import Cell, migration_rows
from custseg_spark.core.segments.naming import Archetypes
from custseg_spark.engine.lake.columns import Table
from custseg_spark.engine.lake.rows import rows_of
from custseg_spark.engine.lake.schemas import (
    CUSTOMER_FEATURES,
    CUSTOMER_SEGMENTS,
    FEATURE_DRIFT,
    MODEL_SELECTION,
    SEGMENT_MIGRATIONS,
    SEGMENT_POINTS,
    SEGMENT_PROFILES,
)
from custseg_spark.engine.partitions import Side, write_sides
from custseg_spark.engine.spark.model_store import Manifest
from custseg_spark.pipeline.assigners import PricedAssigner, priced_assigner
from custseg_spark.pipeline.clustering.sample import CustomerSample
from custseg_spark.pipeline.clusterings import Clustering, labels_with_hysteresis
from custseg_spark.pipeline.history import PreviousRun
from custseg_spark.pipeline.population import Population
from custseg_spark.pipeline.segments import assigning, hysteresis, identities, movement, rows
from custseg_spark.pipeline.segments.hysteresis import WithHysteresis
from custseg_spark.pipeline.segments.little_known import LittleKnown
from custseg_spark.pipeline.segments.names import names_of

# The number of points that a picture can show.
PICTURED_CUSTOMERS = 4_000
# The number of customers for outlier distances: some thousands per segment.
_MEASURED_CUSTOMERS = 50_000


@dataclass(frozen=True)
class Evaluated:
    """A population's models with their verdicts, and the material of the tables.

    `published` holds the manifests of models that were loaded, by algorithm.
    """

    population: Population
    space: FeatureSpace
    sample: CustomerSample
    verdicts: Sequence[Verdict]
    compared: Sequence[Compared]
    published: Mapping[str, Manifest]

    @property
    def chosen(self) -> dict[str, Verdict]:
        """The chosen verdict of each algorithm."""
        return {v.candidate.algorithm: v for v in self.verdicts if v.chosen}


def identified(
    run: Evaluated, source: PreviousRun | None, archetypes: Archetypes
) -> tuple[list[Clustering], list[Cell]]:
    """Return each algorithm's chosen clustering with ids, names and evidence; and the moves.

    `source` is the run whose models were loaded: its ids and names stay.
    """
    of, previous, config = run.population, run.population.past.previous, run.population.config
    priced = {
        algorithm: priced_assigner(run.sample, run.space, v.candidate.model, config.model, manifest)
        for algorithm, v in run.chosen.items()
        for manifest in [run.published.get(algorithm)]
    }
    assigners = {algorithm: one.assigner for algorithm, one in priced.items()}
    sampled = run.sample.everyone(config.model.fit.sample_customers)
    by_model = profiles(of.customers, run.space, list(assigners.values()), of.features, sampled)
    profiled = dict(zip(assigners, by_model, strict=True))
    cells = (
        movement.moved(of, previous, run.space, assigners)
        if previous
        else movement.all_joined(profiled)
    )
    identities_of = {a: _identities(run, a, profiled[a], cells) for a in run.chosen}
    held: Mapping[str, Mapping[str, int]] = {}
    if previous and config.model.stability.hysteresis:
        named = [_unnamed(run, a, identities_of[a], priced[a]) for a in run.chosen]
        with_hysteresis = hysteresis.with_hysteresis(
            of, previous, run.space, named, run.sample.rows
        )
        cells, held = with_hysteresis.cells, with_hysteresis.sampled
        profiled = dict(
            zip(assigners, _profiles_with(run, with_hysteresis, assigners, sampled), strict=True)
        )
    clusterings = []
    for algorithm, verdict in run.chosen.items():
        of_algorithm = [cell for cell in cells if cell.algorithm == algorithm]
        k = cluster_count(verdict.candidate.model)
        clusters, little_known = profiled[algorithm][:k], profiled[algorithm][k:]
        ancestors = identities.ancestors_of(algorithm, previous, source)
        manifest, identities_ = run.published.get(algorithm), identities_of[algorithm]
        names = names_of(
            of, identities_, clusters, ancestors, archetypes, is_published=bool(manifest)
        )
        limits = manifest.outlier_distances if manifest else _outlier_distances(run, verdict)
        too_little_known = LittleKnown.of(little_known, ancestors, of_algorithm, k)
        if too_little_known:
            identities_, names = too_little_known.beside(identities_, names, of.features)
        clusterings.append(
            Clustering(
                algorithm,
                verdict,
                identities_,
                names,
                ancestors,
                [*clusters, *([too_little_known.profile] if too_little_known else [])],
                limits,
                priced[algorithm],
                manifest.stay_curves if manifest else verdict.stay_curves,
                config.model.stability.hysteresis,
                held.get(algorithm, {}),
            )
        )
    return clusterings, cells


def _identities(
    run: Evaluated, algorithm: str, profiled: Sequence[Profile], cells: Sequence[Cell]
) -> Identities:
    """Return the identities of an algorithm's clusters, by the labels without hysteresis."""
    verdict, manifest = run.chosen[algorithm], run.published.get(algorithm)
    k = cluster_count(verdict.candidate.model)
    of_algorithm = [cell for cell in cells if cell.algorithm == algorithm]
    if manifest:
        return identities.as_published(manifest, run.population.past.previous, of_algorithm, k)
    return identities.identities(
        run.population, run.space.preparation, verdict, profiled[:k], of_algorithm
    )


def _unnamed(
    run: Evaluated, algorithm: str, identities_: Identities, priced: PricedAssigner
) -> NamedClustering:
    """Return an algorithm's clustering with the parts that hysteresis needs."""
    assigner = priced.assigner
    return NamedClustering(
        algorithm,
        assigner.model,
        tuple(i.segment_id for i in identities_.clusters),
        (),
        (),
        assigner.rules,
        assigner.by_rules,
        assigner.known_from,
        hysteresis=run.population.config.model.stability.hysteresis,
    )


def _profiles_with(
    run: Evaluated,
    with_hysteresis: WithHysteresis,
    assigners: Mapping[str, Assigner],
    sampled: pa.Table,
) -> list[list[Profile]]:
    """Return each algorithm's profiles with hysteresis."""
    points = run.space.points(sampled)
    labellings = [
        (
            labels_with_hysteresis(assigner, sampled, points, with_hysteresis.sampled[algorithm]),
            assigner.labelled,
        )
        for algorithm, assigner in assigners.items()
    ]
    return profiles_of_sums(
        with_hysteresis.sums, run.space, run.population.features, sampled, labellings
    )


def _outlier_distances(run: Evaluated, verdict: Verdict) -> tuple[float | None, ...]:
    points = run.space.points(run.sample.everyone(_MEASURED_CUSTOMERS))
    model = verdict.candidate.model
    percentile = run.population.config.model.outlier_percentile
    return outlier_distances(points, model.labels(points), model.centres, percentile)


def write(
    run: Evaluated,
    clusterings: Sequence[Clustering],
    cells: Sequence[Cell],
    drifts: Sequence[Drift],
) -> None:
    """Add the run's rows to every output table, except features and `runs`."""
    of, prepared = run.population, run.space.preparation
    day, previous, publication = of.run_date, of.past.previous, of.publication
    named = [c.named for c in clusterings]
    # Predictions use everything known up to the run date at 00:00 UTC.
    midnight = datetime.combine(day, time.min, UTC)
    since = previous.run_date if previous else None
    kernel = assigning.SegmentRows(run.space, tuple(named), midnight, day, since)
    columns = tuple(segment_columns(run.space, named))
    sides = [Side(of.lake, CUSTOMER_FEATURES, day, columns), *assigning.before(of)]
    write_sides(sides, kernel, CUSTOMER_SEGMENTS, publication, of.groups)
    ids = {c.algorithm: c.segment_ids for c in clusterings}
    drifted = [*drifts, *_share_drifts(clusterings, previous, of.config)] if previous else []
    tables: dict[Table, rows.Rows] = {
        SEGMENT_PROFILES: rows.profile_rows(clusterings, of.features, prepared, day),
        MODEL_SELECTION: [
            *rows.selection_rows(run.verdicts, {c.algorithm: c.priced for c in clusterings}, day),
            *rows.comparison_rows(run.compared, day),
        ],
        SEGMENT_POINTS: rows.point_rows(
            run.sample.everyone(PICTURED_CUSTOMERS), run.space, clusterings, day
        ),
        SEGMENT_MIGRATIONS: migration_rows(cells, ids, day, since) if since else [],
        FEATURE_DRIFT: rows.drift_rows(drifted, day, since) if since else [],
    }
    publication.append_to_each(
        {
            table: _of_run(rows_of_run, table, publication.run_id)
            for table, rows_of_run in tables.items()
        }
    )


def _of_run(rows_of_run: rows.Rows, table: Table, run_id: str) -> pa.Table:
    """Insert the run's id behind the run date with which rows begin."""
    return rows_of([(day, run_id, *values) for day, *values in rows_of_run], table.schema)


def _share_drifts(
    clusterings: Sequence[Clustering], previous: PreviousRun, config: Config
) -> list[Drift]:
    """Return the drift of the segments' shares since the previous run."""
    drifts = []
    for clustering in clusterings:
        before = {
            i: segment.customers
            for i, segment in previous.segments.get(clustering.algorithm, {}).items()
        }
        now = {
            i: profile.customers
            for i, profile in zip(clustering.segment_ids, clustering.profiles, strict=True)
        }
        if before:
            rules = DriftRules(**asdict(config.drift))
            drifts.append(drift.share_drift(clustering.algorithm, before, now, rules))
    return drifts
