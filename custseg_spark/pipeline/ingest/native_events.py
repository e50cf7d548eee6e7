"""Events of a native lake: each task validates its records and writes its own files.

Nothing is part of a table before the driver commits it, so one pass over the input is enough:
validate, write, check the ledger, then commit or throw away.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path

import numpy as np
import polars as pl

from custseg_spark.config.settings import Config
from custseg_spark.core.events.copies import repeated
from custseg_spark.core.events.records import Flags
from custseg_spark.core.events.schema import LATEST_AFTER_INGEST
from custseg_spark.core.events.validation import ValidatedEvents, validate_events
from custseg_spark.engine.lake.files import DataFile, write_part
from custseg_spark.engine.lake.lake import Lake
from custseg_spark.engine.lake.publication import IngestPublication
from custseg_spark.engine.lake.schemas import EVENTS, REJECTED_EVENTS
from custseg_spark.engine.sources.pieces import Located
from custseg_spark.pipeline.ingest import ledger
from custseg_spark.pipeline.ingest.batch import Batch
from custseg_spark.pipeline.ingest.date_of_events import ROWS_PER_FILE, DateOfEvents
from custseg_spark.pipeline.ingest.ledger import Counts
from custseg_spark.pipeline.ingest.refused import check_shares
from custseg_spark.pipeline.ingest.settling import settle_dates
from custseg_spark.pipeline.ingest.written import (
    EventFile,
    Written,
    merged_refusals,
    merged_tallies,
    refusals_of,
)
from custseg_spark.progress import Progress

# The rows that a task buffers before it writes, some 400 bytes each.
ROWS_HELD = 1_000_000


@dataclass(frozen=True)
class EventSink:
    """Writes a task's events and refused records.

    `root` is the lake's folder; `kept` names the sources whose equal records are separate events; a
    file has at most `rows_per_file` events.
    """

    root: Path
    run_id: str
    latest: datetime
    ingest_date: date
    kept: frozenset[str]
    rows_per_file: int = ROWS_PER_FILE

    def __call__(self, located: Iterator[Located]) -> Written:
        buffer = _Buffer(self)
        for part in located:
            valid = validate_events(
                part.records,
                part.mapping,
                source_file=part.source_file,
                file_id=part.file_id,
                latest=self.latest,
            )
            buffer.add(valid, part.file_id)
        buffer.write()
        return buffer.written

    def write_event_part(self, rows: pl.DataFrame, day: date) -> DataFile:
        """Write events of a date as a file that isn't part of the table yet."""
        table = rows.to_arrow(compat_level=pl.CompatLevel.oldest())
        return write_part(table, EVENTS, self.root / EVENTS.name, day, run_id=self.run_id, task=0)


@dataclass
class _Buffer:
    """Validated records of a task until they are written."""

    sink: EventSink
    written: Written = field(default_factory=Written)
    events: list[pl.DataFrame] = field(default_factory=list)
    id_halves: list[np.ndarray] = field(default_factory=list)
    rejected: list[pl.DataFrame] = field(default_factory=list)
    rows: int = 0

    def add(self, valid: ValidatedEvents, file_id: str) -> None:
        """Count and buffer validated records of a file; write when there are many."""
        tally = self.written.tally(file_id)
        tally.valid += len(valid.events)
        tally.rejected += len(valid.rejected)
        tally.rounded += int(valid.rounded.sum())
        tally.ignored += valid.ignored
        if len(valid.events):
            self.events.append(valid.events)
            self.id_halves.append(np.stack([valid.id_high, valid.id_low]))
        if len(valid.rejected):
            self.rejected.append(valid.rejected)
            self.written.refusals += refusals_of(valid.rejected)
        self.rows += len(valid.events) + len(valid.rejected)
        if self.rows >= ROWS_HELD:
            self.write()

    def write(self) -> None:
        """Write the buffer: a file per date, and one of refused records."""
        if self.events:
            self._write_events(*self._without_copies())
        if self.rejected:
            self._write_rejected(pl.concat(self.rejected))
        self.events, self.id_halves, self.rejected, self.rows = [], [], [], 0

    def _without_copies(self) -> tuple[pl.DataFrame, bool]:
        """Return the events without repeated ones, and whether copies may remain among them."""
        events = pl.concat(self.events)
        is_kept = events["source"].is_in(self.sink.kept).to_numpy()
        is_copy = _later_copies(events, np.concatenate(self.id_halves, axis=1)) & ~is_kept
        if is_copy.any():
            copies = events.filter(pl.Series(is_copy)).group_by("file_id").len()
            for file_id, count in copies.iter_rows():
                self.written.tally(file_id).copies += count
            events = events.filter(pl.Series(~is_copy))
        return events, bool(is_kept.any())

    def _write_events(self, events: pl.DataFrame, is_kept: bool) -> None:
        for day, rows in _by_date(events):
            for part in rows.iter_slices(self.sink.rows_per_file):
                file = self.sink.write_event_part(part, day)
                self.written.events.append(EventFile(file, is_kept))

    def _write_rejected(self, rejected: pl.DataFrame) -> None:
        folder = self.sink.root / REJECTED_EVENTS.name
        table = rejected.to_arrow(compat_level=pl.CompatLevel.oldest())
        self.written.rejected.append(
            write_part(
                table,
                REJECTED_EVENTS,
                folder,
                self.sink.ingest_date,
                run_id=self.sink.run_id,
                task=0,
            )
        )


def _later_copies(events: pl.DataFrame, id_halves: np.ndarray) -> Flags:
    """Mark events that repeat an earlier one by file and row, in whatever order they come.

    Spark hands out the splits of a file by size.
    """
    is_copy = repeated(*id_halves)
    if is_copy.any():
        at = np.flatnonzero(np.isin(id_halves[0], id_halves[0][is_copy]))
        places = events[at].select(pl.arg_sort_by("source_file", "source_row")).to_series()
        in_order = at[places.to_numpy()]
        is_copy[in_order] = repeated(*id_halves[:, in_order])
    return is_copy


def _by_date(events: pl.DataFrame) -> Iterator[tuple[date, pl.DataFrame]]:
    """Return the events of each date, without copying them if the log is in order of time."""
    days = events["event_date"]
    if days.is_sorted():
        start = 0
        for day, count in days.rle().struct.unnest().select("value", "len").iter_rows():
            yield day, events.slice(start, count)
            start += count
        return
    for (day,), rows in events.partition_by("event_date", as_dict=True).items():
        assert isinstance(day, date)
        yield day, rows


def publish(
    publication: IngestPublication,
    batch: Batch,
    config: Config,
    progress: Progress,
    ingested_at: datetime,
) -> tuple[dict[str, Counts], dict[str, int]]:
    """Write events and refused records; return the counts and the kept records by file.

    Raises InputError if the counts don't add up and RejectedShareError if too much is refused,
    before anything is published.
    """
    lake = publication.lake
    assert lake.native is not None
    latest = ingested_at + LATEST_AFTER_INGEST
    kept = frozenset(m.name for m in batch.mappings if m.duplicates == "keep")
    rows_per_file = config.ingest.events_per_file
    sink = EventSink(lake.native.root, lake.run_id, latest, ingested_at.date(), kept, rows_per_file)
    with progress.stage("write events") as stage:
        parts = [part for stream in batch.streams for part in stream.run(sink)]
        tallies = merged_tallies(parts)
        counts = {file_id: tally.counts for file_id, tally in tallies.items()}
        ledger.check_balance(batch.rows, counts)
        refusals = (refusal for part in parts for refusal in part.refusals)
        check_shares(batch.mappings, batch.rows, counts, lambda: merged_refusals(refusals), config)
        stage.rows = sum(c.records for c in counts.values())
    with progress.stage("copies across files"):
        files, copies = _settled(lake, [f for part in parts for f in part.events], rows_per_file)
    with progress.stage("publish events") as stage:
        publication.append([f for part in parts for f in part.rejected], REJECTED_EVENTS)
        publication.append(files, EVENTS)
        accepted = {
            file_id: tally.valid - tally.copies - copies.get(file_id, 0)
            for file_id, tally in tallies.items()
        }
        stage.rows = sum(accepted.values())
    return counts, accepted


def _settled(
    lake: Lake, files: Sequence[EventFile], rows_per_file: int
) -> tuple[list[DataFile], dict[str, int]]:
    """Return the files to publish, and the number of dropped copies by the records' file."""
    assert lake.native is not None
    table_files: dict[date | None, list[DataFile]] = {}
    days = {one.file.day for one in files}
    for file in lake.native.files(EVENTS, [day for day in days if day]):
        table_files.setdefault(file.day, []).append(file)
    done: list[DataFile] = []
    to_settle: list[DateOfEvents] = []
    for day in sorted(day for day in days if day):
        new = tuple(one for one in files if one.file.day == day)
        of_date = DateOfEvents(
            lake.native.root, lake.run_id, day, new, tuple(table_files.get(day, ())), rows_per_file
        )
        if of_date.may_have_copies or of_date.is_scattered:
            to_settle.append(of_date)
        else:
            done += [one.file for one in new]
    copies: dict[str, int] = {}
    for settled in settle_dates(lake.spark, to_settle):
        done += settled.files
        for file_id, count in settled.copies.items():
            copies[file_id] = copies.get(file_id, 0) + count
        for file in settled.superseded:
            (lake.native.folder(EVENTS) / file.path).unlink(missing_ok=True)
    return done, copies
