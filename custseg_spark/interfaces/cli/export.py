"""A run's reporting tables to SQLite, PostgreSQL or CSV; who entered and left each segment.

Readers of the target see the old or the new tables in full, also when the export is killed.
"""

from collections.abc import Sequence

from custseg_spark.engine.lake.lake import Lake
from custseg_spark.engine.spark.session import get_session
from custseg_spark.interfaces.cli import export_arguments, summary
from custseg_spark.outputs.exports import export
from custseg_spark.progress import Progress


def run(argv: Sequence[str]) -> None:
    """Runs the job for a command line."""
    given = export_arguments.parse_export(__doc__ or "", argv)
    progress = Progress()
    with progress.stage("start Spark"):
        lake = Lake(get_session("custseg-export", given.config.lake.umask), given.config.lake)
    lake.settle()
    print(summary.of_export(export(lake, given.request, given.target, progress)))
