"""Journals of runs that write by Spark's IO, so that the rows of a killed run can be deleted.

Spark can't prepare a commit and make it later. Rows are therefore appended as they are computed,
and one last commit publishes them: that of `runs` or of the ledger. The journal says which run or
files the rows belong to. After the run's death they are deleted if that commit is missing;
otherwise the rows of the run that it replaced are.
"""

import json
import os
import socket
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from pyspark.sql import functions as F

from custseg_spark import redaction
from custseg_spark.engine.lake.columns import RUN_ID
from custseg_spark.engine.lake.journal import RUNS_FOLDER
from custseg_spark.engine.lake.runs import SECONDS_TO_BE_SURE, is_at_work
from custseg_spark.engine.lake.schemas import BY_RUN, EVENTS, INGEST_FILES, REJECTED_EVENTS, RUNS
from custseg_spark.engine.lake.spark_io import SparkLake
from custseg_spark.engine.spark.file_systems import (
    list_remote,
    read_bytes,
    remove_remote,
    write_bytes,
)
from custseg_spark.errors import ConflictError
from custseg_spark.paths import Place, Remote, place

log = redaction.logger()

_ENDING = ".spark.json"


@dataclass(frozen=True)
class SparkJournal:
    """The rows that a run appends: of its id on a run date, or of the files that it ingests."""

    run_id: str
    run_date: date | None = None
    superseded: str | None = None
    file_ids: tuple[str, ...] = ()
    host: str = field(default_factory=socket.gethostname)
    process: int = field(default_factory=os.getpid)
    began_s: float = field(default_factory=time.time)


def note(lake: SparkLake, journal: SparkJournal) -> None:
    """Write the journal; call it before the first row is appended."""
    values = {**vars(journal), "run_date": journal.run_date and journal.run_date.isoformat()}
    write_bytes(lake.spark, _file(lake, journal.run_id), json.dumps(values).encode())


def begin_ingest(lake: SparkLake, journal: SparkJournal, locks: Path | None) -> None:
    """Write the journal of an ingest, after which it is the only one at work.

    An ingest of another machine, dead or alive, is undone and can't continue. Raises ConflictError
    if another ingest of this machine is at work.
    """
    for file in _files(lake):
        other = _read(lake, file)
        if other is None or not other.file_ids:
            continue
        if locks is not None or other.host == journal.host:
            raise ConflictError(f"another ingest into {lake.root} is at work; run again later")
        _keep_out(lake)
        _remove_lost(lake, other.file_ids)
        _remove(lake, file)
    note(lake, journal)


def _keep_out(lake: SparkLake) -> None:
    """Give each table a newer version, so that an ingest that has begun can't append to it."""
    for table in (REJECTED_EVENTS, EVENTS, INGEST_FILES):
        lake.append(lake.frame(table.schema.empty_table(), table), table, lake.version(table))


def forget(lake: SparkLake, run_id: str) -> None:
    """Delete the journal of a finished run."""
    _remove(lake, _file(lake, run_id))


def give_up(lake: SparkLake, run_id: str) -> None:
    """Delete the rows that a failed run of this process has appended."""
    file = _file(lake, run_id)
    journal = _read(lake, file)
    if journal is not None:
        _undo(lake, journal)
        _remove(lake, file)


def may_be_there(path: str) -> bool:
    """Whether a lake may have journals; always true for a remote lake, which only Spark lists."""
    folder = place(path) / RUNS_FOLDER
    return isinstance(folder, Remote) or any(folder.glob(f"*{_ENDING}"))


def settle(lake: SparkLake, locks: Path | None) -> None:
    """Finish or undo the publications of dead runs. `locks` is the lake's folder if it has locks.

    Without locks, a run counts as dead when its process on this machine is gone, or after a day.
    """
    for file in _files(lake):
        journal = _read(lake, file)
        if journal is None or not _is_dead(journal, locks):
            continue
        try:
            _undo(lake, journal)
        except ConflictError:
            # Another process settles it, or writes there: the next one looks again.
            log.info("what the run %s left is settled later", journal.run_id)
            continue
        _remove(lake, file)


def noted(lake: SparkLake) -> set[str]:
    """Return the ids of the runs that have a journal."""
    return {file.name.removesuffix(_ENDING) for file in _files(lake)}


def remove_run(lake: SparkLake, run_id: str, run_date: date) -> None:
    """Delete the rows of a replaced or failed run from the tables by run."""
    is_of_run = (F.col("run_date") == F.lit(run_date)) & (F.col(RUN_ID) == F.lit(run_id))
    lake.side_by_side(lambda table: lake.delete(table, is_of_run), lake.existing(BY_RUN))


def _undo(lake: SparkLake, journal: SparkJournal) -> None:
    if journal.run_date is not None:
        runs = lake.read(RUNS).where(F.col("run_date") == F.lit(journal.run_date))
        is_published = journal.run_id in {row[0] for row in runs.select(RUN_ID).collect()}
        gone = journal.superseded if is_published else journal.run_id
        if gone is not None:
            remove_run(lake, gone, journal.run_date)
    if journal.file_ids:
        _remove_lost(lake, journal.file_ids)


def _remove_lost(lake: SparkLake, file_ids: Iterable[str]) -> None:
    """Delete the records of files that are not in the ledger."""
    ledger = lake.read(INGEST_FILES).select("file_id").distinct().collect()
    lost = sorted(set(file_ids) - {row.file_id for row in ledger})
    if lost:
        is_lost = F.col("file_id").isin(lost)
        tables = lake.existing((EVENTS, REJECTED_EVENTS))
        lake.side_by_side(lambda table: lake.delete(table, is_lost), tables)


def _is_dead(journal: SparkJournal, locks: Path | None) -> bool:
    if locks is not None:
        return not is_at_work(locks, journal.run_id)
    if time.time() - journal.began_s > SECONDS_TO_BE_SURE:
        return True
    return journal.host == socket.gethostname() and not _is_running(journal.process)


def _is_running(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _folder(lake: SparkLake) -> Place:
    return place(lake.config.path) / RUNS_FOLDER


def _file(lake: SparkLake, run_id: str) -> Place:
    return _folder(lake) / f"{run_id}{_ENDING}"


def _files(lake: SparkLake) -> list[Place]:
    folder = _folder(lake)
    if not isinstance(folder, Remote):
        return list(sorted(folder.glob(f"*{_ENDING}")))
    return [f.place for f in list_remote(lake.spark, folder) if f.place.name.endswith(_ENDING)]


def _read(lake: SparkLake, file: Place) -> SparkJournal | None:
    content = read_bytes(lake.spark, file)
    if content is None:
        return None
    values = json.loads(content)
    day = values["run_date"]
    return SparkJournal(
        **{
            **values,
            "run_date": date.fromisoformat(day) if day else None,
            "file_ids": tuple(values["file_ids"]),
        }
    )


def _remove(lake: SparkLake, file: Place) -> None:
    if isinstance(file, Remote):
        remove_remote(lake.spark, file)
    else:
        file.unlink(missing_ok=True)
