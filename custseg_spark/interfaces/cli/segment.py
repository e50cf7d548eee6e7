"""From event logs to segment tables: ingest, sessions, features, models, segments, report.

One command writes the Delta tables and the report of one run date; a repeat changes nothing.
"""

from collections.abc import Sequence

from custseg_spark.engine.lake.lake import Lake, require_table
from custseg_spark.engine.lake.schemas import EVENTS
from custseg_spark.engine.spark.session import StartingSession
from custseg_spark.interfaces import clock
from custseg_spark.interfaces.cli import arguments, summary
from custseg_spark.outputs import report
from custseg_spark.pipeline.ingest import hashed_sources, ingest, list_sources
from custseg_spark.pipeline.segmentation import segment
from custseg_spark.progress import Progress


def run(argv: Sequence[str]) -> None:
    """Runs the job for a command line."""
    given = arguments.parse(__doc__ or "", argv)
    listed = [] if given.skip_ingest else list_sources(given.mappings)
    starting = StartingSession("custseg-segment")
    listed = hashed_sources(listed)
    reports = report.folder(given.config) if given.config.report.enabled else None
    progress = Progress()
    with progress.stage("start Spark"):
        lake = Lake(starting.get(), given.config.lake)
    if given.skip_ingest:
        # Before there is a lock, and a folder with it, where a path was misspelt.
        require_table(lake, EVENTS)
    with lake.at_work():
        if not given.skip_ingest:
            moment = clock.now()
            ingested = ingest(
                lake, listed, given.config, progress, ingested_at=moment, with_sessions=False
            )
            print(summary.of_ingest(ingested))
        result = segment(lake, given.config, given.archetypes, progress, now=clock.now)
    print(summary.of_segments(lake, result))
    if reports:
        with progress.stage("report"):
            written = report.write(lake, result.run_date, reports)
        print(summary.of_report(written))
