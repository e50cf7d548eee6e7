"""The report of a run that is in the lake: Markdown, HTML, pictures, CSV. Computes nothing anew.

It is the one that jobs/segment.py and jobs/score.py write at their end.
"""

from collections.abc import Sequence

from custseg_spark import cli, report, summary
from custseg_spark.progress import Progress
from custseg_spark.session import get_session
from custseg_spark.tables import Lake


def run(argv: Sequence[str]) -> None:
    """Runs the job for a command line."""
    config = cli.parse(__doc__ or "", argv, ingests=False, segments=False).config
    folder = report.folder(config)
    progress = Progress()
    with progress.stage("start Spark"):
        lake = Lake(get_session("custseg-report"), config.lake)
    with progress.stage("report"):
        written = report.write(lake, config.run.run_date, folder)
    print(summary.of_report(written))


if __name__ == "__main__":
    cli.main(run)
