"""Check that the lake is fit to be segmented: the ledger adds up, no day's log is missing or short.

For schedulers, between jobs/ingest.py and jobs/segment.py. The command writes nothing.
"""

from collections.abc import Sequence

from custseg_spark.engine.lake.lake import Lake
from custseg_spark.engine.spark.session import get_session
from custseg_spark.interfaces.cli import arguments, summary
from custseg_spark.pipeline import gate
from custseg_spark.progress import Progress


def run(argv: Sequence[str]) -> None:
    """Run the job for a command line."""
    config = arguments.parse_gate(__doc__ or "", argv)
    progress = Progress()
    with progress.stage("start Spark"):
        lake = Lake(get_session("custseg-gate", config.lake.umask), config.lake)
    lake.settle()
    with progress.stage("gate"):
        passed = gate.check(lake, config.gate, config.run.run_date)
    print(summary.of_gate(passed))
