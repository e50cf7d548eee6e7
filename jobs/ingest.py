"""From event logs to the tables `events`, `rejected_events`, `ingest_files` and `sessions`."""

from collections.abc import Sequence

from custseg_spark import cli, summary
from custseg_spark.ingest import ingest, list_sources
from custseg_spark.progress import Progress
from custseg_spark.session import get_session
from custseg_spark.tables import Lake


def run(argv: Sequence[str]) -> None:
    """Runs the job for a command line."""
    arguments = cli.parse(__doc__ or "", argv, segments=False)
    listed = list_sources(arguments.profiles)
    progress = Progress()
    with progress.stage("start Spark"):
        lake = Lake(get_session("custseg-ingest"), arguments.config.lake)
    print(
        summary.of_ingest(ingest(lake, listed, arguments.config, progress, ingested_at=cli.now()))
    )


if __name__ == "__main__":
    cli.main(run)
