"""From event logs to segment tables: ingest, sessions, features, models, segments.

One command writes the Delta tables of one run date; a repeat changes nothing.
"""

from collections.abc import Sequence

from custseg_spark import cli, summary
from custseg_spark.ingest import ingest, list_sources
from custseg_spark.pipeline import segment
from custseg_spark.progress import Progress
from custseg_spark.session import get_session
from custseg_spark.tables import Lake


def run(argv: Sequence[str]) -> None:
    """Runs the job for a command line."""
    arguments = cli.parse(__doc__ or "", argv)
    listed = [] if arguments.skip_ingest else list_sources(arguments.profiles)
    progress = Progress()
    with progress.stage("start Spark"):
        lake = Lake(get_session("custseg-segment"), arguments.config.lake)
    if not arguments.skip_ingest:
        ingested = ingest(lake, listed, arguments.config, progress, ingested_at=cli.now())
        print(summary.of_ingest(ingested))
    result = segment(lake, arguments.config, progress, finished_at=cli.now())
    print(summary.of_segments(lake, result))


if __name__ == "__main__":
    cli.main(run)
