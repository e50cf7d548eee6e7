"""Every Delta read and write: by path or by catalog name, nobody else knows which."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date
from typing import Any, TypeVar
from uuid import uuid4

# Delta 4.0 gives its conflicts to Python by name only once this has been imported.
import delta.exceptions.captured  # noqa: F401
from delta import exceptions as delta_errors
from delta.tables import DeltaTable
from pyspark import inheritable_thread_target
from pyspark.errors import AnalysisException
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from custseg_spark.config.settings import LakeConfig
from custseg_spark.errors import ConfigurationError, ConflictError, InputError, nearest
from custseg_spark.paths import place, spark_uri
from custseg_spark.schemas import Table, conform

T = TypeVar("T")

_STATISTICS = "delta.dataSkippingStatsColumns"

_CONFLICTS = (
    delta_errors.DeltaConcurrentModificationException,
    delta_errors.ConcurrentAppendException,
    delta_errors.ConcurrentDeleteReadException,
    delta_errors.ConcurrentDeleteDeleteException,
    delta_errors.ConcurrentWriteException,
    delta_errors.MetadataChangedException,
    delta_errors.ProtocolChangedException,
    delta_errors.ConcurrentTransactionException,
)

_APPENDS = "custseg-spark"
_MAINTENANCE = ("OPTIMIZE", "VACUUM START", "VACUUM END")


@dataclass(frozen=True)
class Commit:
    """A version of a table: what made it, and what its writer noted."""

    version: int
    operation: str
    note: str | None

    @property
    def wrote(self) -> bool:
        """Whether rows may have changed."""
        return self.operation not in _MAINTENANCE


@dataclass(frozen=True)
class Lake:
    """The tables of one lake."""

    spark: SparkSession
    config: LakeConfig

    def name(self, table: Table) -> str:
        """Where a table is, as a person would write it."""
        if self.config.catalog:
            # Delta's own table API takes two parts of the session's catalog, three of others.
            return f"{self.config.catalog.removeprefix('spark_catalog.')}.{table.name}"
        return f"{self.config.path.rstrip('/')}/{table.name}"

    @property
    def models_path(self) -> str:
        """The folder of the saved models, beside the tables."""
        return f"{self._root}/models"

    def model_path(self, name: str) -> str:
        """The folder of a model by its name in `runs`, which is below `models_path`: a lake may be
        moved. Of old runs the name is the whole path."""
        is_whole = name.startswith("/") or ":" in name
        return name if is_whole else f"{self.models_path}/{name}"

    @property
    def _root(self) -> str:
        """The lake's folder."""
        return spark_uri(place(self.config.path)).rstrip("/")

    def _path(self, table: Table) -> str:
        return f"{self._root}/{table.name}"

    def exists(self, table: Table) -> bool:
        """Whether the table has been created."""
        if self.config.catalog:
            return bool(self.spark.catalog.tableExists(self.name(table)))
        return bool(DeltaTable.isDeltaTable(self.spark, self._path(table)))

    def read(self, table: Table) -> DataFrame:
        """The table as it is now. Raises InputError where there is none."""
        try:
            if self.config.catalog:
                return self.spark.read.table(self.name(table))
            return self.spark.read.format("delta").load(self._path(table))
        except AnalysisException as error:
            raise InputError(f"there is no table {self.name(table)}; run ingest first") from error

    def read_or_empty(self, table: Table) -> DataFrame:
        """The table as it is now; its columns without a row where there is none."""
        if self.exists(table):
            return self.read(table)
        return self.spark.createDataFrame([], table.schema)

    def create(self, tables: Sequence[Table]) -> None:
        """Creates the tables that don't exist: two first writers must not race to create one.

        Raises ConfigurationError for a schema that isn't there: a mistyped one mustn't be made.
        """
        schema = self.config.catalog
        if schema and not self.spark.catalog.databaseExists(schema):
            known = [database.name for database in self.spark.catalog.listDatabases()]
            raise ConfigurationError(
                f"lake.catalog: there is no schema {schema}"
                f"{nearest(schema.rpartition('.')[2], known)} (CREATE SCHEMA {schema} makes it)"
            )
        self._side_by_side(self._create, tables)

    def _create(self, table: Table) -> None:
        if self.exists(table):
            lacking = set(table.schema.names).difference(self.read(table).columns)
            if lacking:
                raise InputError(
                    f"{self.name(table)} was made by an older version and lacks the columns"
                    f" {', '.join(sorted(lacking))}; make a new lake of the sources"
                )
        else:
            builder = DeltaTable.createIfNotExists(self.spark).addColumns(table.schema)
            builder = (
                builder.tableName(self.name(table))
                if self.config.catalog
                else builder.location(self._path(table))
            )
            if table.partitioned_by:
                builder = builder.partitionedBy(*table.partitioned_by)
            if table.statistics:
                builder = builder.property(_STATISTICS, ",".join(table.statistics))
            _or_conflict(builder.execute, self.name(table))

    def appender(self, tables: Sequence[Table]) -> "Appender":
        """Appends to these tables, for a run that begins now."""
        return Appender(self, dict(self.versions(tables)))

    def upsert(self, df: DataFrame, table: Table, key: str) -> None:
        """Each row in place of the one with its key, or beside the others; keys must differ."""
        same = F.col(f"old.{key}") == F.col(f"new.{key}")
        merge = (
            self._delta(table)
            .alias("old")
            .merge(conform(df, table.schema).alias("new"), same)
            .whenMatchedUpdateAll()
            .whenNotMatchedInsertAll()
        )
        _or_conflict(merge.execute, self.name(table))

    def replace_dates(
        self, df: DataFrame, table: Table, dates: Sequence[date], *, as_of: int | None = None
    ) -> None:
        """Replaces the given dates of the table's date partition atomically, all others stay.

        A row of another date is refused by Delta. No dates is a mistake: it would replace nothing
        and hide it. With `as_of`, the version of the table that `df` was made from, a table that
        has moved on since is a ConflictError; Delta itself sees only what comes after this call.
        """
        if not dates:
            raise ValueError(f"no dates to replace in {table.name}")
        if as_of is not None and self.version(table) != as_of:
            raise _conflict(self.name(table))
        column = table.partitioned_by[0]
        listed = ", ".join(f"'{d.isoformat()}'" for d in sorted(set(dates)))
        self.write(df, table, "overwrite", {"replaceWhere": column + " IN (" + listed + ")"})

    def remove_date(self, table: Table, day: date) -> None:
        """Removes a date's rows, where there are any."""
        column = table.partitioned_by[0]
        rows = self.read(table)
        if not rows.where(F.col(column) == F.lit(day)).isEmpty():
            self.replace_dates(rows.where(F.lit(False)), table, [day])

    def replace_date_of_each(self, rows: Mapping[Table, Sequence[Any]], day: date) -> None:
        """Replaces one date in each of several tables by rows that fit on the driver."""

        def replace(table: Table) -> None:
            frame = self.spark.createDataFrame(rows[table], table.schema).coalesce(1)
            self.replace_dates(frame, table, [day])

        self._side_by_side(replace, list(rows))

    def _side_by_side(self, action: Callable[[Table], None], tables: Sequence[Table]) -> None:
        """The action on each table, four at a time: small commits are all waiting."""
        with ThreadPoolExecutor(max_workers=4) as pool:
            list(pool.map(inheritable_thread_target(self.spark)(action), tables))

    def version(self, table: Table) -> int:
        """The table's current version."""
        return int(self._delta(table).history(1).select("version").collect()[0][0])

    def commits(self, table: Table, *, since: int) -> list[Commit]:
        """The commits after a version, the latest first."""
        newer = self.version(table) - since
        if newer <= 0:
            return []
        rows = self._delta(table).history(newer)
        return [Commit(*r) for r in rows.select("version", "operation", "userMetadata").collect()]

    def versions(self, tables: Sequence[Table]) -> Mapping[str, int]:
        """The current version of each table that exists."""
        return {t.name: self.version(t) for t in tables if self.exists(t)}

    def _delta(self, table: Table) -> DeltaTable:
        if self.config.catalog:
            return DeltaTable.forName(self.spark, self.name(table))
        return DeltaTable.forPath(self.spark, self._path(table))

    def write(self, df: DataFrame, table: Table, mode: str, options: Mapping[str, str]) -> None:
        writer = conform(df, table.schema).write.format("delta").mode(mode).options(**options)
        if table.partitioned_by:
            writer = writer.partitionBy(*table.partitioned_by)
        if self.config.catalog:
            _or_conflict(lambda: writer.saveAsTable(self.name(table)), self.name(table))
        else:
            _or_conflict(lambda: writer.save(self._path(table)), self.name(table))


@dataclass(frozen=True)
class Appender:
    """Appends of one run to tables that nobody else adds to between its beginning and its end.

    What a run appends follows from what it read: two that overlap would both add what neither
    saw. Delta itself lets any two appends pass, but not two under one application id: the ids' use
    here. `versions`: of each table by name, when the run began or had appended to it itself.
    """

    lake: Lake
    versions: dict[str, int]

    def append(self, df: DataFrame, table: Table) -> None:
        """Appends the rows. Raises ConflictError where another run has written the table since."""
        known = self.versions[table.name]
        if any(c.wrote for c in self.lake.commits(table, since=known)):
            raise _conflict(self.lake.name(table))
        note = uuid4().hex
        options = {"txnAppId": _APPENDS, "txnVersion": str(known + 1), "userMetadata": note}
        self.lake.write(df, table, "append", options)
        # Delta passes over an append whose place was taken between the look and its beginning.
        own = [c.version for c in self.lake.commits(table, since=known) if c.note == note]
        if not own:
            raise _conflict(self.lake.name(table))
        self.versions[table.name] = own[0]


def _conflict(where: str) -> ConflictError:
    return ConflictError(f"another run wrote {where} meanwhile; its result stands, run again")


def _or_conflict(action: Callable[[], T], where: str) -> T:
    try:
        return action()
    except _CONFLICTS as error:
        raise _conflict(where) from error


def partition_dates(df: DataFrame, column: str) -> list[date]:
    """The distinct values of a date partition column: as many as the log has days."""
    return sorted(row[0] for row in df.select(F.col(column)).distinct().collect())
