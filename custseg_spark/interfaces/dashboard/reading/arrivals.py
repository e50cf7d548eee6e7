"""Arrivals of files: the days of their events, and files that came after a run without them."""

from collections.abc import Sequence
from pathlib import Path

import polars as pl
import pyarrow as pa

from custseg_spark.engine.lake.files import DataFile
from custseg_spark.engine.lake.native import read_file
from custseg_spark.engine.lake.reader import LakeReader
from custseg_spark.engine.lake.schemas import EVENTS, INGEST_FILES, RUNS
from custseg_spark.interfaces.dashboard.lake import cached

_KEYS = ["event_date", "file_id"]
_COUNTS = {"event_date": pl.Date, "file_id": pl.String, "events": pl.Int64}
_FILE_IDS = pa.schema([EVENTS.schema.field("file_id")])


@cached(2, "Reading the ledger …")
def ledger(lake: LakeReader, version: int | None) -> pl.DataFrame:
    """Return a row per file of the ledger, the latest arrival first."""
    rows = pl.DataFrame(pl.from_arrow(lake.rows(INGEST_FILES)))
    return rows.sort("ingested_at", "source_file", descending=[True, False])


@cached(2, "Counting events by day …")
def events_by_file(lake: LakeReader, version: int | None) -> pl.DataFrame:
    """Return a row per day and source file: `event_date`, `file_id`, `events`.

    The table's log is enough for a data file of one source file; otherwise that column is read.
    """
    folder = lake.native.folder(EVENTS)
    files = lake.native.files(EVENTS, version=version) if version is not None else []
    file_ids = lake.rows(INGEST_FILES, ["file_id"])["file_id"].to_pylist()
    parts = [pl.DataFrame(schema=_COUNTS), *(_counted(folder, file, file_ids) for file in files)]
    return pl.concat(parts).group_by(_KEYS).agg(pl.col("events").sum()).sort(_KEYS)


def _counted(folder: Path, file: DataFile, file_ids: Sequence[str]) -> pl.DataFrame:
    possible = _possible_ids(file, file_ids)
    if len(possible) == 1:
        counted = pl.DataFrame({"file_id": possible, "events": [file.rows]})
    else:
        rows = pl.DataFrame(pl.from_arrow(read_file(folder, file, EVENTS, _FILE_IDS)))
        counted = rows.group_by("file_id").agg(pl.len().alias("events"))
    return counted.select(
        pl.lit(file.day, pl.Date).alias("event_date"), "file_id", pl.col("events").cast(pl.Int64)
    )


def _possible_ids(file: DataFile, file_ids: Sequence[str]) -> Sequence[str]:
    """Return the source files that a data file may hold: those within the bounds in the log."""
    bounds = file.columns.get("file_id")
    if bounds is None or bounds.nulls or bounds.smallest is None:
        return file_ids if bounds is None else []
    return [one for one in file_ids if bounds.smallest <= one <= bounds.largest]


def late_events(lake: LakeReader, files: pl.DataFrame, counts: pl.DataFrame) -> pl.DataFrame:
    """Return a row per run and late file, which arrived after the run but has events for it.

    Columns: `run_date`, `finished_at`, `source_file`, `ingested_at`, `events`; the latest run
    first.
    """
    runs = pl.DataFrame(pl.from_arrow(lake.rows(RUNS, ["run_date", "finished_at"])))
    came = files.select("file_id", "source_file", "ingested_at").unique("file_id")
    dated = counts.join(came, on="file_id")
    late = runs.join(dated, how="cross").filter(
        pl.col("event_date") < pl.col("run_date"), pl.col("ingested_at") > pl.col("finished_at")
    )
    keys = ["run_date", "finished_at", "source_file", "ingested_at"]
    summed = late.group_by(keys).agg(pl.col("events").sum())
    return summed.sort("run_date", "source_file", descending=[True, False])


def days_of(counts: pl.DataFrame) -> pl.DataFrame:
    """Return a row per day without gaps: `event_date`, `events`."""
    daily = counts.group_by("event_date").agg(pl.col("events").sum()).sort("event_date")
    if not len(daily):
        return daily
    return daily.upsample("event_date", every="1d").with_columns(pl.col("events").fill_null(0))


def spans(counts: pl.DataFrame) -> pl.DataFrame:
    """Return a row per source file: `file_id`, and its `first_day` and `last_day`."""
    first, last = pl.col("event_date").min(), pl.col("event_date").max()
    return counts.group_by("file_id").agg(first.alias("first_day"), last.alias("last_day"))
