"""Settle a date's events after all tasks have written: drop copies, merge small files.

One task settles several small dates. For a large date, one task compares each range of ids, and
then one task rewrites each file, or several small ones together.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

import polars as pl
from pyspark.sql import SparkSession

from custseg_spark.engine.lake.files import DataFile, write_part
from custseg_spark.engine.lake.schemas import EVENTS
from custseg_spark.engine.spark import tasks
from custseg_spark.pipeline.ingest.copies_of_dates import (
    Copies,
    compare,
    comparisons,
    merged,
    read_columns,
)
from custseg_spark.pipeline.ingest.date_of_events import DateOfEvents

# One task settles dates with so many events together.
_EVENTS_TOGETHER = 160_000


@dataclass(frozen=True)
class Settled:
    """A date's files without copies; `copies` counts the dropped ones by the records' file.

    `superseded` are files that were rewritten: the driver removes them, because a task may be tried
    again.
    """

    files: tuple[DataFile, ...]
    copies: dict[str, int]
    superseded: tuple[DataFile, ...] = ()


@dataclass(frozen=True)
class Rewrite:
    """New files of a date, by their numbers, to rewrite without their copies."""

    of_date: DateOfEvents
    files: tuple[int, ...]
    copies: Copies


def settle_dates(spark: SparkSession, dates: Sequence[DateOfEvents]) -> Iterator[Settled]:
    """Settle dates by Spark's tasks."""
    small = [one for one in dates if not one.is_large]
    groups = tasks.together(small, lambda one: one.rows, _EVENTS_TOGETHER)
    yield from chain.from_iterable(tasks.run(spark, settle_all, groups))
    yield from _settled_in_parts(spark, [one for one in dates if one.is_large])


def settle_all(dates: Sequence[DateOfEvents]) -> list[Settled]:
    """Settle some dates, one after the other."""
    return [settle(one) for one in dates]


def settle(of_date: DateOfEvents) -> Settled:
    """Rewrite the files of a date if they have copies or are scattered."""
    copies = merged(compare(one) for one in comparisons(of_date))
    rewrites = _rewrites(of_date, copies)
    return _settled(of_date, copies, rewrites, [rewrite(one) for one in rewrites])


def rewrite(rewrite: Rewrite) -> list[DataFile]:
    """Rewrite some of a date's new files."""
    of_date = rewrite.of_date
    frames = (_kept_rows(of_date, file, rewrite.copies) for file in rewrite.files)
    return [_part(of_date, rows) for rows in _in_length(frames, of_date.rows_per_file)]


def _settled_in_parts(spark: SparkSession, dates: Sequence[DateOfEvents]) -> Iterator[Settled]:
    compared = list(chain.from_iterable(tasks.run(spark, comparisons, dates)))
    parts = defaultdict(list)
    for comparison, part in zip(compared, tasks.run(spark, compare, compared), strict=True):
        parts[comparison.of_date.day].append(part)
    copies = [merged(parts[one.day]) for one in dates]
    of_dates = [_rewrites(*both) for both in zip(dates, copies, strict=True)]
    rewritten = iter(tasks.run(spark, rewrite, list(chain.from_iterable(of_dates))))
    for of_date, copies_of_date, rewrites in zip(dates, copies, of_dates, strict=True):
        yield _settled(of_date, copies_of_date, rewrites, [next(rewritten) for _ in rewrites])


def _rewrites(of_date: DateOfEvents, copies: Copies) -> list[Rewrite]:
    """Return the files to rewrite: all files if they are scattered, otherwise touched ones."""
    numbers = range(len(of_date.new))
    groups = [[n] for n in numbers if copies.touches(n)]
    if of_date.is_scattered:
        rows = [one.file.rows for one in of_date.new]
        groups = tasks.together(numbers, lambda n: rows[n], of_date.events_at_a_time)
    return [Rewrite(of_date, tuple(group), copies.within(group)) for group in groups]


def _settled(
    of_date: DateOfEvents,
    copies: Copies,
    rewrites: Sequence[Rewrite],
    rewritten: Sequence[Sequence[DataFile]],
) -> Settled:
    files = {n: [one.file] for n, one in enumerate(of_date.new)}
    for rewrite, written in zip(rewrites, rewritten, strict=True):
        first, *others = rewrite.files
        files |= {first: list(written)} | {n: [] for n in others}
    superseded = [of_date.new[n].file for rewrite in rewrites for n in rewrite.files]
    return Settled(
        tuple(chain.from_iterable(files.values())), dict(copies.counts), tuple(superseded)
    )


def _kept_rows(of_date: DateOfEvents, file: int, copies: Copies) -> pl.DataFrame:
    """Return a new file's rows without copies, with the new ids of equal records."""
    path = of_date.folder / of_date.new[file].file.path
    rows = read_columns(path, EVENTS.file_schema.names)
    is_copy = copies.are_in(file, len(rows))
    if file in copies.new_ids:
        rows = _with_new_ids(rows, copies.new_ids[file])
    return rows.filter(pl.Series(~is_copy))


def _with_new_ids(rows: pl.DataFrame, new_ids: pl.DataFrame) -> pl.DataFrame:
    numbered = rows.with_row_index("place").with_columns(pl.col("place").cast(pl.Int64))
    joined = numbered.join(new_ids, on="place", how="left", suffix="_new")
    new_id = pl.col("event_id_new")
    is_order = (pl.col("order_id") == pl.col("event_id")) & new_id.is_not_null()
    return joined.sort("place").with_columns(
        order_id=pl.when(is_order).then(new_id).otherwise("order_id"),
        event_id=pl.coalesce(new_id, "event_id"),
    ).select(rows.columns)  # fmt: skip


def _in_length(frames: Iterator[pl.DataFrame], most: int) -> Iterator[pl.DataFrame]:
    """Yield the rows in frames of bounded length."""
    pending = pl.DataFrame()
    for frame in frames:
        pending = pl.concat([pending, frame]) if len(pending) else frame
        while len(pending) >= most:
            yield pending.head(most)
            pending = pending.slice(most)
    if len(pending):
        yield pending


def _part(of_date: DateOfEvents, rows: pl.DataFrame) -> DataFile:
    table = rows.to_arrow(compat_level=pl.CompatLevel.oldest())
    return write_part(table, EVENTS, of_date.folder, of_date.day, run_id=of_date.run_id, task=0)
