"""The purchases of a list of customers from an HTTP API, as files that ingest reads.

No Spark; run again after a kill, it goes on where it stopped.
"""

from collections.abc import Sequence

from custseg_spark import cli, cli_fetch
from custseg_spark.progress import Progress


def run(argv: Sequence[str]) -> None:
    """Runs the job for a command line."""
    given = cli_fetch.parse_fetch(__doc__ or "", argv)
    with Progress().stage("fetch") as stage:
        done = cli_fetch.fetch(given)
        stage.rows = done.fetched.purchases
    print(cli_fetch.said(done, given.folder))


if __name__ == "__main__":
    cli.main(run)
