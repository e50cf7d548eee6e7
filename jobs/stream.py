"""`spark-submit jobs/stream.py`: the command `custseg stream`."""

from custseg_spark.interfaces.cli.main import main
from custseg_spark.interfaces.cli.stream import run

if __name__ == "__main__":
    main(run)
