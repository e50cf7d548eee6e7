"""`spark-submit jobs/fetch.py`: the command `custseg fetch`."""

from custseg_spark.interfaces.cli.fetch import run
from custseg_spark.interfaces.cli.main import main

if __name__ == "__main__":
    main(run)
