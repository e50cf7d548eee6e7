"""Sessions of a native lake: a task per date, or per range of the customers of a large one, reads
its events' files and writes its parts.

A file of session parts holds its rows by customer bucket, with a row group for each range of
buckets, so that features read a bucket over all dates without an exchange.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from itertools import chain, pairwise
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa

from custseg_spark.config.settings import IngestConfig
from custseg_spark.core.sessions.buckets import customer_bucket, group_bounds
from custseg_spark.core.sessions.gaps import gap_edges
from custseg_spark.core.sessions.parts import session_parts
from custseg_spark.engine.lake import bucket_files
from custseg_spark.engine.lake.files import DataFile, PartWriter
from custseg_spark.engine.lake.lake import Lake
from custseg_spark.engine.lake.native import NativeLake, read_file
from custseg_spark.engine.lake.schemas import EVENTS, SESSIONS
from custseg_spark.engine.spark import tasks
from custseg_spark.pipeline.sessions.large_dates import (
    EVENT_SCHEMA,
    divide,
    divisions,
    read_range,
)
from custseg_spark.pipeline.sessions.midnights import PART_COLUMNS, midnights

# A task needs about half a kilobyte per event.
EVENTS_PER_TASK = 2_000_000
_EVENTS_TOGETHER = 160_000
# Features read a range of buckets at a time; a smaller row group costs more than it saves.
_EVENTS_PER_GROUP = 1_250_000
_LEAST_GROUP_ROWS = 2_048
_MOST_GROUPS = 256


@dataclass(frozen=True)
class DateTask:
    """The events of a date, or of one of `ranges` of its customers' buckets."""

    root: Path
    run_id: str
    day: date
    files: tuple[DataFile, ...]
    groups: int
    range_number: int = 0
    ranges: int = 1
    carried: pl.DataFrame | None = None


@dataclass(frozen=True)
class BuiltDate:
    """The file of parts that a task wrote, if it had events, and the edges of gap sessions."""

    day: date
    file: DataFile | None
    edges: pl.DataFrame


def refresh(lake: Lake, config: IngestConfig) -> tuple[Sequence[date], int]:
    """Rebuild stale dates; return them and how many dates have events."""
    native = lake.native
    assert native is not None
    version = native.version(SESSIONS)
    events = _by_date(native.files(EVENTS))
    parts = _by_date(native.files(SESSIONS))
    stale = [
        day
        for day, files in sorted(events.items())
        if sum(f.rows for f in files) != _events_held(native, parts.get(day, []))
    ]
    if not stale:
        return [], len(events)
    with _DateTasks(lake, native, events) as date_tasks:
        built = _built(lake, date_tasks.of(stale))
        edges = {day: pl.concat([b.edges for b in built if b.day == day]) for day in stale}
        over_midnight = midnights(edges, events, lambda day: _gap_parts(native, parts.get(day, [])))
        carried = {
            day: tails
            for day, tails in over_midnight.carried.items()
            if day not in edges or len(tails)
        }
        again = [
            replace(task, carried=carried[task.day]) for task in date_tasks.of(sorted(carried))
        ]
        rebuilt = _built(lake, again)
    days_again = {b.day for b in rebuilt}
    files = [b.file for b in [*(b for b in built if b.day not in days_again), *rebuilt] if b.file]
    dates = sorted({*stale, *days_again})
    lake.replace_dates(files, SESSIONS, dates, read_version=version)
    return dates, len(events)


def _built(lake: Lake, date_tasks: Sequence[DateTask]) -> list[BuiltDate]:
    """Build the dates, small ones together."""
    groups = tasks.together(date_tasks, lambda t: sum(f.rows for f in t.files), _EVENTS_TOGETHER)
    return [built for group in tasks.run(lake.spark, build_all, groups) for built in group]


def build_all(group: Sequence[DateTask]) -> list[BuiltDate]:
    """Write the session parts of some dates, one after the other."""
    return [build(task) for task in group]


def groups_for(events: int) -> int:
    """Return the number of ranges of buckets for the customers of that many events, a power of two.

    So the ranges of one number lie within the ranges of a smaller one.
    """
    wanted = max(2, -(-events // _EVENTS_PER_GROUP))
    return min(_MOST_GROUPS, 1 << (wanted - 1).bit_length())


class _DateTasks:
    """The tasks that build dates: one for a date, several by customers for a large one.

    A large date is divided once; the files that this writes are removed at the end.
    """

    def __init__(
        self, lake: Lake, native: NativeLake, events: Mapping[date, Sequence[DataFile]]
    ) -> None:
        self._lake, self._native, self._events = lake, native, events
        self._groups = groups_for(sum(f.rows for files in events.values() for f in files))
        self._divided: dict[date, list[DataFile]] = {}

    def __enter__(self) -> "_DateTasks":
        return self

    def __exit__(self, *_: object) -> None:
        for file in chain.from_iterable(self._divided.values()):
            (self._native.folder(EVENTS) / file.path).unlink(missing_ok=True)

    def of(self, days: Iterable[date]) -> list[DateTask]:
        """Return the tasks of some dates."""
        ranges = {
            day: -(-sum(f.rows for f in self._events[day]) // EVENTS_PER_TASK) for day in days
        }
        self._divide({day: number for day, number in ranges.items() if number > 1})
        return [
            DateTask(
                self._native.root,
                self._lake.run_id,
                day,
                tuple(self._divided.get(day, self._events[day])),
                self._groups,
                number,
                ranges[day],
            )
            for day in ranges
            for number in range(ranges[day])
        ]

    def _divide(self, ranges: Mapping[date, int]) -> None:
        new = [
            division
            for day, number in ranges.items()
            if day not in self._divided
            for division in divisions(
                self._native.root, self._lake.run_id, day, self._events[day], number
            )
        ]
        for division, file in zip(new, tasks.run(self._lake.spark, divide, new), strict=True):
            self._divided.setdefault(division.day, []).append(file)


def build(task: DateTask) -> BuiltDate:
    """Write the session parts of a date."""
    events = _events(task)
    edges = gap_edges(events)
    parts = session_parts(events, carried=task.carried)
    if not len(parts):
        return BuiltDate(task.day, None, edges)
    return BuiltDate(task.day, _written(task, parts, len(events)), edges)


def _events(task: DateTask) -> pl.DataFrame:
    folder = task.root / EVENTS.name
    if task.ranges > 1:
        pieces = [read_range(folder, f, task.range_number, task.ranges) for f in task.files]
    else:
        pieces = [read_file(folder, file, EVENTS, EVENT_SCHEMA) for file in task.files]
    return pl.DataFrame(pl.from_arrow(pa.concat_tables(pieces)))


def _written(task: DateTask, parts: pa.Table, events: int) -> DataFile:
    customers = pl.Series(pl.from_arrow(parts["customer_id"]))
    buckets = customer_bucket(customers).to_numpy()
    groups = task.groups
    while groups > 1 and len(parts) < groups * _LEAST_GROUP_ROWS:
        groups //= 2
    bounds = group_bounds(groups)
    ends = np.searchsorted(buckets, bounds)
    folder = task.root / SESSIONS.name
    with PartWriter(SESSIONS, folder, task.day, run_id=task.run_id, task=0) as part:
        for start, end in pairwise(ends):
            part.write(parts.slice(start, end - start))
        bucket_files.note_events(part, events)
        bucket_files.note_buckets(part, bounds.tolist())
    return part.file()


def _by_date(files: Sequence[DataFile]) -> dict[date, list[DataFile]]:
    found: dict[date, list[DataFile]] = {}
    for file in files:
        assert file.day is not None
        found.setdefault(file.day, []).append(file)
    return found


def _events_held(native: NativeLake, files: Sequence[DataFile]) -> int:
    """Count the events in the parts of a date."""
    return sum(bucket_files.events_of(native.folder(SESSIONS) / file.path) for file in files)


def _gap_parts(native: NativeLake, files: Sequence[DataFile]) -> pl.DataFrame:
    schema = pa.schema([SESSIONS.schema.field(name) for name in PART_COLUMNS])
    folder = native.folder(SESSIONS)
    parts = [read_file(folder, file, SESSIONS, schema) for file in files]
    return pl.DataFrame(pl.from_arrow(pa.concat_tables([schema.empty_table(), *parts])))
