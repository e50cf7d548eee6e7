"""Assign the customers of a run date with published models: features, segments, report.

The command reads no source and fits nothing. Segments keep their ids and names. A model that
differs from its manifest is an error.
"""

from collections.abc import Sequence

from custseg_spark.engine.lake.lake import Lake, require_table
from custseg_spark.engine.lake.schemas import CUSTOMER_FEATURES, EVENTS
from custseg_spark.engine.spark.session import get_session
from custseg_spark.interfaces import clock
from custseg_spark.interfaces.cli import arguments, summary
from custseg_spark.outputs import lineage, report
from custseg_spark.pipeline.ingest import INGESTED
from custseg_spark.pipeline.segmentation import OUTPUTS, score
from custseg_spark.progress import Progress


def run(argv: Sequence[str]) -> None:
    """Run the job for a command line."""
    given = arguments.parse(__doc__ or "", argv, ingests=False)
    config, progress = given.config, Progress()
    reports = report.folder(config) if config.report.enabled else None
    with progress.stage("start Spark"):
        lake = Lake(get_session("custseg-score", config.lake.umask), config.lake)
    # Checked first, because the lock would create the folder of a misspelt path.
    require_table(lake, EVENTS)
    with lineage.reported("score", config, [], clock.now) as event, lake.at_work():
        event.tables_read = list(INGESTED)
        done = score(lake, config, given.archetypes, progress, given.model_date, now=clock.now)
        event.run_date = done.run_date
        event.tables_written = {**dict.fromkeys(OUTPUTS), CUSTOMER_FEATURES: done.customers}
    print(summary.of_segments(lake, done))
    if reports:
        with progress.stage("report"):
            written = report.write(lake, done.run_date, reports)
        print(summary.of_report(written))
