"""CSV files in a folder: safe for spreadsheets, null is empty, empty text is quoted."""

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
from pyarrow import csv

from custseg_spark.outputs.exports.folder import Folder, named
from custseg_spark.outputs.exports.layout import ReportTable, in_seconds
from custseg_spark.outputs.spreadsheets import safe_texts


def csv_folder(text: str) -> Folder:
    """Return the folder of `csv:DIR`."""
    return Folder(named(text, "csv"), "csv", write)


def write(table: ReportTable, batches: Iterator[pa.RecordBatch], path: Path) -> int:
    """Write a table's rows; return their number."""
    rows = 0
    with path.open("wb") as file:
        file.write((",".join(f'"{name}"' for name in table.columns) + "\n").encode())
        for batch in batches:
            csv.write_csv(_safe(batch), file, csv.WriteOptions(include_header=False))
            rows += batch.num_rows
    return rows


def _safe(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Return the batch with texts that are safe for spreadsheets, and times to the second."""
    return pa.RecordBatch.from_arrays([_written(c) for c in batch.columns], batch.schema.names)


def _written(column: pa.Array) -> pa.Array:
    if pa.types.is_timestamp(column.type):
        return in_seconds(column)
    return safe_texts(column) if pa.types.is_string(column.type) else column
