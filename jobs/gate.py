"""`spark-submit jobs/gate.py`: the command `custseg gate`."""

from custseg_spark.interfaces.cli.gate import run
from custseg_spark.interfaces.cli.main import main

if __name__ == "__main__":
    main(run)
