"""Keep a lake small: remove old runs and leftovers, merge small files, VACUUM."""

import shutil
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from custseg_spark.config.settings import MaintainConfig
from custseg_spark.engine.lake import publishing, runs, spark_journals
from custseg_spark.engine.lake.columns import RUN_ID
from custseg_spark.engine.lake.lake import Lake
from custseg_spark.engine.lake.rows import dicts_of
from custseg_spark.engine.lake.schemas import (
    BY_RUN,
    CUSTOMERS,
    EVENTS,
    INGEST_FILES,
    REJECTED_EVENTS,
    RUNS,
    TABLES,
)
from custseg_spark.engine.spark.file_systems import list_remote, remove_remote
from custseg_spark.engine.spark.session import cores, settings
from custseg_spark.paths import Remote, place
from custseg_spark.progress import Progress

# Tables that get new files by each ingest. Other tables have files of a good size from the start.
_GROWING = (EVENTS, REJECTED_EVENTS, INGEST_FILES, CUSTOMERS)
_MEGABYTE = 1 << 20
# One task reads a whole file of events, so compacted files may not be larger than a task can hold.
_LARGEST = 4


@dataclass(frozen=True)
class Maintained:
    """The result: removed run dates, removed rows of dead runs, merged files by table."""

    removed_runs: tuple[date, ...]
    leftovers: int
    compacted: Mapping[str, int]


def maintain(lake: Lake, config: MaintainConfig, progress: Progress) -> Maintained:
    """Remove everything that no published run needs.

    Raises ConflictError if another run publishes.
    """
    existing = [table for table in TABLES if lake.exists(table)]
    with progress.stage("old runs") as stage:
        removed = _remove_old_runs(lake, config.keep_runs) if RUNS in existing else ()
        leftovers = _remove_leftovers(lake)
        _remove_models(lake)
        stage.rows = len(removed)
    with progress.stage("small files"):
        compacted = _compacted(lake, config.small_file_mb)
    with progress.stage("vacuum"):
        by_spark = lake.by_spark
        # Otherwise listing a folder takes ten thousand tasks, however small it is.
        tasks = {"spark.sql.sources.parallelPartitionDiscovery.parallelism": str(cores(lake.spark))}
        with settings(lake.spark, tasks):
            for table in existing:
                by_spark.vacuum(table, config.vacuum_hours)
    return Maintained(removed, leftovers, compacted)


def needed_runs(rows: Iterable[Mapping[str, Any]], keep: int) -> set[date]:
    """Return the dates of the latest `keep` runs (0: all), and of the runs that they need.

    A run may use an earlier run's models, and its report shows the changes since the run before.
    """
    by_date = {row["run_date"]: row for row in rows}
    latest = sorted(by_date)[-keep:]
    stood_on = {by_date[day][of] for day in latest for of in ("fitted_on", "previous_run_date")}
    return {*latest, *(stood_on & by_date.keys())}


def _remove_old_runs(lake: Lake, keep: int) -> tuple[date, ...]:
    """Remove the rows of `runs` that aren't needed.

    Without them, the runs' other rows are leftovers.
    """
    version = lake.version(RUNS)
    rows = lake.rows(RUNS, ["run_date", "fitted_on", "previous_run_date"]).to_pylist()
    gone = sorted({row["run_date"] for row in rows} - needed_runs(rows, keep))
    if gone:
        lake.replace_dates(RUNS.schema.empty_table(), RUNS, gone, read_version=version)
    return tuple(gone)


def _remove_leftovers(lake: Lake) -> int:
    """Remove rows of runs that are neither published nor at work; return the number of runs."""
    # In this order: a run at work that is published meanwhile must still count.
    runs_in_tables = _runs_in_tables(lake)
    at_work = _at_work(lake)
    published = set(lake.run_ids().values())
    dead = [
        (day, run_id)
        for day, run_id in runs_in_tables
        if run_id is not None and run_id not in at_work and run_id not in published
    ]
    for day, dead_id in dead:
        if lake.native is not None:
            publishing.remove_run(lake.native, dead_id)
        else:
            spark_journals.remove_run(lake.by_spark, dead_id, day)
    return len(dead)


def _runs_in_tables(lake: Lake) -> list[tuple[date, str | None]]:
    dated_runs: set[tuple[date, str | None]] = set()
    for table in filter(lake.exists, BY_RUN):
        if lake.native is not None:
            files = lake.native.files(table)
            dated_runs.update((file.day, file.run_id) for file in files if file.day is not None)
        else:
            pairs = lake.by_spark.read(table).select("run_date", RUN_ID).distinct()
            dated_runs.update((row[0], row[1]) for row in pairs.collect())
    return sorted(dated_runs, key=str)


def _at_work(lake: Lake) -> Collection[str]:
    locked = runs.locked(lake.locks) if lake.locks is not None else set()
    return locked | spark_journals.noted(lake.by_spark)


def _remove_models(lake: Lake) -> None:
    """Remove the models that no published run scores with."""
    at_work = _at_work(lake)
    manifests = dicts_of(lake.rows(RUNS, ["models"]))
    used = {name.rpartition("/")[0] for row in manifests for name in (row["models"] or {}).values()}
    folder = place(lake.models_path)
    for name in _model_folders(lake, folder):
        if name not in used and name.rpartition("=")[2] not in at_work:
            _remove_folder(lake, folder, name)


def _model_folders(lake: Lake, folder: Path | Remote) -> set[str]:
    """Return the folders of runs' models, by their names below the folder of all models."""
    if isinstance(folder, Path):
        paths = folder.glob(f"run_date=*/{RUN_ID}=*")
        return {path.relative_to(folder).as_posix() for path in paths}
    root = folder.uri.rstrip("/") + "/"
    names = (file.place.uri.removeprefix(root) for file in list_remote(lake.spark, folder))
    return {"/".join(name.split("/")[:2]) for name in names if f"/{RUN_ID}=" in name}


def _remove_folder(lake: Lake, folder: Path | Remote, name: str) -> None:
    if isinstance(folder, Path):
        shutil.rmtree(folder / name, ignore_errors=True)
        return
    for file in list_remote(lake.spark, folder / name):
        remove_remote(lake.spark, file.place)


def _compacted(lake: Lake, small_file_mb: int) -> dict[str, int]:
    """Merge files below this size within each date; return their number."""
    if not small_file_mb:
        return {}
    sizes = {
        "spark.databricks.delta.optimize.minFileSize": str(small_file_mb * _MEGABYTE),
        "spark.databricks.delta.optimize.maxFileSize": str(_LARGEST * small_file_mb * _MEGABYTE),
    }
    with settings(lake.spark, sizes):
        growing = lake.by_spark.existing(_GROWING)
        counts = {table.name: lake.by_spark.compact(table) for table in growing}
    return {name: count for name, count in counts.items() if count}
