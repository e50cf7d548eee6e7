"""`spark-submit jobs/maintain.py`: the command `custseg maintain`."""

from custseg_spark.interfaces.cli.main import main
from custseg_spark.interfaces.cli.maintain import run

if __name__ == "__main__":
    main(run)
