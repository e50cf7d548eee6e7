"""Find copies among a date's events that no single task has seen.

Copies have the same date and the same time: in a log in order of time they can only occur where two
tasks share a second. The ids of a large date are compared range by range, each independently, so
that tasks can share the work.
"""

import zlib
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow.parquet as pq

from custseg_spark.core.events.copies import later_copies, with_ids_of_copies
from custseg_spark.core.events.records import Flags
from custseg_spark.core.frames import compact
from custseg_spark.engine.lake import damage
from custseg_spark.engine.lake.files import DataFile
from custseg_spark.pipeline.ingest.date_of_events import DateOfEvents
from custseg_spark.pipeline.ingest.file_times import EVERY_TIME, Span, is_within, meets, span

# Ids are hexadecimal: ranges begin at numbers of four digits.
_FIRST_DIGITS = 4

# The first id of a range, and the first beyond it.
IdRange = tuple[str, str]
ALL_IDS: IdRange = ("", "g")


@dataclass(frozen=True)
class Comparison:
    """A date, and the ids to compare."""

    of_date: DateOfEvents
    ids: IdRange = ALL_IDS


@dataclass(frozen=True)
class Copies:
    """The number of copies by file of records, and the rows that are copies in a date's new files.

    `flags` has a packed bit per row, and `new_ids` the positions of rows that get another id; both
    by the number of the new file, if it has any.
    """

    counts: Mapping[str, int] = field(default_factory=dict)
    flags: Mapping[int, bytes] = field(default_factory=dict)
    new_ids: Mapping[int, pl.DataFrame] = field(default_factory=dict)

    def touches(self, file: int) -> bool:
        """Whether a file has copies or rows with another id."""
        return file in self.flags or file in self.new_ids

    def are_in(self, file: int, rows: int) -> Flags:
        """Flag the copies among a file's rows."""
        return _unpacked(self.flags[file], rows) if file in self.flags else np.zeros(rows, bool)

    def within(self, files: Collection[int]) -> "Copies":
        """Return the copies and new ids of some files."""
        return Copies(
            flags={n: bits for n, bits in self.flags.items() if n in files},
            new_ids={n: ids for n, ids in self.new_ids.items() if n in files},
        )


def merged(parts: Iterable[Copies]) -> Copies:
    """Return the copies of several ranges of ids."""
    counts: dict[str, int] = {}
    flags: dict[int, bytes] = {}
    new_ids: dict[int, pl.DataFrame] = {}
    for part in parts:
        for file_id, count in part.counts.items():
            counts[file_id] = counts.get(file_id, 0) + count
        for file, bits in part.flags.items():
            flags[file] = _either(flags[file], bits) if file in flags else bits
        for file, ids in part.new_ids.items():
            new_ids[file] = pl.concat([new_ids[file], ids]) if file in new_ids else ids
    return Copies(counts, flags, new_ids)


def comparisons(of_date: DateOfEvents) -> list[Comparison]:
    """Return a date's comparisons: one range of its ids, or several for a large date."""
    if not of_date.may_have_copies:
        return []
    if of_date.has_kept:
        return [Comparison(of_date)]
    times = of_date.shared_times
    rows = sum(_rows_within(of_date.folder, file, times) for file in of_date.files)
    most = 16**_FIRST_DIGITS
    ranges = min(max(1, -(-rows // of_date.events_at_a_time)), most)
    inner = [f"{i * most // ranges:0{_FIRST_DIGITS}x}" for i in range(1, ranges)]
    return [Comparison(of_date, ids) for ids in pairwise([ALL_IDS[0], *inner, ALL_IDS[1]])]


def compare(comparison: Comparison) -> Copies:
    """Find the copies of a range of ids in a date's new files."""
    of_date = comparison.of_date
    times = of_date.shared_times
    meeting = [i for i, one in enumerate(of_date.new) if meets(span(one.file), times)]
    new = pl.concat([_new_ids(comparison, i) for i in meeting])
    if of_date.has_kept:
        new = with_ids_of_copies(new)
    table_ids = [
        _ids(comparison, file, ["file_id"], ["file_id"])
        for file in of_date.held
        if meets(span(file), times)
    ]
    in_table = pl.concat(
        [pl.Series("event_id", [], pl.String), *(h["event_id"] for h in table_ids)]
    )
    is_copy = later_copies(new) | new["event_id"].is_in(in_table.implode())
    counts = dict(new.filter(is_copy).group_by("file_id").len().iter_rows())
    for file_id, count in _written_before(table_ids, new):
        counts[file_id] -= count
    flags = {
        file: _packed(rows["place"].to_numpy(), of_date.new[file].file.rows)
        for file, rows in _by_file(new.filter(is_copy))
    }
    if not of_date.has_kept:
        return Copies(counts, flags)
    other = new.filter(~is_copy & (new["event_id"] != new["first_id"]))
    return Copies(
        counts, flags, {n: rows.select("place", "event_id") for n, rows in _by_file(other)}
    )


def read_columns(path: Path, names: Sequence[str], few_values: Sequence[str] = ()) -> pl.DataFrame:
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


def _new_ids(comparison: Comparison, number: int) -> pl.DataFrame:
    """Return the ids of a new file with their positions in it and in the source."""
    new_file = comparison.of_date.new[number]
    of_file = ["file_id", "source_file"]
    return _ids(comparison, new_file.file, ["source_row", *of_file], of_file).with_columns(
        pl.col("place").cast(pl.Int64),
        file=pl.lit(number, pl.Int64),
        is_kept=pl.lit(new_file.is_kept),
    )


def _ids(
    comparison: Comparison, file: DataFile, names: Sequence[str], few_values: Sequence[str]
) -> pl.DataFrame:
    """Return the ids that may be or have copies, with their positions and other columns."""
    times = comparison.of_date.shared_times
    names_read = ["event_id", *names, *([] if times == [EVERY_TIME] else ["event_at"])]
    rows = read_columns(comparison.of_date.folder / file.path, names_read, few_values)
    rows = rows.with_row_index("place")
    if comparison.ids == ALL_IDS and times == [EVERY_TIME]:
        return rows
    low, high = (pl.lit(bound) for bound in comparison.ids)
    is_compared = pl.col("event_id").is_between(low, high, closed="left")
    if "event_at" in rows.columns:
        is_compared &= is_within(times)
    return compact(rows.filter(is_compared).drop("event_at", strict=False))


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
    times_of_rows = read_columns(folder / file.path, ["event_at"])
    return int(times_of_rows.select(is_within(times).sum()).item())


def _by_file(rows: pl.DataFrame) -> Iterator[tuple[int, pl.DataFrame]]:
    for (file,), of_file in rows.partition_by("file", as_dict=True).items():
        yield int(str(file)), of_file


def _packed(places: np.ndarray, rows: int) -> bytes:
    flags = np.zeros(rows, bool)
    flags[places] = True
    # Copies are usually few, so the flags compress well on the way to the driver.
    return zlib.compress(np.packbits(flags).tobytes(), 1)


def _unpacked(bits: bytes, rows: int) -> Flags:
    packed = np.frombuffer(zlib.decompress(bits), np.uint8)
    return np.unpackbits(packed, count=rows).astype(bool)


def _either(first: bytes, second: bytes) -> bytes:
    both = (np.frombuffer(zlib.decompress(bits), np.uint8) for bits in (first, second))
    return zlib.compress(np.bitwise_or(*both).tobytes(), 1)
