"""`spark-submit jobs/ingest.py`: the command `custseg ingest`."""

from custseg_spark.interfaces.cli.ingest import run
from custseg_spark.interfaces.cli.main import main

if __name__ == "__main__":
    main(run)
