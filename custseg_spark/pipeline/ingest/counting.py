"""Count validated records by file and date, and find copies, before anything is written.

It takes one scan of the source and one narrow exchange by event id. Then the write needn't compare
its wide rows.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

# Copies are listed up to about this number: they are held on the driver and sent to every task.
MOST_LISTED = 1_000_000
# The size of a block of a file, by which `lies_together` decides.
_BLOCK_BITS = 20

Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

_COUNTS = ("valid", "rejected", "rounded", "copies", "ignored")
_PARTIAL_DDL = (
    "file bigint, event_date date, block bigint, valid bigint, rejected bigint, rounded bigint,"
    " copies bigint, ignored bigint, copy_rows array<bigint>"
)


@dataclass(frozen=True)
class FileDate:
    """The counts of a file's records on a date; refused records have no date.

    `copies`: valid records with the event id of an earlier record, by order of files and rows.
    `copy_rows`: their rows in the file, not all if there are too many to list. `blocks`: the number
    of blocks of the file with the date. `ignored` records count in none of these.
    """

    file_id: str
    event_date: date | None
    valid: int
    rejected: int
    rounded: int
    copies: int
    copy_rows: Sequence[int]
    blocks: int
    ignored: int = 0


def file_code(file_id: Column) -> Column:
    """Return a file's code in the counts: eight bytes instead of the id's thirty-two."""
    return F.xxhash64(file_id)


def count(validated: DataFrame, file_ids: Sequence[str], *, partitions: int) -> list[FileDate]:
    """Return one entry per file and date of the validated records.

    The order of `file_ids` decides which of equal records is the first.
    """
    codes = _codes(validated.sparkSession, file_ids)
    is_valid = F.col("reasons").isNull() & F.col("ignored").isNull()
    narrow = validated.select(
        file_code(F.col("file_id")).alias("file"),
        F.when(is_valid, F.col("event_date")).alias("event_date"),
        "source_row",
        "id_high",
        "id_low",
        F.coalesce("ignored", F.lit(0)).alias("ignored"),
        is_valid.alias("is_valid"),
        F.coalesce(is_valid & F.col("was_rounded"), F.lit(False)).alias("was_rounded"),
    )
    counted = _Partition(codes, max(1, MOST_LISTED // partitions))
    rows = (
        narrow.repartition(partitions, "id_high")
        .mapInArrow(counted, _PARTIAL_DDL)
        .groupBy("file", "event_date")
        .agg(
            *[F.sum(name).alias(name) for name in _COUNTS],
            F.flatten(F.collect_list("copy_rows")).alias("copy_rows"),
            F.count_distinct("block").alias("blocks"),
        )
        .collect()
    )
    of_code = dict(zip(codes.tolist(), file_ids, strict=True))
    entries = [row.asDict() for row in rows]
    return [FileDate(of_code[part.pop("file")], **part) for part in entries]


def _codes(spark: SparkSession, file_ids: Sequence[str]) -> Ints:
    """Return the files' codes, as Spark computes them."""
    table = pa.table({"place": range(len(file_ids)), "file_id": list(file_ids)})
    rows = spark.createDataFrame(table).select("place", file_code(F.col("file_id")).alias("code"))
    codes = np.array([code for _, code in sorted(rows.collect())], np.int64)
    if len(np.unique(codes)) != len(codes):
        raise ValueError("two files have one code")
    return codes


@dataclass(frozen=True)
class _Partition:
    """Counts the records of a partition, which has all records of an id."""

    codes: Ints
    most_listed: int

    def __call__(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        parts = list(batches)
        if parts:
            yield from self._counted(pa.Table.from_batches(parts)).to_batches()

    def _counted(self, records: pa.Table) -> pa.Table:
        is_copy = self._copies(records)
        counted = pa.table(
            {
                "file": records["file"],
                "event_date": records["event_date"],
                "block": pc.shift_right(records["source_row"], _BLOCK_BITS),
                "valid": records["is_valid"].cast(pa.int64()),
                "rejected": pc.and_(
                    pc.invert(records["is_valid"]), pc.equal(records["ignored"], 0)
                ).cast(pa.int64()),
                "rounded": records["was_rounded"].cast(pa.int64()),
                "copies": is_copy.astype(np.int64),
                "ignored": records["ignored"],
                "copy_rows": records["source_row"],
            }
        )
        keys = ["file", "event_date", "block"]
        sums = counted.group_by(keys).aggregate([(name, "sum") for name in _COUNTS])
        sums = sums.rename_columns([*keys, *_COUNTS])
        # Rows without counts, so that they don't change the sums.
        listed = counted.filter(pa.array(is_copy)).slice(0, self.most_listed)
        rows = listed.group_by(keys).aggregate([("copy_rows", "list")])
        rows = rows.rename_columns([*keys, "copy_rows"])
        return _filled(pa.concat_tables([sums, rows], promote_options="default"))

    def _copies(self, records: pa.Table) -> Flags:
        """Mark valid records with the id of an earlier one."""
        high, valid = (records[name].to_numpy() for name in ("id_high", "is_valid"))
        is_copy = np.zeros(len(high), np.bool_)
        ascending = np.sort(high[valid])
        repeated = ascending[1:][ascending[1:] == ascending[:-1]]
        if not len(repeated):
            return is_copy
        # Almost nothing remains to compare in full.
        at = np.flatnonzero(valid & np.isin(high, repeated))
        low, rows, files = (records[n].to_numpy()[at] for n in ("id_low", "source_row", "file"))
        ordered = np.lexsort((rows, self._places(files), low, high[at]))
        same = (np.diff(high[at][ordered]) == 0) & (np.diff(low[ordered]) == 0)
        is_copy[at[ordered[1:][same]]] = True
        return is_copy

    def _places(self, files: Ints) -> Ints:
        ascending = np.argsort(self.codes)
        return ascending[np.searchsorted(self.codes, files, sorter=ascending)]


def _filled(counts: pa.Table) -> pa.Table:
    for name in _COUNTS:
        at = counts.column_names.index(name)
        counts = counts.set_column(at, name, pc.fill_null(counts[name], 0))
    return counts


def all_listed(counted: Sequence[FileDate]) -> bool:
    """Whether every copy is among the `copy_rows`."""
    return all(part.copies == len(part.copy_rows) for part in counted)


def without_copies(valid: DataFrame, counted: Sequence[FileDate]) -> DataFrame:
    """Return the valid records without the listed copies."""
    listed = [(part.file_id, row) for part in counted for row in part.copy_rows]
    if not listed:
        return valid
    files, rows = zip(*listed, strict=True)
    table = pa.table({"file_id": files, "source_row": rows})
    copies = F.broadcast(valid.sparkSession.createDataFrame(table))
    return valid.join(copies, ["file_id", "source_row"], how="left_anti")


def lies_together(counted: Sequence[FileDate]) -> bool:
    """Whether tasks that read the files in order meet few dates each, as in a log in order of time.

    Otherwise each task would write a small file for every date.
    """
    dates = {part.event_date for part in counted if part.event_date}
    lengths: dict[str, int] = {}
    for part in counted:
        lengths[part.file_id] = lengths.get(part.file_id, 0) + part.valid + part.rejected
    blocks = sum((records >> _BLOCK_BITS) + 1 for records in lengths.values())
    pieces = sum(part.blocks for part in counted if part.event_date)
    return pieces <= 2 * (len(dates) + blocks)
