"""A run's reporting tables to SQLite, PostgreSQL or CSV; who entered and left each segment.

Readers of the target see the old or the new tables in full, also when the export is killed.
"""

from collections.abc import Sequence

from custseg_spark import cli, cli_exports, summary
from custseg_spark.exports import export
from custseg_spark.progress import Progress
from custseg_spark.session import get_session
from custseg_spark.tables import Lake


def run(argv: Sequence[str]) -> None:
    """Runs the job for a command line."""
    given = cli_exports.parse_export(__doc__ or "", argv)
    progress = Progress()
    with progress.stage("start Spark"):
        lake = Lake(get_session("custseg-export"), given.config.lake)
    print(summary.of_export(export(lake, given.request, given.target, progress)))


if __name__ == "__main__":
    cli.main(run)
