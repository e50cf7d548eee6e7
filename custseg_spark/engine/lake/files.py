"""Data files of a table: a task writes them from a kernel, and the driver commits them.

A file's name has its run's id, so that a later run knows which run left it uncommitted.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from types import TracebackType
from typing import Any
from uuid import uuid4

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from custseg_spark.engine.lake.columns import RUN_ID, Table
from custseg_spark.engine.lake.statistics import Bounds, bounds, of_json, to_json

# As quick to write as snappy, and a third smaller.
_COMPRESSION, _LEVEL = "zstd", 1
_NAME = re.compile(r"part-\d{5,}-(?P<run_id>[0-9A-Za-z-]+)-[0-9a-f]{32}\.c000\.zstd\.parquet")
# The name of a folder whose partition has no value.
_NO_VALUE = "__HIVE_DEFAULT_PARTITION__"
_WRITER = re.compile(r"[0-9A-Za-z-]+")


@dataclass(frozen=True)
class DataFile:
    """A Parquet file of a table: its path below the table's folder, its date, its content.

    `day` is None in a table without partitions, `run_id` in one that isn't by run. `columns` has
    the bounds of the table's statistics columns, as far as they are known.
    """

    path: str
    day: date | None
    rows: int
    bytes: int
    columns: Mapping[str, Bounds] = field(default_factory=dict)
    run_id: str | None = None


def run_of(name: str) -> str | None:
    """Return the id of the run that wrote a file of this name; None where it isn't of a kernel."""
    match = _NAME.fullmatch(name)
    return match["run_id"] if match else None


def partition_folder(table: Table, day: date | None, of_run: str | None = None) -> str:
    """The folder of a date's files below the table's: empty in a table without partitions."""
    if (table.date_column is None) != (day is None):
        raise ValueError(f"{table.name}: a file of date {day}, partitioned by {table.date_column}")
    if day is None:
        return ""
    of_date = f"{table.date_column}={day.isoformat()}"
    return f"{of_date}/{RUN_ID}={of_run or _NO_VALUE}" if table.is_by_run else of_date


def is_told_by_path(table: Table, files: Iterable[DataFile]) -> bool:
    """Whether each file is in its partition's folder: Delta's log may say otherwise."""
    return all(f.path.startswith(partition_folder(table, f.day, f.run_id)) for f in files)


def partition_values(table: Table, file: DataFile) -> dict[str, str | None]:
    """Return the values of a file's partition as Delta's log has them."""
    if table.date_column is None or file.day is None:
        return {}
    values: dict[str, str | None] = {table.date_column: file.day.isoformat()}
    return values | ({RUN_ID: file.run_id} if table.is_by_run else {})


def write_part(
    rows: pa.Table,
    table: Table,
    folder: Path,
    day: date | None,
    *,
    run_id: str,
    task: int,
    of_run: str | None = None,
) -> DataFile:
    """Write rows of one date as one file of the table in `folder`."""
    with PartWriter(table, folder, day, run_id=run_id, task=task, of_run=of_run) as part:
        part.write(rows)
    return part.file()


def write_parts(
    rows: pa.Table, table: Table, folder: Path, *, run_id: str, task: int
) -> list[DataFile]:
    """Write rows of any dates as one file a date (and run), in the order they came in; none of
    no rows."""

    def write(part: pa.Table, day: date | None, of_run: str | None = None) -> DataFile:
        return write_part(part, table, folder, day, run_id=run_id, task=task, of_run=of_run)

    if not len(rows):
        return []
    if table.date_column is None:
        return [write(rows, None)]
    dated = _by_date(rows, table.date_column)
    if not table.is_by_run:
        return [write(part, day) for day, part in dated]
    return [write(part, day, of_run) for day, on in dated for of_run, part in _by_run(on)]


def _by_run(rows: pa.Table) -> Iterable[tuple[str | None, pa.Table]]:
    for of_run in sorted(pc.unique(rows[RUN_ID]).to_pylist(), key=str):
        is_of_run = pc.equal(rows[RUN_ID], of_run) if of_run else pc.is_null(rows[RUN_ID])
        yield of_run, rows.filter(is_of_run)


def _by_date(rows: pa.Table, column: str) -> Iterable[tuple[date, pa.Table]]:
    if rows[column].null_count:
        raise ValueError(f"a row without {column}")
    in_order = rows.take(pc.sort_indices(rows[column]))
    days = in_order[column].combine_chunks()
    starts = [0, *(pc.indices_nonzero(pc.not_equal(days[1:], days[:-1])).to_numpy() + 1)]
    for start, end in zip(starts, [*starts[1:], len(rows)], strict=True):
        yield days[start].as_py(), in_order.slice(start, end - start)


class PartWriter:
    """Writes one data file, a row group a call: for rows that come piece by piece.

    `folder` is the table's. Columns may come in any order and with Polars' large types; the
    partition's columns are left out. The file is no part of the table until it is committed.
    `run_id` names who wrote it, `of_run` the run of its rows in a table by run.
    """

    def __init__(
        self,
        table: Table,
        folder: Path,
        day: date | None,
        *,
        run_id: str,
        task: int,
        of_run: str | None = None,
    ) -> None:
        if not _WRITER.fullmatch(run_id):
            raise ValueError(f"a run's id has letters, digits and hyphens only: {run_id!r}")
        self._table, self._schema, self._day = table, table.file_schema, day
        name = f"part-{task:05d}-{run_id}-{uuid4().hex}.c000.zstd.parquet"
        self._of_run = of_run if table.is_by_run else None
        self._relative = "/".join(filter(None, (partition_folder(table, day, of_run), name)))
        self._path = folder / self._relative
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._writer = pq.ParquetWriter(self._path, self._schema, **_options(table))
        self._rows = 0
        self._bounds: dict[str, Bounds] = {}

    def write(self, rows: pa.Table) -> None:
        """Add a row group, also an empty one: a group's number may mean something."""
        body = rows.select(self._schema.names).cast(self._schema)
        # One row group whatever its size: pyarrow's own limit would split it.
        self._writer.write_table(body, row_group_size=max(len(body), 1))
        self._rows += len(body)
        for name in self._table.statistics:
            limits = bounds(body[name])
            self._bounds[name] = self._bounds[name] | limits if name in self._bounds else limits

    def note(self, key: str, value: str) -> None:
        """Add a note to the file's footer, for readers that know it."""
        self._writer.add_key_value_metadata({key: value})

    def file(self) -> DataFile:
        """Return the file as it is once the writer has been closed."""
        size = self._path.stat().st_size
        return DataFile(self._relative, self._day, self._rows, size, self._bounds, self._of_run)

    def __enter__(self) -> "PartWriter":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._writer.close()
        if error is not None:
            self._path.unlink(missing_ok=True)


def _options(table: Table) -> dict[str, Any]:
    return {
        "compression": _COMPRESSION,
        "compression_level": _LEVEL,
        "store_decimal_as_integer": True,
        "use_dictionary": [c for c in leaves(table) if c not in table.hardly_repeating],
        "write_statistics": list(table.statistics),
    }


def leaves(table: Table) -> list[str]:
    """The paths of the table's columns in a Parquet file, down to the fields of nested ones."""
    return [path for column in table.file_schema for path in _leaves(column.name, column.type)]


def _leaves(path: str, type_: pa.DataType) -> Iterable[str]:
    if pa.types.is_list(type_):
        yield from _leaves(f"{path}.list.element", type_.value_type)
    elif pa.types.is_map(type_):
        yield from _leaves(f"{path}.key_value.key", type_.key_type)
        yield from _leaves(f"{path}.key_value.value", type_.item_type)
    elif pa.types.is_struct(type_):
        for child in type_:
            yield from _leaves(f"{path}.{child.name}", child.type)
    else:
        yield path


# The record of a written file that a task sends to the driver; `statistics` as in Delta's log.
FILE_ROW = pa.schema(
    [
        ("path", pa.string()),
        ("day", pa.date32()),
        ("rows", pa.int64()),
        ("bytes", pa.int64()),
        ("statistics", pa.string()),
        ("run_id", pa.string()),
    ]
)


def to_rows(files: Sequence[DataFile]) -> pa.RecordBatch:
    """Return the files as rows that a task can hand back."""
    rows = [(f.path, f.day, f.rows, f.bytes, to_json(f.rows, f.columns), f.run_id) for f in files]
    return pa.RecordBatch.from_pylist(
        [dict(zip(FILE_ROW.names, row, strict=True)) for row in rows], schema=FILE_ROW
    )


def of_rows(rows: pa.RecordBatch | pa.Table, table: Table) -> list[DataFile]:
    """Return the files of one table that tasks have handed back."""
    return [
        DataFile(
            r["path"],
            r["day"],
            r["rows"],
            r["bytes"],
            of_json(r["statistics"], table.schema),
            r["run_id"],
        )
        for r in rows.to_pylist()
    ]
