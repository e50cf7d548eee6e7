"""Write the report of a run in the lake: Markdown, HTML, pictures, CSV.

It only reads the run's tables. jobs/segment.py and jobs/score.py write the same report at the end.
"""

from collections.abc import Sequence

from custseg_spark.engine.lake.lake import Lake
from custseg_spark.engine.spark.session import get_session
from custseg_spark.interfaces.cli import arguments, summary
from custseg_spark.outputs import report
from custseg_spark.progress import Progress


def run(argv: Sequence[str]) -> None:
    """Run the job for a command line."""
    config = arguments.parse(__doc__ or "", argv, ingests=False, segments=False).config
    folder = report.folder(config)
    progress = Progress()
    with progress.stage("start Spark"):
        lake = Lake(get_session("custseg-report", config.lake.umask), config.lake)
    lake.settle()
    with progress.stage("report"):
        written = report.write(lake, config.run.run_date, folder)
    print(summary.of_report(written))
