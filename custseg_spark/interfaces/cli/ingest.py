"""Ingest event logs into the tables `events`, `rejected_events`, `ingest_files` and `sessions`."""

from collections.abc import Sequence

from custseg_spark.engine.lake.lake import Lake
from custseg_spark.engine.lake.schemas import EVENTS
from custseg_spark.engine.spark.starting import StartingSession
from custseg_spark.interfaces import clock
from custseg_spark.interfaces.cli import arguments, summary
from custseg_spark.outputs import lineage
from custseg_spark.pipeline import concentration
from custseg_spark.pipeline.ingest import INGESTED, hashed_sources, ingest, list_sources
from custseg_spark.progress import Progress


def run(argv: Sequence[str]) -> None:
    """Run the job for a command line."""
    given = arguments.parse(__doc__ or "", argv, segments=False)
    listed = list_sources(given.mappings)
    starting = StartingSession("custseg-ingest", given.config.lake.umask)
    listed = hashed_sources(listed)
    progress = Progress()
    with progress.stage("start Spark"):
        lake = Lake(starting.get(), given.config.lake)
    sources = [path for mapping in given.mappings for path in mapping.path]
    with lineage.reported("ingest", given.config, sources, clock.now) as event, lake.at_work():
        done = ingest(lake, listed, given.config, progress, ingested_at=clock.now())
        event.tables_written = {**dict.fromkeys(INGESTED), EVENTS: done.accepted}
    print(summary.of_ingest(done))
    if done.accepted:
        with progress.stage("largest customer"):
            largest = concentration.of_lake(lake)
        problem = largest and largest.problem(given.config.gate.max_customer_share)
        if problem:
            print(f"Warning: {problem}")
