"""Check on the driver, before a commit, that files may become part of a table."""

from collections.abc import Collection, Sequence
from datetime import date
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from custseg_spark.engine.lake.columns import Table
from custseg_spark.engine.lake.ddl import ddl_type
from custseg_spark.engine.lake.files import DataFile, partition_folder
from custseg_spark.errors import ResourceError


def check_files(
    folder: Path, table: Table, files: Sequence[DataFile], dates: Collection[date] | None
) -> None:
    """Check each file's date, place, size, rows and columns; a footer is read of each.

    Raises ResourceError for a file that isn't there as it was written (a folder that isn't shared,
    a full disk), ValueError for one that can't be the table's.
    """
    if len({file.path for file in files}) < len(files):
        raise ValueError(f"a file twice among those for {table.name}")
    for file in files:
        _check_place(table, file, dates)
        _check_content(folder, table, file)


def _check_place(table: Table, file: DataFile, dates: Collection[date] | None) -> None:
    if dates is not None and file.day not in dates:
        raise ValueError(f"{table.name}: {file.path} is of {file.day}, which isn't replaced")
    parent, _, name = file.path.rpartition("/")
    if parent != partition_folder(table, file.day, file.run_id) or not name:
        raise ValueError(f"{table.name}: {file.path} isn't in the folder of {file.day}")


def _check_content(folder: Path, table: Table, file: DataFile) -> None:
    path = folder / file.path
    try:
        size = path.stat().st_size
        footer = pq.read_metadata(path)
    except (OSError, pa.ArrowInvalid) as error:
        raise ResourceError(f"{path} can't be read back after it was written: {error}") from error
    if (size, footer.num_rows) != (file.bytes, file.rows):
        raise ResourceError(
            f"{path} was written with {file.bytes} bytes and {file.rows} rows, and has {size} and"
            f" {footer.num_rows}"
        )
    columns = _columns(footer.schema.to_arrow_schema())
    if columns != _columns(table.file_schema):
        raise ValueError(f"{table.name}: the columns of {file.path} aren't the table's: {columns}")


def _columns(schema: pa.Schema) -> list[tuple[str, str]]:
    return [(field.name, _type(field.type)) for field in schema]


def _type(type_: pa.DataType) -> str:
    try:
        return ddl_type(type_)
    except TypeError:
        return str(type_)
