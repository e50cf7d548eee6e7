"""The customers with events in a micro-batch."""

from collections.abc import Collection, Sequence

import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
from pyspark.sql import functions as F

from custseg_spark.engine.lake.files import DataFile
from custseg_spark.engine.lake.lake import Lake
from custseg_spark.engine.lake.native import read_file
from custseg_spark.engine.lake.schemas import EVENTS, INGEST_FILES


def customers_of(lake: Lake, names: Collection[str]) -> pl.Series:
    """Return the ids of customers with events of the ledger's files of these names.

    Files count even if a killed try of the batch has read them.
    """
    ids = _file_ids(lake, names)
    if not ids:
        return pl.Series("customer_id", [], pl.String)
    if lake.native is None:
        rows = lake.read(EVENTS).where(F.col("file_id").isin(ids))
        customers = rows.select("customer_id").distinct().toArrow()
    else:
        customers = _natively(lake, ids)
    return pl.Series("customer_id", customers["customer_id"], pl.String).unique().sort()


def _file_ids(lake: Lake, names: Collection[str]) -> list[str]:
    """Return the files' ids; each sheet of a workbook is a file of its own, named behind a #."""
    rows = lake.rows(INGEST_FILES, ["file_id", "source_file"]).to_pylist()
    source_names = set(names)
    return [
        row["file_id"]
        for row in rows
        if row["file_id"]
        and (
            row["source_file"] in source_names
            or row["source_file"].rpartition("#")[0] in source_names
        )
    ]


def _natively(lake: Lake, ids: Sequence[str]) -> pa.Table:
    assert lake.native is not None
    schema = pa.schema([EVENTS.schema.field(name) for name in ("customer_id", "file_id")])
    folder, file_ids = lake.native.folder(EVENTS), pa.array(ids, pa.string())
    parts = [schema.empty_table()]
    for file in lake.files(EVENTS):
        if _may_hold(file, ids):
            rows = read_file(folder, file, EVENTS, schema)
            parts.append(rows.filter(pc.is_in(rows["file_id"], file_ids)))
    return pa.concat_tables(parts)


def _may_hold(file: DataFile, ids: Sequence[str]) -> bool:
    """Whether a file of events may have one of these source files' events."""
    bounds = file.columns.get("file_id")
    if bounds is None or bounds.smallest is None:
        return True
    return any(bounds.smallest <= id_ <= bounds.largest for id_ in ids)
