"""`sessions` brought up to date with `events`."""

from custseg_spark.config.settings import IngestConfig
from custseg_spark.engine.lake.lake import Lake
from custseg_spark.pipeline.sessions import native, spark_frames
from custseg_spark.progress import Progress


def refresh_sessions(lake: Lake, config: IngestConfig, progress: Progress) -> None:
    """Rebuilds the session dates that don't hold all of `events`.

    Events are only ever added, so equal counts mean equal content; what a killed run left undone
    between the two tables is found by its successor without any note.
    """
    with progress.stage("sessions") as stage:
        refresh = native.refresh if lake.native else spark_frames.refresh
        rebuilt, dates = refresh(lake, config)
        stage.note = f"{len(rebuilt)} of {dates} dates" if rebuilt else "up to date"
