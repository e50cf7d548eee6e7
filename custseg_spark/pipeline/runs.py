"""The row of `runs`: the inputs and the results of a run."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime

from custseg_spark.config.settings import Config
from custseg_spark.core.clustering.continuum import Structure
from custseg_spark.core.clustering.preparation import Preparation
from custseg_spark.core.clustering.selection import Verdict
from custseg_spark.core.features.demographics import DEMOGRAPHICS
from custseg_spark.engine.lake.lake import Lake
from custseg_spark.engine.lake.rows import rows_of
from custseg_spark.engine.lake.schemas import CUSTOMERS, EVENTS, RUNS, SESSIONS
from custseg_spark.pipeline.planning import Plan
from custseg_spark.pipeline.population import Population
from custseg_spark.progress import Progress


@dataclass
class SegmentRun:
    """The result of `segment`, for the summary and the manifest.

    `models` are names in the folder of models, `model_hashes` cover all their files, `versions` are
    of the tables that the run read. `structure` is None for a handful of customers. `is_older`: the
    result is an earlier run's, which still stands.
    """

    run_date: date
    run_id: str
    customers: int
    plan: Plan
    chosen: dict[str, Verdict] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)
    models: dict[str, str] = field(default_factory=dict)
    model_hashes: Mapping[str, str] = field(default_factory=dict)
    versions: Mapping[str, int] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    structure: Structure | None = None
    made_by: str = ""
    is_older: bool = False


def read_versions(lake: Lake, config: Config) -> dict[str, int]:
    """Return the versions of the tables that a run reads."""
    made_of = {EVENTS.name, SESSIONS.name}
    if DEMOGRAPHICS in config.features.optional_families:
        made_of.add(CUSTOMERS.name)
    return {name: version for name, version in lake.moment.versions.items() if name in made_of}


def publish(
    of: Population,
    run: SegmentRun,
    preparation: Preparation,
    progress: Progress,
    finished_at: datetime,
) -> None:
    """Publish the run by its row: from here on it counts, and later runs continue it."""
    config, past = of.config, of.past
    row = (
        run.run_date,
        past.previous.run_date if past.previous else None,
        run.run_id,
        run.plan.use,
        run.plan.reason,
        run.plan.source.fitted_on if run.plan.source else run.run_date,
        run.warnings,
        finished_at,
        config.hash(),
        config.as_json(),
        run.made_by,
        config.model.seed,
        dict(run.versions),
        run.models,
        dict(run.model_hashes),
        list(preparation.names),
        run.left_out,
        {**progress.rows, "customers": run.customers},
        progress.seconds,
        run.structure.gap if run.structure else None,
    )
    of.publication.publish(rows_of([row], RUNS.schema))
