"""`spark-submit jobs/score.py`: the command `custseg score`."""

from custseg_spark.interfaces.cli.main import main
from custseg_spark.interfaces.cli.score import run

if __name__ == "__main__":
    main(run)
