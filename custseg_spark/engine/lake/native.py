"""The tables of a lake in a folder, read and created without Spark."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from deltalake import DeltaTable
from deltalake.exceptions import DeltaError
from deltalake.transaction import CommitProperties

from custseg_spark.engine.lake import damage
from custseg_spark.engine.lake.columns import RUN_ID, Table
from custseg_spark.engine.lake.ddl import ddl_type
from custseg_spark.engine.lake.files import DataFile
from custseg_spark.engine.lake.format import FORMAT, FORMAT_PROPERTY
from custseg_spark.engine.lake.handles import is_table, log_folder, open_table
from custseg_spark.engine.lake.statistics import of_log
from custseg_spark.errors import InputError

# What other Delta readers need to be able to open the tables, said in each table because a
# platform's own defaults may differ.
_PROPERTIES = {
    "delta.enableDeletionVectors": "false",
    "delta.columnMapping.mode": "none",
    "delta.checkpointPolicy": "classic",
    FORMAT_PROPERTY: FORMAT,
}
_STATISTICS = "delta.dataSkippingStatsColumns"
# Beyond these a table has features that change what its files mean, or that a writer must heed.
_READER, _WRITER = 1, 2


@dataclass(frozen=True)
class NativeLake:
    """The tables below one folder that this machine and all executors share."""

    root: Path

    def folder(self, table: Table) -> Path:
        """Return the table's folder."""
        return self.root / table.name

    def exists(self, table: Table) -> bool:
        """Whether the table has been created."""
        return is_table(self.folder(table))

    def create(self, tables: Iterable[Table]) -> None:
        """Create the tables that don't exist; of two creators either may be the first.

        Raises InputError for a table of an older version, which lacks columns.
        """
        for table in tables:
            if not self.exists(table):
                self._create(table)
            self.open(table)

    def _create(self, table: Table) -> None:
        named = {_STATISTICS: ",".join(table.statistics)} if table.statistics else {}
        self.folder(table).mkdir(parents=True, exist_ok=True)
        try:
            DeltaTable.create(
                log_folder(self.folder(table)),
                table.schema,
                mode="ignore",
                partition_by=list(table.partitioned_by),
                configuration=_PROPERTIES | named,
                raise_if_key_not_exists=False,
                # Else a second creator creates the table anew, as version 1.
                commit_properties=CommitProperties(max_commit_retries=0),
            )
        except DeltaError:
            # Another was quicker, or the folder can't be written.
            if not self.exists(table):
                raise

    def open(
        self, table: Table, version: int | None = None, *, to_read: bool = False
    ) -> DeltaTable:
        """Return the table's log as of a version. Raises InputError where it isn't as declared.

        A lake of an older version lacks columns, one of 0.1 also the runs in its rows: it may be
        read, not written.
        """
        if not self.exists(table):
            raise InputError(f"there is no table {self.folder(table)}; run ingest first")
        handle = open_table(self.folder(table), version)
        self._check_protocol(handle, table)
        self._check_columns(handle, table, {RUN_ID, *table.later} if to_read else set())
        return handle

    def _check_protocol(self, handle: DeltaTable, table: Table) -> None:
        protocol = handle.protocol()
        if (protocol.min_reader_version, protocol.min_writer_version) > (_READER, _WRITER) or (
            protocol.min_writer_version > _WRITER
        ):
            raise InputError(
                f"{self.folder(table)} has features of Delta (reader"
                f" {protocol.min_reader_version}, writer {protocol.min_writer_version}) that only"
                ' Spark may read or write; set lake.io = "spark"'
            )

    def _check_columns(self, handle: DeltaTable, table: Table, may_lack: Set[str]) -> None:
        existing = columns_of(pa.schema(handle.schema().to_arrow()))
        declared = columns_of(table.schema)
        absent = may_lack - existing.keys()
        lacking = sorted(name for name in declared if name not in existing and name not in absent)
        if lacking:
            raise InputError(
                f"{self.folder(table)} was made by an older version and lacks the columns"
                f" {', '.join(lacking)}; make a new lake of the sources"
            )
        for name, type_ in declared.items():
            if existing.get(name, type_) != type_:
                raise InputError(
                    f"{self.folder(table)}: the column {name} is {existing[name]}, not {type_};"
                    " make a new lake of the sources"
                )
        partitions = [name for name in table.partitioned_by if name not in absent]
        if handle.metadata().partition_columns != partitions:
            raise InputError(f"{self.folder(table)} isn't partitioned by {table.partitioned_by}")

    def format(self, table: Table) -> str | None:
        """Return the format that the table was made in; None before there were any."""
        return self.open(table).metadata().configuration.get(FORMAT_PROPERTY)

    def version(self, table: Table) -> int:
        """Return the table's current version."""
        return self.open(table, to_read=True).version()

    def versions(self, tables: Iterable[Table]) -> Mapping[str, int]:
        """Return the current version of each table that exists."""
        return {t.name: self.version(t) for t in tables if self.exists(t)}

    def files(
        self, table: Table, dates: Collection[date] | None = None, version: int | None = None
    ) -> list[DataFile]:
        """The table's files as of a version, of all dates where none are named, by date and path.

        From the log alone; `columns` as far as a file's writer told.
        """
        handle = self.open(table, version, to_read=True)
        return files_of(handle, table, self.folder(table), dates)

    def read(
        self,
        table: Table,
        columns: Sequence[str] | None = None,
        dates: Collection[date] | None = None,
    ) -> pa.Table:
        """Return the rows as they are now, in memory: for tables that are small, or dates."""
        return self.read_files(table, self.files(table, dates), columns)

    def read_files(
        self, table: Table, files: Iterable[DataFile], columns: Sequence[str] | None = None
    ) -> pa.Table:
        """Return the rows of some files of the table, in memory."""
        names = table.schema.names if columns is None else columns
        schema = pa.schema([table.schema.field(name) for name in names])
        parts = [read_file(self.folder(table), file, table, schema) for file in files]
        return pa.concat_tables([schema.empty_table(), *parts])


def columns_of(schema: pa.Schema) -> dict[str, str]:
    """Spark's type of each column, by name."""
    return {field.name: ddl_type(field.type) for field in schema}


def files_of(
    handle: DeltaTable, table: Table, folder: Path, dates: Collection[date] | None = None
) -> list[DataFile]:
    """Return the files of an open table, by date and path."""
    actions = pa.table(handle.get_add_actions(flatten=True)).to_pylist()
    files = [_file(action, table, folder) for action in actions]
    kept = files if dates is None else [file for file in files if file.day in dates]
    return sorted(kept, key=lambda file: (file.day or date.min, file.path))


def _file(action: Mapping[str, Any], table: Table, folder: Path) -> DataFile:
    rows = action["num_records"]
    if rows is None:  # its writer told nothing of it
        rows = pq.read_metadata(folder / action["path"]).num_rows
    columns = {
        name: of_log(action[f"min.{name}"], action[f"max.{name}"], action[f"null_count.{name}"])
        for name in table.statistics
        if action.get(f"null_count.{name}") is not None
    }
    day = action[f"partition.{table.date_column}"] if table.date_column else None
    of_run = action.get(f"partition.{RUN_ID}") if table.is_by_run else None
    return DataFile(action["path"], day, rows, action["size_bytes"], columns, of_run)


def read_file(folder: Path, file: DataFile, table: Table, schema: pa.Schema) -> pa.Table:
    """Return a file's columns of `schema`, its date among them; null what an older file hasn't."""
    with damage.named(folder / file.path), pq.ParquetFile(folder / file.path) as parquet:
        body = parquet.read(_present(parquet, schema), use_threads=False)
        return _as_declared(body, parquet.metadata.num_rows, file, table, schema)


def read_pieces(
    folder: Path, file: DataFile, table: Table, schema: pa.Schema, most_rows: int
) -> Iterator[pa.Table]:
    """Read a file as `read_file` does, `most_rows` rows at a time."""
    with damage.named(folder / file.path), pq.ParquetFile(folder / file.path) as parquet:
        names = _present(parquet, schema)
        for batch in parquet.iter_batches(most_rows, columns=names, use_threads=False):
            body = pa.Table.from_batches([batch])
            yield _as_declared(body, batch.num_rows, file, table, schema)


def _present(parquet: pq.ParquetFile, schema: pa.Schema) -> list[str]:
    return [name for name in schema.names if name in parquet.schema_arrow.names]


def _as_declared(
    body: pa.Table, rows: int, file: DataFile, table: Table, schema: pa.Schema
) -> pa.Table:
    partition = dict(zip(table.partitioned_by, (file.day, file.run_id), strict=False))

    def column(field: pa.Field) -> pa.ChunkedArray | pa.Array:
        if field.name in partition:
            return pa.repeat(pa.scalar(partition[field.name], field.type), rows)
        if field.name in body.column_names:
            return body[field.name].cast(field.type)
        return pa.nulls(rows, field.type)

    return pa.table([column(field) for field in schema], schema=schema)
