"""Refused records: their number by reason, and examples of each reason."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from custseg_spark.engine.lake import damage
from custseg_spark.engine.lake.reader import LakeReader
from custseg_spark.engine.lake.schemas import REJECTED_EVENTS
from custseg_spark.interfaces.dashboard.lake import cached

EXAMPLES = 5
# The most characters of a raw record; the table has whole records.
_LONGEST = 400
_BATCH = 50_000
_COLUMNS = ["source_file", "source_row", "raw_record", "reasons"]
_KEYS = ["code", "field"]
_COUNTS = {"code": pl.String, "field": pl.String, "records": pl.Int64}
_EXAMPLES = {
    "code": pl.String,
    "field": pl.String,
    "source_file": pl.String,
    "source_row": pl.Int64,
    "value": pl.String,
    "expected": pl.String,
    "raw_record": pl.String,
}


@dataclass(frozen=True)
class Refusals:
    """`counts` has a row per reason and field, the most frequent first.

    `examples` has the first records of each by file and row. A record with several reasons counts
    for each.
    """

    counts: pl.DataFrame
    examples: pl.DataFrame


@cached(2, "Counting refused records …")
def refusals(lake: LakeReader, version: int | None) -> Refusals:
    """Count the refused records of the table as of a version, with one batch in memory."""
    counts, examples = pl.DataFrame(schema=_COUNTS), pl.DataFrame(schema=_EXAMPLES)
    for batch in _batches(lake, version):
        reasons = _reasons(batch)
        counted = reasons.group_by(_KEYS).agg(pl.len().cast(pl.Int64).alias("records"))
        counts = pl.concat([counts, counted]).group_by(_KEYS).agg(pl.col("records").sum())
        examples = _first(pl.concat([examples, _first(reasons)]))
    return Refusals(
        counts.sort("records", "code", "field", descending=[True, False, False]), examples
    )


def _batches(lake: LakeReader, version: int | None) -> Iterator[pa.RecordBatch]:
    if version is None:
        return
    folder = lake.native.folder(REJECTED_EVENTS)
    for file in lake.native.files(REJECTED_EVENTS, version=version):
        yield from _batches_of(folder / file.path)


def _batches_of(path: Path) -> Iterator[pa.RecordBatch]:
    with damage.named(path), pq.ParquetFile(path) as parquet:
        yield from parquet.iter_batches(_BATCH, columns=_COLUMNS, use_threads=False)


def _reasons(batch: pa.RecordBatch) -> pl.DataFrame:
    """Return a row per record and reason."""
    rows = pl.DataFrame(pl.from_arrow(batch)).explode("reasons").unnest("reasons")
    return rows.select(
        "code",
        "field",
        "source_file",
        "source_row",
        *(pl.col(name).str.slice(0, _LONGEST) for name in ("value", "expected", "raw_record")),
    )


def _first(rows: pl.DataFrame) -> pl.DataFrame:
    in_order = rows.sort("code", "field", "source_file", "source_row")
    return in_order.group_by(_KEYS, maintain_order=True).head(EXAMPLES).select(list(_EXAMPLES))


def codes(refused: Refusals) -> Sequence[str]:
    """Return the reasons' codes, the most frequent first."""
    return list(dict.fromkeys(refused.counts["code"].to_list()))
