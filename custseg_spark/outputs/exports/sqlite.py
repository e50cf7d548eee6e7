"""SQLite target: staged in a file beside the database, published by one transaction."""

import errno
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from custseg_spark.errors import (
    ConfigurationError,
    ConflictError,
    CustsegError,
    ResourceError,
    TargetError,
)
from custseg_spark.outputs.exports import staging, views
from custseg_spark.outputs.exports.dialects import SQLITE
from custseg_spark.outputs.exports.layout import ReportTable, in_seconds
from custseg_spark.outputs.exports.loading import Query
from custseg_spark.paths import Remote, place

_PREFIX = "sqlite:///"
# How long to wait for other writers, and for readers of a database that isn't in WAL mode.
_LOCK_WAIT_S = 60.0


@dataclass(frozen=True)
class SqliteDatabase:
    """A database file; it is created if missing."""

    path: Path
    dialect = SQLITE

    @classmethod
    def of(cls, text: str) -> "SqliteDatabase":
        """Parse `sqlite:///FILE`; a path from the root has four slashes."""
        path = text.removeprefix(_PREFIX)
        if path == text or not path:
            raise ConfigurationError(
                f"--to {text}: expected sqlite:///FILE, or sqlite:////FILE for a path from the root"
            )
        file = place(path)
        if isinstance(file, Remote):
            raise ConfigurationError(f"--to {text}: SQLite writes to a path of this machine only")
        return cls(file)

    @property
    def shown(self) -> str:
        """The database as text."""
        return str(self.path)

    @contextmanager
    def opened(self) -> Iterator["SqliteLoading"]:
        """Open a loading in a file beside the database; ConflictError if another is under way."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            _check(self.path)
            with (
                staging.locked_folder(self.path) as folder,
                closing(_staging_database(folder)) as staged,
            ):
                yield SqliteLoading(staged, self.path)
        except sqlite3.Error as error:
            raise _explained(error, self.path) from error
        except OSError as error:
            if error.errno == errno.ENOSPC:
                raise
            raise TargetError(f"{self.path} can't be written: {error.strerror}") from error

    @contextmanager
    def queried(self) -> Iterator[Query]:
        """Open a function that answers queries, all as of one moment; nothing is written."""
        if not self.path.is_file():
            raise TargetError(f"{self.path} isn't there")
        address = self.path.absolute().as_uri() + "?mode=ro"
        try:
            with closing(sqlite3.connect(address, uri=True, timeout=_LOCK_WAIT_S)) as connection:
                connection.execute("BEGIN")
                yield lambda query: connection.execute(query).fetchall()
        except sqlite3.Error as error:
            raise _explained(error, self.path) from error


def _check(target: Path) -> None:
    """Read the target's first page, if there is one: the file may be something else."""
    if target.exists():
        with closing(sqlite3.connect(target, timeout=_LOCK_WAIT_S)) as connection:
            connection.execute("PRAGMA schema_version").fetchone()


def _staging_database(folder: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(folder / "staged.db", isolation_level=None)
    # Nobody else reads it, and it is discarded after a crash.
    connection.execute("PRAGMA main.locking_mode = EXCLUSIVE")
    connection.execute("PRAGMA main.journal_mode = OFF")
    connection.execute("PRAGMA main.synchronous = OFF")
    connection.execute("PRAGMA busy_timeout = " + str(int(_LOCK_WAIT_S * 1000)))
    return connection


@dataclass
class SqliteLoading:
    """An export in progress into a SQLite database."""

    connection: sqlite3.Connection
    target: Path
    staged: list[ReportTable] = field(default_factory=list)

    def stage(self, table: ReportTable, batches: Iterator[pa.RecordBatch]) -> int:
        """Stage the rows of a table; return their number."""
        self.connection.execute(_create(table, "main"))
        marks = ", ".join("?" * len(table.columns))
        insert = "INSERT INTO main." + _quoted(table.name) + " VALUES (" + marks + ")"
        rows = 0
        self.connection.execute("BEGIN")
        for batch in batches:
            self.connection.executemany(insert, zip(*map(_values, batch.columns), strict=True))
            rows += batch.num_rows
        self.connection.execute("COMMIT")
        self.staged.append(table)
        return rows

    def publish(self) -> None:
        """Replace the rows of the staged tables in one transaction of the target.

        Rows are deleted and inserted, so that the table keeps its indexes, triggers and views.
        """
        self.connection.execute("ATTACH ? AS target", (str(self.target.absolute()),))
        self.connection.execute("BEGIN IMMEDIATE")
        for table in self.staged:
            self._replace(table)
        self.connection.execute("COMMIT")
        self.connection.execute("DETACH target")

    def _replace(self, table: ReportTable) -> None:
        name, names = _quoted(table.name), list(table.columns)
        existing = self.connection.execute("PRAGMA target.table_info(" + name + ")").fetchall()
        if not existing:
            self.connection.execute(_create(table, "target"))
            for columns in table.indexes:
                self.connection.execute(_create_index(table, columns))
        elif lacking := [n for n in names if n not in {row[1] for row in existing}]:
            raise TargetError(
                f"{self.target}: the table {table.name} there lacks {', '.join(lacking)}; it is an"
                " older version's or something else: rename or drop it"
            )
        view = views.statement(table, SQLITE, "CREATE VIEW IF NOT EXISTS ", "target.")
        if view:
            self.connection.execute(view)
        self.connection.execute("DELETE FROM target." + name)
        # In the order of the key, so that the table's tree grows only at its end.
        into = "INSERT INTO target." + name + _listed(names)
        self.connection.execute(into + " SELECT * FROM main." + name)


def _create(table: ReportTable, schema: str) -> str:
    """Create a table. Keys are text, so rows are stored in the key's own tree (WITHOUT ROWID)."""
    columns = [
        " ".join([_quoted(name), _type(type_), "NOT NULL" if name in table.key else ""])
        for name, type_ in table.columns.items()
    ]
    key = "PRIMARY KEY " + _listed(table.key)
    name = schema + "." + _quoted(table.name)
    return " ".join(["CREATE TABLE", name, "(", ", ".join([*columns, key]), ") WITHOUT ROWID"])


def _create_index(table: ReportTable, columns: Sequence[str]) -> str:
    name = "target." + _quoted("_".join([table.name, *columns]))
    return " ".join(["CREATE INDEX", name, "ON", _quoted(table.name), _listed(columns)])


_TYPES = {
    "string": "TEXT",
    "date": "DATE",
    "timestamp": "TIMESTAMP",
    "double": "REAL",
    "int": "INTEGER",
    "bigint": "INTEGER",
    "boolean": "INTEGER",
}


def _type(type_: str) -> str:
    """Return a type's declared name.

    Money is REAL: as NUMERIC, 12.00 would be the integer 12, and 12 / 5 would be 2.
    """
    return _TYPES.get(type_, "REAL")


def _values(column: pa.Array) -> list[object]:
    """Convert a column for SQLite: dates and times as ISO text, money as doubles."""
    if pa.types.is_date(column.type):
        column = column.cast(pa.string())
    elif pa.types.is_timestamp(column.type):
        # SQLite's own functions read this form; they assume UTC.
        column = pc.strftime(in_seconds(column), "%Y-%m-%d %H:%M:%S")
    elif pa.types.is_decimal(column.type):
        # Through text, because Arrow's own cast multiplies: 105.49 becomes 105.49000000000001.
        column = column.cast(pa.string()).cast(pa.float64())
    values: list[object] = column.to_pylist()
    return values


def _listed(names: Sequence[str]) -> str:
    return "(" + ", ".join(map(_quoted, names)) + ")"


def _quoted(identifier: str) -> str:
    return '"' + identifier.replace('"', '""') + '"'


def _explained(error: sqlite3.Error, target: Path) -> CustsegError:
    text = str(error)
    if "disk is full" in text:
        return ResourceError(f"{target}: {text}")
    if "locked" in text or "busy" in text:
        return ConflictError(f"{target} is locked by another process (waited {_LOCK_WAIT_S:.0f} s)")
    return TargetError(f"{target}: {text}")
