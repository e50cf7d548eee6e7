"""From event logs to segment tables: ingest, sessions, features, models, segments, report.

One command writes the Delta tables and the report of one run date; a repeat changes nothing.
"""

from collections.abc import Sequence

from custseg_spark import cli, report, summary
from custseg_spark.ingest import ingest, list_sources
from custseg_spark.pipeline import segment
from custseg_spark.progress import Progress
from custseg_spark.session import get_session
from custseg_spark.tables import Lake


def run(argv: Sequence[str]) -> None:
    """Runs the job for a command line."""
    given = cli.parse(__doc__ or "", argv)
    listed = [] if given.skip_ingest else list_sources(given.profiles)
    reports = report.folder(given.config) if given.config.report.enabled else None
    progress = Progress()
    with progress.stage("start Spark"):
        lake = Lake(get_session("custseg-segment"), given.config.lake)
    if not given.skip_ingest:
        moment = cli.now()
        ingested = ingest(
            lake, listed, given.config, progress, ingested_at=moment, with_sessions=False
        )
        print(summary.of_ingest(ingested))
    result = segment(lake, given.config, given.archetypes, progress, now=cli.now)
    print(summary.of_segments(lake, result))
    if reports:
        with progress.stage("report"):
            written = report.write(lake, result.run_date, reports)
        print(summary.of_report(written))


if __name__ == "__main__":
    cli.main(run)
