"""Remove copies that no single task has seen from a date's events, and merge small files.

Copies have the same date and the same time: in a log in order of time they can only occur where two
tasks share a second.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow.parquet as pq

from custseg_spark.core.events.copies import later_copies, with_ids_of_copies
from custseg_spark.engine.lake import damage
from custseg_spark.engine.lake.files import DataFile, write_part
from custseg_spark.engine.lake.schemas import EVENTS
from custseg_spark.pipeline.ingest.file_times import (
    EVERY_TIME,
    Span,
    is_within,
    meets,
    shared_times,
    span,
)
from custseg_spark.pipeline.ingest.written import EventFile

# The number of ids to compare at a time: a large date is processed by ranges of ids.
IDS_AT_A_TIME = 4_000_000
# Ids are hexadecimal: ranges begin at numbers of four digits.
_FIRST_DIGITS = 4
_ALL_IDS = ("", "g")
# A date with more files than this is merged, if the files are small.
MOST_FILES = 4
_SMALL_ROWS = 200_000
ROWS_PER_FILE = 2_000_000

# The first id of a range, and the first beyond it.
IdRange = tuple[str, str]


@dataclass(frozen=True)
class DateOfEvents:
    """A date's files: the files of this run in order, and the files in the table."""

    root: Path
    run_id: str
    day: date
    new: tuple[EventFile, ...]
    held: tuple[DataFile, ...]
    rows_per_file: int = ROWS_PER_FILE

    @property
    def rows(self) -> int:
        """The events that this run has written."""
        return sum(one.file.rows for one in self.new)

    @property
    def is_scattered(self) -> bool:
        """Whether the new files are many and small."""
        small = min(_SMALL_ROWS, self.rows_per_file)
        return len(self.new) > MOST_FILES and self.rows < small * len(self.new)

    @property
    def may_have_copies(self) -> bool:
        """Whether files overlap in time, or equal records are separate events."""
        if any(one.is_kept for one in self.new):
            return True
        new = [span(one.file) for one in self.new]
        shared = shared_times([*new, *(span(file) for file in self.held)])
        return any(meets(one, shared) for one in new)

    @property
    def folder(self) -> Path:
        """The table's folder."""
        return self.root / EVENTS.name


@dataclass(frozen=True)
class Settled:
    """A date's files without copies; `copies` counts the dropped ones by the records' file.

    `superseded` are files that were rewritten: the driver removes them, because this task may be
    tried again.
    """

    files: tuple[DataFile, ...]
    copies: dict[str, int]
    superseded: tuple[DataFile, ...] = ()


def settle_all(dates: Sequence[DateOfEvents]) -> list[Settled]:
    """Settle some dates, one after the other."""
    return [settle(date_of_events) for date_of_events in dates]


def settle(date_of_events: DateOfEvents) -> Settled:
    """Rewrite the files of a date if they have copies or are scattered."""
    files = [one.file for one in date_of_events.new]
    lost = _Lost(date_of_events) if date_of_events.may_have_copies else None
    copies = lost.copies if lost else {}
    if date_of_events.is_scattered:
        frames = (_kept_rows(date_of_events, i, lost) for i in range(len(files)))
        return Settled(tuple(_rewritten(date_of_events, frames)), copies, tuple(files))
    settled: list[DataFile] = []
    superseded: list[DataFile] = []
    for i, file in enumerate(files):
        if lost is None or not lost.touches(i):
            settled.append(file)
            continue
        settled += _rewritten(date_of_events, iter([_kept_rows(date_of_events, i, lost)]))
        superseded.append(file)
    return Settled(tuple(settled), copies, tuple(superseded))


class _Lost:
    """The rows of a date's new files that are copies, and the kept rows that get another id."""

    def __init__(self, date_of_events: DateOfEvents) -> None:
        self.copies: dict[str, int] = {}
        self._of = date_of_events
        self._rows: dict[int, list[np.ndarray]] = {}
        self._renamed: dict[int, list[pl.DataFrame]] = {}
        has_kept = any(one.is_kept for one in date_of_events.new)
        # Equal records that count separately may be anywhere in a file.
        self._shared = [EVERY_TIME] if has_kept else shared_times([span(f) for f in self._files])
        for ids in [_ALL_IDS] if has_kept else self._ranges():
            self._compare(ids, has_kept=has_kept)

    @property
    def _files(self) -> list[DataFile]:
        return [*(one.file for one in self._of.new), *self._of.held]

    def touches(self, file: int) -> bool:
        """Whether a file must be rewritten."""
        return bool(self._rows.get(file)) or bool(self._renamed.get(file))

    def rows(self, file: int) -> np.ndarray:
        """Return the positions of the copies in a file."""
        return np.concatenate([np.empty(0, np.int64), *self._rows.get(file, [])])

    def renamed(self, file: int) -> pl.DataFrame | None:
        """Return positions in a file, and the new ids there."""
        parts = self._renamed.get(file)
        return pl.concat(parts) if parts else None

    def _ranges(self) -> list[IdRange]:
        rows = sum(_rows_within(self._of.folder, file, self._shared) for file in self._files)
        most = 16**_FIRST_DIGITS
        ranges = min(max(1, -(-rows // IDS_AT_A_TIME)), most)
        inner = [f"{i * most // ranges:0{_FIRST_DIGITS}x}" for i in range(1, ranges)]
        return list(pairwise([_ALL_IDS[0], *inner, _ALL_IDS[1]]))

    def _compare(self, within: IdRange, *, has_kept: bool) -> None:
        meeting = [i for i, one in enumerate(self._of.new) if meets(span(one.file), self._shared)]
        if not meeting:
            return
        new = pl.concat([self._ids(i, within) for i in meeting])
        if has_kept:
            new = with_ids_of_copies(new)
        table_ids = [self._held_ids(file, within) for file in self._overlapping()]
        ids_in_table = pl.concat(
            [pl.Series("event_id", [], pl.String), *(h["event_id"] for h in table_ids)]
        )
        is_copy = later_copies(new) | new["event_id"].is_in(ids_in_table.implode())
        for (file,), rows in new.filter(is_copy).partition_by("file", as_dict=True).items():
            self._rows.setdefault(int(str(file)), []).append(rows["place"].to_numpy())
        for file_id, count in new.filter(is_copy).group_by("file_id").len().iter_rows():
            self.copies[file_id] = self.copies.get(file_id, 0) + count
        for file_id, count in _written_before(table_ids, new):
            self.copies[file_id] -= count
        if has_kept:
            other = new.filter(~is_copy & (new["event_id"] != new["first_id"]))
            for (file,), rows in other.partition_by("file", as_dict=True).items():
                places = rows.select("place", "event_id")
                self._renamed.setdefault(int(str(file)), []).append(places)

    def _ids(self, file: int, within: IdRange) -> pl.DataFrame:
        """Return the ids of a new file with their positions in it and in the source."""
        of_file = ["file_id", "source_file"]
        ids = self._columns(self._of.new[file].file, ["source_row", *of_file], within, of_file)
        return ids.with_columns(
            pl.col("place").cast(pl.Int64),
            file=pl.lit(file, pl.Int64),
            is_kept=pl.lit(self._of.new[file].is_kept),
        )

    def _overlapping(self) -> list[DataFile]:
        """Return the table's files that share a time with a new file."""
        return [file for file in self._of.held if meets(span(file), self._shared)]

    def _held_ids(self, file: DataFile, within: IdRange) -> pl.DataFrame:
        return self._columns(file, ["file_id"], within, ["file_id"])

    def _columns(
        self,
        file: DataFile,
        names: Sequence[str],
        within: IdRange,
        few_values: Sequence[str] = (),
    ) -> pl.DataFrame:
        """Return columns of the rows that may be or have copies, with event_id and place."""
        names_read = ["event_id", *names, *([] if self._shared == [EVERY_TIME] else ["event_at"])]
        rows = _columns(self._of.folder / file.path, names_read, few_values)
        rows = rows.with_row_index("place")
        if "event_at" in rows.columns:
            rows = rows.filter(is_within(self._shared)).drop("event_at")
        if within == _ALL_IDS:
            return rows
        low, high = (pl.lit(bound) for bound in within)
        return rows.filter(pl.col("event_id").is_between(low, high, closed="left"))


def _written_before(
    table_ids: Sequence[pl.DataFrame], new: pl.DataFrame
) -> Iterator[tuple[str, int]]:
    """Count the events of each new file that a killed run has already written.

    They aren't copies, although they aren't written again.
    """
    file_ids = new["file_id"].cast(pl.String).unique().to_list()
    for ids in table_ids:
        of_new = ids.filter(pl.col("file_id").cast(pl.String).is_in(file_ids))
        if len(of_new):
            events = of_new.join(new, on="event_id", how="semi")
            counts = events.group_by("file_id").len()
            yield from counts.select(pl.col("file_id").cast(pl.String), "len").iter_rows()


def _rows_within(folder: Path, file: DataFile, times: Sequence[Span]) -> int:
    """Count the rows of a file within these times."""
    of_file = span(file)
    if not meets(of_file, times):
        return 0
    if any(first <= of_file[0] and of_file[1] <= last for first, last in times):
        return file.rows
    times_of_rows = _columns(folder / file.path, ["event_at"])
    return int(times_of_rows.select(is_within(times).sum()).item())


def _columns(path: Path, names: Sequence[str], few_values: Sequence[str] = ()) -> pl.DataFrame:
    """Read columns of a file; columns of few values as categories, with four bytes per row."""
    with damage.named(path):
        table = pq.read_table(
            path,
            columns=list(names),
            use_threads=False,
            partitioning=None,
            read_dictionary=list(few_values),
        )
    return pl.DataFrame(pl.from_arrow(table))


def _kept_rows(date_of_events: DateOfEvents, file: int, lost: _Lost | None) -> pl.DataFrame:
    """Return a new file's rows without copies, with the new ids of equal records."""
    path = date_of_events.folder / date_of_events.new[file].file.path
    rows = _columns(path, EVENTS.file_schema.names)
    if lost is None:
        return rows
    renamed = lost.renamed(file)
    if renamed is not None:
        numbered = rows.with_row_index("place").with_columns(pl.col("place").cast(pl.Int64))
        joined = numbered.join(renamed, on="place", how="left", suffix="_told_apart")
        own_ids = pl.col("event_id_told_apart")
        is_order = (pl.col("order_id") == pl.col("event_id")) & own_ids.is_not_null()
        rows = joined.sort("place").with_columns(
            order_id=pl.when(is_order).then(own_ids).otherwise("order_id"),
            event_id=pl.coalesce(own_ids, "event_id"),
        ).select(rows.columns)  # fmt: skip
    keep = np.ones(len(rows), np.bool_)
    keep[lost.rows(file)] = False
    return rows.filter(pl.Series(keep))


def _rewritten(date_of_events: DateOfEvents, frames: Iterator[pl.DataFrame]) -> list[DataFile]:
    """Write the rows to files of bounded length."""
    written: list[DataFile] = []
    pending = pl.DataFrame()
    for frame in frames:
        pending = pl.concat([pending, frame]) if len(pending) else frame
        while len(pending) >= date_of_events.rows_per_file:
            written.append(_part(date_of_events, pending.head(date_of_events.rows_per_file)))
            pending = pending.slice(date_of_events.rows_per_file)
    if len(pending):
        written.append(_part(date_of_events, pending))
    return written


def _part(date_of_events: DateOfEvents, rows: pl.DataFrame) -> DataFile:
    table = rows.to_arrow(compat_level=pl.CompatLevel.oldest())
    folder, day = date_of_events.folder, date_of_events.day
    return write_part(table, EVENTS, folder, day, run_id=date_of_events.run_id, task=0)
