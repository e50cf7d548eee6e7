"""`spark-submit jobs/lift.py`: the command `custseg lift`."""

from custseg_spark.interfaces.cli.lift import run
from custseg_spark.interfaces.cli.main import main

if __name__ == "__main__":
    main(run)
