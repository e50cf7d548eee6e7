"""Log a run of the lake to MLflow: parameters, indices, report, and models that need no Spark.

It needs the extra `mlflow`. A run that was logged before is not logged again.
"""

from collections.abc import Sequence

from custseg_spark.config.places import require_open
from custseg_spark.config.typed import parse_date
from custseg_spark.interfaces.cli.arguments import base_parser, configured
from custseg_spark.interfaces.cli.local_lakes import reader_of
from custseg_spark.outputs import tracking
from custseg_spark.outputs.tracking import Tracking

_EPILOG = """examples:
  custseg mlflow --lake lake --tracking-uri http://127.0.0.1:5000 --register customer-segments
  python -c "import mlflow; print(mlflow.pyfunc.load_model('models:/customer-segments/1'))"

The store is that of --tracking-uri, else of MLFLOW_TRACKING_URI, which also holds credentials.

exit codes: 0 done, 2 configuration, 3 no such run, or a store that can't be used
"""


def run(argv: Sequence[str]) -> None:
    """Run the job for a command line."""
    parser = base_parser(__doc__ or "", _EPILOG)
    parser.add_argument("--run-date", metavar="YYYY-MM-DD", help="the run; default: the latest")
    parser.add_argument("--tracking-uri", metavar="URI", help="MLflow's store")
    parser.add_argument("--experiment", default="custseg", metavar="NAME")
    parser.add_argument(
        "--register", metavar="NAME", help="register the main model under this name"
    )
    options = parser.parse_args(argv)
    require_open(options.tracking_uri, "--tracking-uri")
    config = configured(options)
    reader = reader_of(config.lake)
    day = parse_date(options.run_date, "--run-date") if options.run_date else config.run.run_date
    settings = Tracking(options.tracking_uri, options.experiment, options.register)
    tracked = tracking.log(reader, day, settings, config.lake.umask)
    print(tracking.summary(tracked, options.tracking_uri or "MLflow's default store"))
