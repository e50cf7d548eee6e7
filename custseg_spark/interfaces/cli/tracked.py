"""What a command logs to MLflow at its end, where `[mlflow]` asks for it."""

from datetime import date

from custseg_spark.config.settings import Config
from custseg_spark.engine.lake.reader import LakeReader
from custseg_spark.errors import ConfigurationError
from custseg_spark.outputs import tracking
from custseg_spark.outputs.tracking import Tracking
from custseg_spark.paths import Remote, place
from custseg_spark.progress import Progress


def require(config: Config) -> None:
    """Raise ConfigurationError before the work for what would fail after it."""
    tracking.require()
    if config.lake.catalog or isinstance(place(config.lake.path), Remote):
        raise ConfigurationError("mlflow.enabled: expected a lake in a folder of this machine")


def log(config: Config, run_date: date, progress: Progress) -> None:
    """Log a run of the lake and print where."""
    settings = config.mlflow
    reader = LakeReader(place(config.lake.path))  # type: ignore[arg-type]
    where = Tracking(settings.tracking_uri, settings.experiment, settings.register)
    with progress.stage("log to MLflow"):
        tracked = tracking.log(reader, run_date, where, config.lake.umask)
    print(tracking.summary(tracked, settings.tracking_uri or "MLflow's default store"))
