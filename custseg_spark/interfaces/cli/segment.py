"""Segment event logs: ingest, sessions, features, models, segments, report.

One command writes the Delta tables and the report of one run date; repeating it changes nothing.
"""

from collections.abc import Sequence

from custseg_spark.engine.sources.discovery.listing import hashed_sources, list_sources
from custseg_spark.engine.spark.starting import StartingSession
from custseg_spark.interfaces import clock
from custseg_spark.interfaces.cli import arguments
from custseg_spark.progress import Progress

# Modules that the workers import at the same time as the driver.
_KERNELS = (
    "custseg_spark.pipeline.ingest.native_events",
    "custseg_spark.pipeline.sessions.native",
    "custseg_spark.core.features.customers",
)


def run(argv: Sequence[str]) -> None:
    """Run the job for a command line."""
    given = arguments.parse(__doc__ or "", argv)
    if given.config.mlflow.enabled:
        # Imported only then: it imports the report's pictures.
        from custseg_spark.interfaces.cli import tracked

        tracked.require(given.config)
    listed = [] if given.skip_ingest else list_sources(given.mappings)
    starting = StartingSession("custseg-segment", given.config.lake.umask, _KERNELS)
    # Imported while Spark starts, because each takes a second.
    from custseg_spark.engine.lake.lake import Lake, require_table
    from custseg_spark.engine.lake.schemas import CUSTOMER_FEATURES, CUSTOMER_SEGMENTS, EVENTS
    from custseg_spark.interfaces.cli import summary
    from custseg_spark.outputs import lineage
    from custseg_spark.pipeline.ingest import INGESTED, ingest
    from custseg_spark.pipeline.segmentation import OUTPUTS, segment

    listed = hashed_sources(listed)
    if given.config.report.enabled:
        from custseg_spark.outputs import report

        reports = report.folder(given.config)
    progress = Progress()
    with progress.stage("start Spark"):
        lake = Lake(starting.get(), given.config.lake)
    if given.skip_ingest:
        # Checked first, because the lock would create the folder of a misspelt path.
        require_table(lake, EVENTS)
    sources = [path for mapping in given.mappings for path in mapping.path]
    read = [] if given.skip_ingest else sources
    with lineage.reported("segment", given.config, read, clock.now) as event, lake.at_work():
        if not given.skip_ingest:
            moment = clock.now()
            ingested = ingest(
                lake, listed, given.config, progress, ingested_at=moment, with_sessions=False
            )
            print(summary.of_ingest(ingested))
            event.tables_written[EVENTS] = ingested.accepted
        event.tables_read = list(INGESTED)
        result = segment(
            lake, given.config, given.archetypes, progress, now=clock.now, again=given.again
        )
        event.run_date = result.run_date
        event.tables_written |= dict.fromkeys(OUTPUTS)
        event.tables_written[CUSTOMER_FEATURES] = result.customers
        # The result of a run that stands as it is has no models.
        event.tables_written[CUSTOMER_SEGMENTS] = result.customers * len(result.models) or None
    print(summary.of_segments(lake, result))
    if given.config.report.enabled:
        with progress.stage("report"):
            written = report.write(lake, result.run_date, reports)
        print(summary.of_report(written))
    if given.config.mlflow.enabled:
        tracked.log(given.config, result.run_date, progress)
