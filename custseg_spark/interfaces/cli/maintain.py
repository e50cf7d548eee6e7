"""Keep the lake small: remove old runs and leftovers of dead ones, merge small files, VACUUM.

Everything that a published run needs stays. For schedulers, now and then; other jobs may run at the
same time.
"""

from collections.abc import Sequence

from custseg_spark.engine.lake.lake import Lake, require_table
from custseg_spark.engine.lake.schemas import INGEST_FILES
from custseg_spark.engine.spark.session import get_session
from custseg_spark.interfaces.cli import arguments, summary
from custseg_spark.pipeline.maintenance import maintain
from custseg_spark.progress import Progress


def run(argv: Sequence[str]) -> None:
    """Run the job for a command line."""
    config, progress = arguments.parse_maintain(__doc__ or "", argv), Progress()
    with progress.stage("start Spark"):
        lake = Lake(get_session("custseg-maintain", config.lake.umask), config.lake)
    # Checked first, because the lock would create the folder of a misspelt path.
    require_table(lake, INGEST_FILES)
    with lake.at_work():
        done = maintain(lake, config.maintain, progress)
    print(summary.of_maintenance(done))
