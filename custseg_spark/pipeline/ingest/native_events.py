"""Events of a native lake: each task validates its records and writes them where they belong.

Nothing is part of a table before the driver commits it, so one pass over the input is enough:
validate, write, check the ledger, then commit or throw away.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path

import numpy as np
import polars as pl

from custseg_spark.core.events.copies import repeated
from custseg_spark.core.events.validation import ValidatedEvents, validate_events
from custseg_spark.engine.lake.files import DataFile, write_part
from custseg_spark.engine.lake.schemas import EVENTS, REJECTED_EVENTS
from custseg_spark.engine.sources.pieces import Located
from custseg_spark.pipeline.ingest.written import EventFile, Written, refusals_of

# What a task holds before it writes: some 400 bytes a row.
_ROWS_HELD = 1_000_000


@dataclass(frozen=True)
class EventSink:
    """Writes the events and the refused records that a task reads.

    `root` is the lake's folder; `kept` names the sources whose equal records are events of their
    own.
    """

    root: Path
    run_id: str
    latest: datetime
    ingest_date: date
    kept: frozenset[str]

    def __call__(self, located: Iterator[Located]) -> Written:
        held = _Held(self)
        for part in located:
            valid = validate_events(
                part.records,
                part.mapping,
                source_file=part.source_file,
                file_id=part.file_id,
                latest=self.latest,
            )
            held.add(valid, part.file_id)
        held.write()
        return held.written

    def write_event_part(self, rows: pl.DataFrame, day: date) -> DataFile:
        """Writes events of a date as a file that is no part of the table yet."""
        table = rows.to_arrow(compat_level=pl.CompatLevel.oldest())
        return write_part(table, EVENTS, self.root / EVENTS.name, day, run_id=self.run_id, task=0)


@dataclass
class _Held:
    """Validated records of a task until they are written."""

    sink: EventSink
    written: Written = field(default_factory=Written)
    events: list[pl.DataFrame] = field(default_factory=list)
    id_halves: list[np.ndarray] = field(default_factory=list)
    rejected: list[pl.DataFrame] = field(default_factory=list)
    rows: int = 0

    def add(self, valid: ValidatedEvents, file_id: str) -> None:
        """Counts and holds validated records of a file; writes when there are many."""
        tally = self.written.tally(file_id)
        tally.valid += len(valid.events)
        tally.rejected += len(valid.rejected)
        tally.rounded += int(valid.rounded.sum())
        if len(valid.events):
            self.events.append(valid.events)
            self.id_halves.append(np.stack([valid.id_high, valid.id_low]))
        if len(valid.rejected):
            self.rejected.append(valid.rejected)
            self.written.refusals += refusals_of(valid.rejected)
        self.rows += len(valid.events) + len(valid.rejected)
        if self.rows >= _ROWS_HELD:
            self.write()

    def write(self) -> None:
        """Writes what is held: a file a date, and one of refused records."""
        if self.events:
            self._write_events(*self._without_copies())
        if self.rejected:
            self._write_rejected(pl.concat(self.rejected))
        self.events, self.id_halves, self.rejected, self.rows = [], [], [], 0

    def _without_copies(self) -> tuple[pl.DataFrame, bool]:
        """The events without those that repeat one before, and whether copies may be among them."""
        events = pl.concat(self.events)
        is_kept = events["source"].is_in(self.sink.kept).to_numpy()
        is_copy = repeated(*np.concatenate(self.id_halves, axis=1)) & ~is_kept
        if is_copy.any():
            copies = events.filter(pl.Series(is_copy)).group_by("file_id").len()
            for file_id, count in copies.iter_rows():
                self.written.tally(file_id).copies += count
            events = events.filter(pl.Series(~is_copy))
        return events, bool(is_kept.any())

    def _write_events(self, events: pl.DataFrame, is_kept: bool) -> None:
        for day, rows in _by_date(events):
            file = self.sink.write_event_part(rows, day)
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


def _by_date(events: pl.DataFrame) -> Iterator[tuple[date, pl.DataFrame]]:
    """The events of each date; of a log in the order of time without a copy of them."""
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


def by_date(files: Sequence[EventFile]) -> dict[date, list[EventFile]]:
    """The written files of each date, in the order in which they were written."""
    found: dict[date, list[EventFile]] = {}
    for one in files:
        assert one.file.day is not None
        found.setdefault(one.file.day, []).append(one)
    return found
