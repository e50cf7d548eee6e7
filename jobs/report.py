"""`spark-submit jobs/report.py`: the command `custseg report`."""

from custseg_spark.interfaces.cli.main import main
from custseg_spark.interfaces.cli.report import run

if __name__ == "__main__":
    main(run)
