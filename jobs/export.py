"""`spark-submit jobs/export.py`: the command `custseg export`."""

from custseg_spark.interfaces.cli.export import run
from custseg_spark.interfaces.cli.main import main

if __name__ == "__main__":
    main(run)
