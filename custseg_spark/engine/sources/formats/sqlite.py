"""SQLite tables as raw records: every value as the text that SQLite itself makes of it.

Python's own driver reads inside `mapInArrow`, because JDBC corrupts silently (it reads INTEGER
as 32 bits and text in a REAL column as 0.0). Tasks read a snapshot, in ranges of rowids.
"""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from custseg_spark.config.mappings import MappingFile
from custseg_spark.engine.sources.discovery.files import SourceFile
from custseg_spark.engine.sources.raw import RawSource, check_columns, of_table
from custseg_spark.errors import InputError, nearest

ROWS_PER_PARTITION = 250_000
_ROWS_PER_BATCH = 20_000
_LOCK_WAIT_S = 5.0
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
    """A checked snapshot of the database.

    The snapshot is taken by SQLite's backup, so that concurrent reads see one state and no writer
    is held up. Raises InputError for a locked or damaged database, or an absent table or column.
    """
    staging.mkdir(parents=True, exist_ok=True)
    snapshot = staging / f"{file_id}.sqlite"
    try:
        with closing(_open(file.data)) as source, closing(sqlite3.connect(snapshot)) as copy:
            # The backup would wait for a lock forever; a transaction waits, and then holds it off.
            source.execute("BEGIN")
            source.execute("SELECT count(*) FROM sqlite_master").fetchone()
            source.backup(copy)
        with closing(_open(snapshot)) as connection:
            return _describe(connection, file, file_id, snapshot, mapping)
    except sqlite3.DatabaseError as error:
        raise InputError(f"{file.path}: {_explain(error)}") from error


def _open(path: Path) -> sqlite3.Connection:
    """A read-only connection: a plain connect would create a file that is missing."""
    connection = sqlite3.connect(
        f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=_LOCK_WAIT_S
    )
    # Bytes, because text in a SQLite file need not be UTF-8; Spark checks that with the rest.
    connection.text_factory = bytes
    return connection


def _explain(error: sqlite3.DatabaseError) -> str:
    text = str(error)
    if "locked" in text or "busy" in text:
        return f"the database is locked by another process (waited {_LOCK_WAIT_S:.0f} s)"
    return f"the database is damaged or truncated: {text}"


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
    known = _tables(connection)
    if table not in known:
        raise InputError(f"{file.path}: there is no table '{table}'{nearest(table, known)}")


def _tables(connection: sqlite3.Connection) -> list[str]:
    query = (
        "SELECT name FROM sqlite_master WHERE type IN ('table', 'view')"
        " AND name NOT LIKE 'sqlite_%' ORDER BY name"
    )
    return [row[0].decode(errors="replace") for row in connection.execute(query)]


def _columns(connection: sqlite3.Connection, table: str) -> tuple[str, ...]:
    found = connection.execute("SELECT name FROM pragma_table_info(?)", (table,))
    return tuple(row[0].decode() for row in found)


def first_rows(
    file: SourceFile, table: str, most: int
) -> tuple[str, tuple[str, ...], list[tuple[str | None, ...]]]:
    """A table, its columns and at most so many of its rows as text; without a name, the longest.

    Raises InputError as `inspect` does.
    """
    try:
        with closing(_open(file.data)) as connection:
            known = _tables(connection)
            table = table or max(known, key=lambda t: _length(connection, t), default="")
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
        raise InputError(f"{file.path}: {_explain(error)}") from error


def _length(connection: sqlite3.Connection, table: str) -> int:
    """The largest rowid, as counting would read the whole table; 0 where there are none."""
    rowid = _rowid_name(connection, table, _columns(connection, table))
    if rowid is None:
        return 0
    return int(connection.execute(f"SELECT max({rowid}) FROM " + _quoted(table)).fetchone()[0])


def _rowid_name(connection: sqlite3.Connection, table: str, columns: Sequence[str]) -> str | None:
    """The name by which the rowid goes; null for a view and a table without rowids."""
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
    """An SQLite identifier: names can't be bound as parameters."""
    return '"' + identifier.replace('"', '""') + '"'


def read(spark: SparkSession, source: SqliteFile, mapping: MappingFile) -> RawSource:
    """Raw records of the snapshot; `source_row` is the rowid, or the row's place without one."""
    bounds = _ranges(source)
    query = _query(source)
    snapshot = str(source.snapshot)
    names = [f"c{i}" for i in range(len(source.columns))]
    arrow_schema = pa.schema([("source_row", pa.int64()), *[(n, pa.binary()) for n in names]])

    def fetch(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            for index in batch.column(0).to_pylist():
                yield from _fetch_range(snapshot, query, bounds[index], arrow_schema)

    spark_schema = "source_row bigint, " + ", ".join(f"{n} binary" for n in names)
    ranges = spark.range(0, len(bounds), 1, numPartitions=len(bounds))
    table = ranges.mapInArrow(fetch, spark_schema)
    return _to_raw(table, source, mapping)


def _ranges(source: SqliteFile) -> list[tuple[int, int] | None]:
    if source.rowid is None:
        return [None]
    starts = source.range_starts
    return list(zip(starts, [*(s - 1 for s in starts[1:]), _LARGEST_ROWID], strict=True))


def _query(source: SqliteFile) -> str:
    """The SELECT of all columns as text; the rowid range, if there is one, is bound later."""
    values = ", ".join("CAST(" + _quoted(c) + " AS TEXT)" for c in source.columns)
    table, rowid = _quoted(source.table), source.rowid
    if rowid is None:
        return f"SELECT NULL, {values} FROM {table}"
    return f"SELECT {rowid}, {values} FROM {table} WHERE {rowid} BETWEEN ? AND ? ORDER BY {rowid}"


def _fetch_range(
    snapshot: str, query: str, bounds: tuple[int, int] | None, schema: pa.Schema
) -> Iterator[pa.RecordBatch]:
    with closing(_open(Path(snapshot))) as connection:
        cursor = connection.execute(query, bounds or ())
        number = 0
        while rows := cursor.fetchmany(_ROWS_PER_BATCH):
            columns = list(zip(*rows, strict=True))
            if bounds is None:
                columns[0] = tuple(range(number + 1, number + len(rows) + 1))
            number += len(rows)
            yield pa.RecordBatch.from_arrays(
                [pa.array(c, type=f.type) for c, f in zip(columns, schema, strict=True)],
                schema=schema,
            )


def _to_raw(table: DataFrame, source: SqliteFile, mapping: MappingFile) -> RawSource:
    texts = {name: F.col(f"c{i}").cast("string") for i, name in enumerate(source.columns)}
    valid = F.lit(True)
    for text in texts.values():
        valid = valid & F.coalesce(F.is_valid_utf8(text), F.lit(True))
    defect = F.when(~valid, "invalid_utf8")
    return of_table(table, texts, defect, source.file, source.file_id, mapping)
