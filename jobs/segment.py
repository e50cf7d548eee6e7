"""`spark-submit jobs/segment.py`: the command `custseg segment`."""

from custseg_spark.interfaces.cli.main import main
from custseg_spark.interfaces.cli.segment import run

if __name__ == "__main__":
    main(run)
