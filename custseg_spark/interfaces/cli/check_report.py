"""Compare a reporting database with a run in the lake: rows, keys, values and sums.

The command reads both and writes nothing. Differences are listed and end it with exit code 3.
"""

from collections.abc import Sequence

from custseg_spark.engine.lake.lake import Lake
from custseg_spark.engine.spark.session import get_session
from custseg_spark.interfaces.cli import export_arguments, summary
from custseg_spark.outputs.exports import checking
from custseg_spark.progress import Progress


def run(argv: Sequence[str]) -> None:
    """Run the job for a command line."""
    given = export_arguments.parse_check(__doc__ or "", argv)
    progress = Progress()
    with progress.stage("start Spark"):
        lake = Lake(get_session("custseg-check", given.config.lake.umask), given.config.lake)
    lake.settle()
    checked = checking.check(lake, given.request, given.database, progress)
    checking.require_equal(checked)
    print(summary.of_check(checked))
