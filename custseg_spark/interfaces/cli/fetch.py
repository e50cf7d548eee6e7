"""Fetch the purchases of a list of customers from an HTTP API, as files for ingest.

The command needs no Spark. Run again after a kill, it continues where it stopped.
"""

from collections.abc import Sequence

from custseg_spark.interfaces.cli import fetch_arguments
from custseg_spark.progress import Progress


def run(argv: Sequence[str]) -> None:
    """Run the job for a command line."""
    given = fetch_arguments.parse_fetch(__doc__ or "", argv)
    with Progress().stage("fetch") as stage:
        done = fetch_arguments.fetch(given)
        stage.rows = done.fetched.purchases
    print(fetch_arguments.summary(done, given.folder))
