"""Export a run's tables to a database or to files, with the customers who changed segment.

Readers of the target see the old or the new tables in full, even if the export is killed.
"""

from collections.abc import Sequence

from custseg_spark.engine.lake.lake import Lake
from custseg_spark.engine.lake.schemas import CUSTOMERS, EVENTS
from custseg_spark.engine.spark.session import get_session
from custseg_spark.interfaces import clock
from custseg_spark.interfaces.cli import export_arguments, summary
from custseg_spark.outputs import lineage
from custseg_spark.outputs.exports import READ, export
from custseg_spark.progress import Progress


def run(argv: Sequence[str]) -> None:
    """Run the job for a command line."""
    given = export_arguments.parse_export(__doc__ or "", argv)
    progress = Progress()
    with progress.stage("start Spark"):
        lake = Lake(get_session("custseg-export", given.config.lake.umask), given.config.lake)
    lake.settle()
    with lineage.reported("export", given.config, [], clock.now) as event:
        event.tables_read = [*READ, CUSTOMERS, EVENTS]
        done = export(lake, given.request, given.target, progress)
        event.run_date = done.run_date
        event.others_written = {f"{given.target.shown}/{n}": rows for n, rows in done.rows.items()}
    print(summary.of_export(done))
