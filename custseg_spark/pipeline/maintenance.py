"""What keeps a lake small: old runs and leftovers removed, small files put together, VACUUM."""

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

# What each ingest adds files to; a run's and a date's sessions are written in as many as are good.
_GROWING = (EVENTS, REJECTED_EVENTS, INGEST_FILES, CUSTOMERS)
_MEGABYTE = 1 << 20
# A file of events is read whole by one task: compacted ones stay in that measure.
_LARGEST = 4


@dataclass(frozen=True)
class Maintained:
    """What was done: run dates and rows of dead runs removed, files by table put together."""

    removed_runs: tuple[date, ...]
    leftovers: int
    compacted: Mapping[str, int]


def maintain(lake: Lake, config: MaintainConfig, progress: Progress) -> Maintained:
    """Removes what no published run needs. Raises ConflictError where another run publishes."""
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
        # Else a folder's listing is ten thousand tasks, whatever it holds.
        tasks = {"spark.sql.sources.parallelPartitionDiscovery.parallelism": str(cores(lake.spark))}
        with settings(lake.spark, tasks):
            for table in existing:
                by_spark.vacuum(table, config.vacuum_hours)
    return Maintained(removed, leftovers, compacted)


def needed_runs(rows: Iterable[Mapping[str, Any]], keep: int) -> set[date]:
    """The dates of the latest `keep` runs (0: of all), and of those that they stand on.

    A run's models may be an earlier one's; its report shows what changed since the one before.
    """
    by_date = {row["run_date"]: row for row in rows}
    latest = sorted(by_date)[-keep:]
    stood_on = {by_date[day][of] for day in latest for of in ("fitted_on", "previous_run_date")}
    return {*latest, *(stood_on & by_date.keys())}


def _remove_old_runs(lake: Lake, keep: int) -> tuple[date, ...]:
    """Removes the rows of `runs` that aren't needed; without them the runs' other rows go."""
    version = lake.version(RUNS)
    rows = lake.rows(RUNS, ["run_date", "fitted_on", "previous_run_date"]).to_pylist()
    gone = sorted({row["run_date"] for row in rows} - needed_runs(rows, keep))
    if gone:
        lake.replace_dates(RUNS.schema.empty_table(), RUNS, gone, read_version=version)
    return tuple(gone)


def _remove_leftovers(lake: Lake) -> int:
    """Removes rows of runs that are neither published nor at work; of how many runs."""
    # In this order: a run at work may be published meanwhile, and is still found to be one.
    held = _runs_in_tables(lake)
    at_work = _at_work(lake)
    published = set(lake.run_ids().values())
    dead = [
        (day, one)
        for day, one in held
        if one is not None and one not in at_work and one not in published
    ]
    for day, run_id in dead:
        if lake.native is not None:
            publishing.remove_run(lake.native, run_id)
        else:
            spark_journals.remove_run(lake.by_spark, run_id, day)
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
    """Removes the models of runs that no published run scores with."""
    at_work = _at_work(lake)
    manifests = dicts_of(lake.rows(RUNS, ["models"]))
    used = {name.rpartition("/")[0] for row in manifests for name in (row["models"] or {}).values()}
    folder = place(lake.models_path)
    for name in _model_folders(lake, folder):
        if name not in used and name.rpartition("=")[2] not in at_work:
            _remove_folder(lake, folder, name)


def _model_folders(lake: Lake, folder: Path | Remote) -> set[str]:
    """The folders of runs' models, by their names below that of all models."""
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
    """Puts files below that size together, a date's with each other; how many they were."""
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
