"""Whether a reporting database holds what the lake says of a run: rows, keys, values and sums.

Reads both, writes nothing; exit code 3 with each difference.
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
