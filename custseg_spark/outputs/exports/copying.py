"""PostgreSQL loading: copied into the session's temporary tables, published by one transaction.

It imports psycopg (extra `postgres`), so only `postgresql` imports it, and late.
"""

import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import psycopg
import pyarrow as pa
from psycopg.sql import SQL, Composable, Composed, Identifier, Literal
from pyarrow import csv

from custseg_spark import redaction
from custseg_spark.errors import TargetError
from custseg_spark.outputs.exports import views
from custseg_spark.outputs.exports.dialects import POSTGRESQL
from custseg_spark.outputs.exports.layout import ReportTable

log = redaction.logger()

# How long to wait for another export's transaction, or for a change of the table.
LOCK_WAIT = "60s"
_EXPORTS = int.from_bytes(b"custseg", "big")


@dataclass
class PostgresLoading:
    """An export in progress over one connection in autocommit mode.

    Temporary tables belong to this session alone, cost no write-ahead log, and vanish with the
    connection, even by a kill.
    """

    connection: psycopg.Connection[Any]
    shown: str
    staged: list[ReportTable] = field(default_factory=list)

    def stage(self, table: ReportTable, batches: Iterator[pa.RecordBatch]) -> int:
        """Stage the rows of a table; return their number."""
        create = SQL("CREATE TEMPORARY TABLE {} ({})")
        columns = _listed(_column(table, name) for name in table.columns)
        self.connection.execute(create.format(_staging(table), columns))
        copy, rows = SQL("COPY {} FROM STDIN (FORMAT csv)").format(_staging(table)), 0
        with self.connection.cursor() as cursor, cursor.copy(copy) as sink:
            for batch in batches:
                sink.write(_csv(batch))
                rows += batch.num_rows
        self.staged.append(table)
        return rows

    def publish(self) -> None:
        """Replace the rows of the staged tables in one transaction.

        It uses DELETE, because TRUNCATE would lock readers out until the commit and show an empty
        table to a transaction that began earlier.
        """
        with self.connection.transaction():
            self.connection.execute(SQL("SET LOCAL lock_timeout = {}").format(Literal(LOCK_WAIT)))
            self.connection.execute("SELECT pg_advisory_xact_lock(%s)", (_EXPORTS,))
            for table in self.staged:
                self._create_or_check(table)
            for table in self.staged:
                self._replace(table)
        for table in self.staged:
            self._tidy(table)

    def _create_or_check(self, table: ReportTable) -> None:
        # The search path finds the table, as for every reader.
        existing = self.connection.execute(
            "SELECT attname FROM pg_attribute WHERE attrelid = to_regclass(quote_ident(%s))"
            " AND attnum > 0 AND NOT attisdropped",
            (table.name,),
        ).fetchall()
        if not existing:
            return self._create(table)
        lacking = [n for n in list(table.columns) if (n,) not in existing]
        if lacking:
            raise TargetError(
                f"{self.shown}: the table {table.name} there lacks {', '.join(lacking)}; it is an"
                " older version's or something else: rename or drop it"
            )

    def _create(self, table: ReportTable) -> None:
        view = views.statement(table, POSTGRESQL, "CREATE OR REPLACE VIEW ")
        for statement in (
            POSTGRESQL.create_table(table),
            *POSTGRESQL.create_indexes(table),
            *([view] if view else []),
        ):
            self.connection.execute(statement.encode())

    def _replace(self, table: ReportTable) -> None:
        name, columns = Identifier(table.name), _listed(map(Identifier, list(table.columns)))
        self.connection.execute(SQL("DELETE FROM {}").format(name))
        insert = SQL("INSERT INTO {} ({}) SELECT {} FROM {}")
        self.connection.execute(insert.format(name, columns, columns, _staging(table)))

    def _tidy(self, table: ReportTable) -> None:
        """Reuse the room of the deleted rows, and update the planner's statistics."""
        # Returning the room to the disk would lock readers out; the next export fills it.
        vacuum = SQL("VACUUM (ANALYZE, TRUNCATE false) {}").format(Identifier(table.name))
        try:
            self.connection.execute(vacuum)
        except psycopg.Error as error:
            # The rows are published; autovacuum will clean up later.
            log.warning("%s: no VACUUM of %s: %s", self.shown, table.name, error)


def _staging(table: ReportTable) -> Identifier:
    return Identifier(f"custseg_staging_{table.name}")


def _column(table: ReportTable, name: str) -> Composed:
    type_ = POSTGRESQL.type_of(table, name)
    return SQL("{} {}").format(Identifier(name), SQL(type_))


def _listed(parts: Iterable[Composable]) -> Composed:
    return SQL(", ").join(parts)


def _csv(batch: pa.RecordBatch) -> memoryview:
    """Write CSV for COPY: null is nothing at all, empty text is quoted."""
    buffer = io.BytesIO()
    csv.write_csv(batch, buffer, csv.WriteOptions(include_header=False))
    return buffer.getbuffer()
