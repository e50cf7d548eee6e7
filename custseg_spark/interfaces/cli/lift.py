"""Measure a campaign: later purchases of customers who changed segment, treated and held back.

The groups are the ones that jobs/export.py marked with the same run dates, label and share.
"""

from collections.abc import Sequence

from custseg_spark.engine.lake.lake import Lake
from custseg_spark.engine.spark.session import get_session
from custseg_spark.interfaces.cli import effects, export_arguments
from custseg_spark.outputs.exports.lift import measure, write
from custseg_spark.progress import Progress


def run(argv: Sequence[str]) -> None:
    """Run the job for a command line."""
    given = export_arguments.parse_lift(__doc__ or "", argv)
    progress = Progress()
    with progress.stage("start Spark"):
        lake = Lake(get_session("custseg-lift", given.config.lake.umask), given.config.lake)
    lake.settle()
    with progress.stage("lift"):
        lift = measure(lake, given.request, given.period, given.config.exports)
    if given.target:
        write(lake, lift, given.target, progress)
    print(effects.of_lift(lift))
