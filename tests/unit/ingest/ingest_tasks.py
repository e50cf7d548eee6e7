"""Tasks of a native ingest without Spark: literal lines in, files of a lake's folder out."""

from collections.abc import Collection, Sequence
from datetime import UTC, date, datetime
from pathlib import Path

import polars as pl
import pyarrow.parquet as pq
from checkout import HEADER

from custseg_spark.config.mappings import load_mapping
from custseg_spark.config.shipped import conf_dir
from custseg_spark.core.events.text import csv_records
from custseg_spark.engine.lake.files import DataFile
from custseg_spark.engine.lake.schemas import EVENTS
from custseg_spark.engine.sources.pieces import Located
from custseg_spark.pipeline.ingest.date_of_events import EVENTS_AT_A_TIME, DateOfEvents
from custseg_spark.pipeline.ingest.native_events import EventSink
from custseg_spark.pipeline.ingest.written import EventFile, Written

DAY = date(2019, 10, 1)
RUN = "run-1"


def sink(root: Path, *, keeps: Collection[str] = (), rows_per_file: int = 1_000) -> EventSink:
    latest = datetime(2026, 1, 1, tzinfo=UTC)
    return EventSink(root, RUN, latest, date(2026, 1, 1), frozenset(keeps), rows_per_file)


def located(
    name: str,
    body: Sequence[str],
    mapping: str = "ecommerce_events",
    header: str = HEADER,
    first_row: int = 2,
) -> Located:
    """Lines of a file behind its header, from a row on; the file's id is its name."""
    content = "".join(f"{text}\n" for text in body).encode()
    columns = header.split(",")
    records = csv_records(content, columns, delimiter=",", first_row=first_row, header_row=1)
    kernels = load_mapping(mapping, {}, [conf_dir() / "sources"]).for_kernels()
    return Located(kernels, name, name, records)


def at(second: int) -> str:
    """A second of the first minutes of DAY, as logs have it."""
    return f"2019-10-01 00:{second // 60:02}:{second % 60:02} UTC"


def written(root: Path, *files: Located, keeps: Collection[str] = ()) -> Written:
    """What one task makes of some files' records."""
    return sink(root, keeps=keeps)(iter(files))


def date_of(
    root: Path,
    new: Sequence[EventFile],
    held: Sequence[DataFile] = (),
    rows_per_file: int = 1_000,
    events_at_a_time: int = EVENTS_AT_A_TIME,
) -> DateOfEvents:
    return DateOfEvents(root, RUN, DAY, tuple(new), tuple(held), rows_per_file, events_at_a_time)


def rows(root: Path, files: Sequence[DataFile]) -> pl.DataFrame:
    """The events of some files, in their order."""
    tables = [pq.ParquetFile(root / EVENTS.name / file.path).read() for file in files]
    return pl.concat([pl.DataFrame(pl.from_arrow(table)) for table in tables])


def places(root: Path, files: Sequence[DataFile]) -> list[tuple[str, int]]:
    """File and row of each event."""
    return rows(root, files).select("source_file", "source_row").rows()
