"""Customers and their segments, a batch at a time, for downloads."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from custseg_spark.engine.lake import damage
from custseg_spark.engine.lake.reader import LakeReader
from custseg_spark.engine.lake.schemas import CUSTOMER_SEGMENTS, SEGMENT_PROFILES
from custseg_spark.errors import InputError, nearest

_COLUMNS = (
    "customer_id",
    "run_date",
    "algorithm",
    "segment_id",
    "segment_name",
    "distance",
    "second_segment_id",
    "margin",
    "top_features",
    "rfm_r",
    "rfm_f",
    "rfm_m",
    "rfm_group",
)
SCHEMA = pa.schema([CUSTOMER_SEGMENTS.schema.field(name) for name in _COLUMNS])
_FILE = pa.schema([field for field in SCHEMA if field.name != "run_date"])
_BATCH = 32_768


def require(lake: LakeReader, day: date, algorithm: str, segment_id: int | None) -> None:
    """Raise InputError for a run, algorithm or segment that the lake lacks."""
    rows = lake.rows(SEGMENT_PROFILES, ["algorithm", "segment_id"], [day]).to_pylist()
    algorithms = {row["algorithm"] for row in rows}
    if algorithm not in algorithms:
        raise InputError(
            f"the run of {day} has no algorithm '{algorithm}'{nearest(algorithm, algorithms)}"
        )
    ids = {row["segment_id"] for row in rows if row["algorithm"] == algorithm}
    if segment_id is not None and segment_id not in ids:
        raise InputError(f"the run of {day} by {algorithm} has no segment {segment_id}")


def customers(
    lake: LakeReader, day: date, algorithm: str, segment_id: int | None
) -> Iterator[pa.RecordBatch]:
    """Yield the customers of all segments, or of one; only a batch of one file is in memory."""
    folder = lake.native.folder(CUSTOMER_SEGMENTS)
    for file in lake.files(CUSTOMER_SEGMENTS, [day]):
        for batch in _batches(folder / file.path):
            is_wanted = pc.equal(batch["algorithm"], algorithm)
            if segment_id is not None:
                is_wanted = pc.and_(is_wanted, pc.equal(batch["segment_id"], segment_id))
            kept = batch.filter(is_wanted)
            if len(kept):
                days = pa.repeat(pa.scalar(day, pa.date32()), len(kept))
                columns = {**dict(zip(kept.schema.names, kept.columns, strict=True)),
                           "run_date": days}  # fmt: skip
                yield pa.RecordBatch.from_arrays([columns[n] for n in _COLUMNS], schema=SCHEMA)


def _batches(path: Path) -> Iterator[pa.RecordBatch]:
    """Yield a file's rows; null for columns that an older file lacks."""
    with damage.named(path), pq.ParquetFile(path) as parquet:
        names = [name for name in _FILE.names if name in parquet.schema_arrow.names]
        for batch in parquet.iter_batches(_BATCH, columns=names, use_threads=False):
            columns = [
                batch[f.name].cast(f.type) if f.name in names else pa.nulls(len(batch), f.type)
                for f in _FILE
            ]
            yield pa.RecordBatch.from_arrays(columns, schema=_FILE)
