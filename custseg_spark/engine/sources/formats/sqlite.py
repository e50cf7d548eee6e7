"""SQLite tables as records: every value as the text that SQLite itself makes of it.

Python's own driver reads, because JDBC corrupts silently (it reads INTEGER as 32 bits and text in
a REAL column as 0.0). Tasks read a snapshot, in ranges of rowids.
"""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import polars as pl
import pyarrow as pa

from custseg_spark.config.mappings import MappingFile
from custseg_spark.core.events.float_texts import LARGEST_WHOLE
from custseg_spark.core.events.records import Records
from custseg_spark.core.events.tables import table_records
from custseg_spark.core.mappings.mapping import SourceMapping
from custseg_spark.engine.sources.columns import check_columns
from custseg_spark.engine.sources.discovery.files import SourceFile
from custseg_spark.engine.sources.formats.sqlite_files import (
    explained,
    open_read_only,
    opened_outside,
)
from custseg_spark.errors import InputError, nearest

ROWS_PER_PARTITION = 250_000
# For tasks of about one size.
_BYTES_PER_ROW = 128
_LARGEST_ROWID = (1 << 63) - 1


@dataclass(frozen=True)
class SqliteFile:
    """A snapshot of a database, with the table to read and its columns in order."""

    file: SourceFile
    file_id: str
    snapshot: Path
    table: str
    columns: tuple[str, ...]
    physical_records: int
    rowid: str | None
    range_starts: tuple[int, ...]


def inspect(file: SourceFile, file_id: str, mapping: MappingFile, staging: Path) -> SqliteFile:
    """Return a checked snapshot of the database.

    The snapshot is taken by SQLite's backup, so that concurrent reads see one state and no writer
    is held up. Raises InputError for a locked or damaged database, or an absent table or column.
    """
    staging.mkdir(parents=True, exist_ok=True)
    snapshot = staging / f"{file_id}.sqlite"
    try:
        with (
            opened_outside(file.data, staging) as source,
            closing(sqlite3.connect(snapshot)) as copy,
        ):
            # The backup would wait for a lock forever; a transaction waits, and then holds it off.
            source.execute("BEGIN")
            source.execute("SELECT count(*) FROM sqlite_master").fetchone()
            source.backup(copy)
        with closing(open_read_only(snapshot)) as connection:
            return _describe(connection, file, file_id, snapshot, mapping)
    except sqlite3.DatabaseError as error:
        raise InputError(f"{file.path}: {explained(error)}") from error


def _describe(
    connection: sqlite3.Connection,
    file: SourceFile,
    file_id: str,
    snapshot: Path,
    mapping: MappingFile,
) -> SqliteFile:
    verdict = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
    if verdict != b"ok":
        raise InputError(
            f"{file.path}: the database is damaged: {verdict.decode(errors='replace')}"
        )
    table = mapping.table
    _check_table(connection, file, table)
    columns = _columns(connection, table)
    check_columns(columns, mapping, f"{file.path}: table '{table}'")
    records = connection.execute("SELECT count(*) FROM " + _quoted(table)).fetchone()[0]
    rowid = _rowid_name(connection, table, columns)
    starts = tuple(_range_starts(connection, table, rowid)) if rowid else ()
    return SqliteFile(file, file_id, snapshot, table, columns, records, rowid, starts)


def _check_table(connection: sqlite3.Connection, file: SourceFile, table: str) -> None:
    tables = _tables(connection)
    if table not in tables:
        raise InputError(f"{file.path}: there is no table '{table}'{nearest(table, tables)}")


def _tables(connection: sqlite3.Connection) -> list[str]:
    query = (
        "SELECT name FROM sqlite_master WHERE type IN ('table', 'view')"
        " AND name NOT LIKE 'sqlite_%' ORDER BY name"
    )
    return [row[0].decode(errors="replace") for row in connection.execute(query)]


def _columns(connection: sqlite3.Connection, table: str) -> tuple[str, ...]:
    rows = connection.execute("SELECT name FROM pragma_table_info(?)", (table,))
    return tuple(row[0].decode() for row in rows)


def first_rows(
    file: SourceFile, table: str, most: int
) -> tuple[str, tuple[str, ...], list[tuple[str | None, ...]]]:
    """A table, its columns and at most so many of its rows as text; without a name, the longest.

    Raises InputError as `inspect` does.
    """
    try:
        with TemporaryDirectory() as folder, opened_outside(file.data, Path(folder)) as connection:
            tables = _tables(connection)
            table = table or max(tables, key=lambda t: _length(connection, t), default="")
            _check_table(connection, file, table)
            columns = _columns(connection, table)
            values = ", ".join("CAST(" + _quoted(c) + " AS TEXT)" for c in columns)
            query = "SELECT " + values + " FROM " + _quoted(table) + " LIMIT ?"
            rows = [
                tuple(v if v is None else v.decode(errors="replace") for v in row)
                for row in connection.execute(query, (most,))
            ]
            return table, columns, rows
    except sqlite3.DatabaseError as error:
        raise InputError(f"{file.path}: {explained(error)}") from error


def _length(connection: sqlite3.Connection, table: str) -> int:
    """Return the largest rowid, as counting would read the whole table; 0 where there are none."""
    rowid = _rowid_name(connection, table, _columns(connection, table))
    if rowid is None:
        return 0
    return int(connection.execute(f"SELECT max({rowid}) FROM " + _quoted(table)).fetchone()[0])


def _rowid_name(connection: sqlite3.Connection, table: str, columns: Sequence[str]) -> str | None:
    """Return the name by which the rowid goes; null for a view and a table without rowids."""
    taken = {c.lower() for c in columns}
    for name in ("rowid", "_rowid_", "oid"):
        if name not in taken:
            break
    else:
        return None
    try:
        low = connection.execute(f"SELECT min({name}) FROM " + _quoted(table)).fetchone()[0]
    except sqlite3.OperationalError:
        return None
    return name if isinstance(low, int) else None


def _range_starts(connection: sqlite3.Connection, table: str, rowid: str) -> Iterator[int]:
    """The rowids with which the ranges begin: equal numbers of rows, however wide the gaps."""
    rows = f"SELECT {rowid} FROM " + _quoted(table)
    following = connection.execute(rows + f" ORDER BY {rowid} LIMIT 1").fetchone()
    jump = rows + f" WHERE {rowid} >= ? ORDER BY {rowid} LIMIT 1 OFFSET {ROWS_PER_PARTITION}"
    while following is not None:
        yield following[0]
        following = connection.execute(jump, following).fetchone()


def _quoted(identifier: str) -> str:
    """Return an SQLite identifier: names can't be bound as parameters."""
    return '"' + identifier.replace('"', '""') + '"'


@dataclass(frozen=True)
class SqlitePiece:
    """A range of rowids of a snapshot; the whole table where it has none."""

    file_id: str
    source_file: str
    snapshot: Path
    table: str
    columns: tuple[str, ...]
    rowid: str | None
    bounds: tuple[int, int] | None

    @property
    def size(self) -> int:
        return _BYTES_PER_ROW * ROWS_PER_PARTITION

    def records(self, mapping: SourceMapping) -> Iterator[Records]:
        """`source_row` is the rowid, or the row's place without one."""
        with closing(open_read_only(self.snapshot)) as connection:
            values = [_as_text(connection, self.table, c) for c in self.columns]
            quick = self._joined(connection, values) if self.bounds else None
            if quick is not None:
                yield quick
            else:
                yield from self._row_by_row(connection, values)

    def _joined(self, connection: sqlite3.Connection, values: Sequence[str]) -> Records | None:
        """Return the range in one text that SQLite joins, a fifth of the time that its rows take.

        None where a value holds what stands between values or rows, or isn't UTF-8.
        """
        line = " || char(31) || ".join(["CAST(r AS TEXT)", *(f"ifnull({v}, '')" for v in values)])
        query = (
            "SELECT count(*), group_concat(line, char(10)) FROM (SELECT "
            + line.replace("CAST(r AS TEXT)", f"CAST({self.rowid} AS TEXT)")
            + " AS line"
            + self._where()
            + ")"
        )
        rows, text = connection.execute(query, self.bounds or ()).fetchone()
        if not rows or text.count(b"\n") != rows - 1 or text.count(b"\x1f") != rows * len(values):
            return None
        names = ["source_row", *(f"c{i}" for i in range(len(values)))]
        try:
            frame = pl.read_csv(
                text,
                has_header=False,
                separator="\x1f",
                quote_char=None,
                schema=dict.fromkeys(names, pl.String),
            )
        except pl.exceptions.ComputeError:
            return None
        if len(frame) != rows:
            return None
        numbers = frame["source_row"].cast(pl.Int64).to_numpy()
        table = frame.drop("source_row").rename(dict(zip(names[1:], self.columns, strict=True)))
        return table_records(table.to_arrow(compat_level=pl.CompatLevel.oldest()), numbers)

    def _row_by_row(
        self, connection: sqlite3.Connection, values: Sequence[str]
    ) -> Iterator[Records]:
        first = self.rowid or "NULL"
        query = "SELECT " + ", ".join([first, *values]) + self._where()
        cursor = connection.execute(query, self.bounds or ())
        number = 0
        while rows := cursor.fetchmany(ROWS_PER_PARTITION):
            columns = list(zip(*rows, strict=True))
            places = columns[0] if self.bounds else range(number + 1, number + len(rows) + 1)
            number += len(rows)
            arrays = [pa.array(c, type=pa.binary()).view(pa.string()) for c in columns[1:]]
            table = pa.Table.from_arrays(arrays, names=list(self.columns))
            yield table_records(table, np.array(places, np.int64))

    def _where(self) -> str:
        """Return the table, its range of rowids and their order; the bounds are bound later."""
        if self.rowid is None:
            return " FROM " + _quoted(self.table)
        condition = f" WHERE {self.rowid} BETWEEN ? AND ? ORDER BY {self.rowid}"
        return " FROM " + _quoted(self.table) + condition


def pieces(source: SqliteFile) -> list[SqlitePiece]:
    """Return the ranges of the snapshot's rows."""
    starts = source.range_starts
    ranges: list[tuple[int, int] | None] = [None]
    if source.rowid is not None:
        ranges = list(zip(starts, [*(s - 1 for s in starts[1:]), _LARGEST_ROWID], strict=True))
    return [
        SqlitePiece(
            source.file_id,
            source.file.name,
            source.snapshot,
            source.table,
            source.columns,
            source.rowid,
            bounds,
        )
        for bounds in ranges
    ]


def _as_text(connection: sqlite3.Connection, table: str, column: str) -> str:
    """The SELECT of a column's values as text: a whole number without a point, whatever its type.

    A column of integers with gaps is written as REAL by many programs: 17850.0 is 17850.
    """
    name = _quoted(column)
    query = "SELECT type FROM pragma_table_info(?) WHERE name = ?"
    row = connection.execute(query, (table, column)).fetchone()
    declared = row[0].decode().upper() if row and row[0] else ""
    if "INT" in declared or any(word in declared for word in ("CHAR", "CLOB", "TEXT")):
        return "CAST(" + name + " AS TEXT)"
    whole = "typeof(" + name + ") = 'real' AND " + name + " = CAST(" + name + " AS INTEGER)"
    return (
        "CASE WHEN " + whole + " AND abs(" + name + f") <= {LARGEST_WHOLE}"
        " THEN CAST(CAST(" + name + " AS INTEGER) AS TEXT)"
        # By itself SQLite writes fifteen digits of the seventeen that tell a double.
        " WHEN typeof(" + name + ") = 'real' AND abs(" + name + f") > {LARGEST_WHOLE}"
        " THEN printf('%!.17g', " + name + ") ELSE CAST(" + name + " AS TEXT) END"
    )
