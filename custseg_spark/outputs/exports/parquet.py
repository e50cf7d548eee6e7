"""Parquet files in a folder: a file a table, values and types as they are."""

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from custseg_spark.outputs.exports.folder import Folder, named
from custseg_spark.outputs.exports.layout import ReportTable

# Rows come in small batches; readers skip by groups of this many.
_GROUP = 131_072


def parquet_folder(text: str) -> Folder:
    """Return the folder of `parquet:DIR`."""
    return Folder(named(text, "parquet"), "parquet", write)


def write(table: ReportTable, batches: Iterator[pa.RecordBatch], path: Path) -> int:
    """Write a table's rows; return their number. A table without rows is a file with columns."""
    rows = 0
    pending: list[pa.RecordBatch] = []
    with pq.ParquetWriter(path, table.arrow, compression="zstd") as writer:
        for batch in batches:
            pending.append(batch)
            rows += batch.num_rows
            if sum(each.num_rows for each in pending) >= _GROUP:
                writer.write_table(pa.Table.from_batches(pending).cast(table.arrow))
                pending = []
        if pending:
            writer.write_table(pa.Table.from_batches(pending).cast(table.arrow))
    return rows
