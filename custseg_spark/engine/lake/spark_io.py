"""Delta tables read and written by Spark: by path or by catalog name, with its own credentials."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date
from uuid import uuid4

import pyarrow as pa
from delta.tables import DeltaTable
from pyspark import inheritable_thread_target
from pyspark.errors import AnalysisException
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.types import StructType

from custseg_spark.config.settings import LakeConfig
from custseg_spark.engine.lake.columns import Table
from custseg_spark.engine.lake.ddl import ddl, ddl_type
from custseg_spark.engine.lake.files import DataFile
from custseg_spark.engine.lake.format import FORMAT, FORMAT_PROPERTY
from custseg_spark.engine.lake.spark_conflicts import Commit, conflict, or_conflict, require_known
from custseg_spark.engine.spark.session import settings
from custseg_spark.errors import ConfigurationError, ConflictError, InputError, nearest
from custseg_spark.paths import place, spark_uri

_STATISTICS = "delta.dataSkippingStatsColumns"
_APPENDS = "custseg-spark"
# Paths of files as they are: a bracket in one is no pattern.
_FILES = {"__globPaths__": "false"}
# Beyond 32 files Spark looks at them by a job with a task for each.
_LISTED_HERE = {"spark.sql.sources.parallelPartitionDiscovery.threshold": "1000"}


@dataclass(frozen=True)
class SparkLake:
    """The tables of one lake, as Spark reaches them."""

    spark: SparkSession
    config: LakeConfig

    def name(self, table: Table) -> str:
        """Where a table is, as a person would write it."""
        if self.config.catalog:
            # Delta's own table API takes two parts of the session's catalog, three of others.
            return f"{self.config.catalog.removeprefix('spark_catalog.')}.{table.name}"
        return f"{self.config.path.rstrip('/')}/{table.name}"

    @property
    def root(self) -> str:
        """The lake's folder."""
        return spark_uri(place(self.config.path)).rstrip("/")

    def _path(self, table: Table) -> str:
        return f"{self.root}/{table.name}"

    def exists(self, table: Table) -> bool:
        """Whether the table has been created."""
        if self.config.catalog:
            return bool(self.spark.catalog.tableExists(self.name(table)))
        return bool(DeltaTable.isDeltaTable(self.spark, self._path(table)))

    def existing(self, tables: Iterable[Table]) -> list[Table]:
        """Those of the tables that have been created."""
        return [table for table in tables if self.exists(table)]

    def read(self, table: Table, version: int | None = None) -> DataFrame:
        """The table as it is now, or as of a version; columns that an older version didn't write
        are null. Raises InputError where there is none.
        """
        return with_later_columns(self._at_version(table, version), table)

    def _at_version(self, table: Table, version: int | None = None) -> DataFrame:
        reader = self.spark.read.format("delta")
        if version is not None:
            reader = reader.option("versionAsOf", version)
        try:
            if self.config.catalog:
                return reader.table(self.name(table))
            return reader.load(self._path(table))
        except AnalysisException as error:
            raise InputError(f"there is no table {self.name(table)}; run ingest first") from error

    def create(self, tables: Sequence[Table]) -> None:
        """Create the tables that don't exist: two first writers must not race to create one.

        Raises ConfigurationError for a schema that isn't there: a mistyped one mustn't be made.
        """
        schema = self.config.catalog
        if schema and not self.spark.catalog.databaseExists(schema):
            names = [database.name for database in self.spark.catalog.listDatabases()]
            raise ConfigurationError(
                f"lake.catalog: there is no schema {schema}"
                f"{nearest(schema.rpartition('.')[2], names)} (CREATE SCHEMA {schema} makes it)"
            )
        self.side_by_side(self._create, tables)

    def _create(self, table: Table) -> None:
        if self.exists(table):
            lacking = set(table.schema.names).difference(self._at_version(table).columns)
            if lacking:
                raise InputError(
                    f"{self.name(table)} was made by an older version and lacks the columns"
                    f" {', '.join(sorted(lacking))}; make a new lake of the sources"
                )
            return
        builder = DeltaTable.createIfNotExists(self.spark).addColumns(spark_schema(table))
        builder = (
            builder.tableName(self.name(table))
            if self.config.catalog
            else builder.location(self._path(table))
        )
        if table.partitioned_by:
            builder = builder.partitionedBy(*table.partitioned_by)
        if table.statistics:
            builder = builder.property(_STATISTICS, ",".join(table.statistics))
        builder = builder.property(FORMAT_PROPERTY, FORMAT)
        try:
            or_conflict(builder.execute, self.name(table))
        except (AnalysisException, ConflictError) as error:
            # Another run made it meanwhile, with the properties of its own way of IO.
            if not self.exists(table):
                if self.config.catalog:
                    require_known(error, self.name(table))
                raise
            self._create(table)

    def upsert(self, rows: DataFrame, table: Table, key: str) -> None:
        """Each row in place of the one with its key, or beside the others; keys must differ."""
        same = F.col(f"old.{key}") == F.col(f"new.{key}")
        merge = (
            self._delta(table)
            .alias("old")
            .merge(conform(rows, spark_schema(table)).alias("new"), same)
            .whenMatchedUpdateAll()
            .whenNotMatchedInsertAll()
        )
        or_conflict(merge.execute, self.name(table))

    def replace_dates(
        self, rows: DataFrame, table: Table, dates: Sequence[date], read_version: int | None
    ) -> None:
        """Replace the given dates of the table's date partition atomically, all others stay.

        A row of another date is refused by Delta. With a `read_version` a table that has moved on
        since is a ConflictError; Delta itself sees only what comes after this call.
        """
        if read_version is not None and self.version(table) != read_version:
            raise conflict(self.name(table))
        column = table.partitioned_by[0]
        listed = ", ".join(f"'{d.isoformat()}'" for d in sorted(set(dates)))
        self.write(rows, table, "overwrite", {"replaceWhere": column + " IN (" + listed + ")"})

    def append(self, rows: DataFrame, table: Table, read_version: int) -> int:
        """Append the rows; return the new version.

        Raises ConflictError where another run has written the table since `read_version`. Delta
        itself lets any two appends pass, but not two under one application id: the ids' use here.
        """
        if any(c.wrote for c in self.commits(table, since=read_version)):
            raise conflict(self.name(table))
        note = uuid4().hex
        options = {"txnAppId": _APPENDS, "txnVersion": str(read_version + 1), "userMetadata": note}
        self.write(rows, table, "append", options)
        # Delta passes over an append whose place was taken between the look and its beginning.
        versions = [c.version for c in self.commits(table, since=read_version) if c.note == note]
        if not versions:
            raise conflict(self.name(table))
        return versions[0]

    def append_own(self, rows: DataFrame, table: Table, note: str) -> None:
        """Append rows that are this run's own, which no other run writes or reads."""
        self.write(rows, table, "append", {"userMetadata": note})

    def replace_date_once(
        self, rows: DataFrame, table: Table, day: date, read_version: int, note: str
    ) -> None:
        """Replace a date of a table in which nobody else has written any since `read_version`.

        Raises ConflictError. Two replacements under one application id conflict in Delta itself,
        also where the second begins when the first is through: it is passed over.
        """
        self.require_version(table, read_version)
        column = table.partitioned_by[0]
        options = {
            "replaceWhere": column + " = '" + day.isoformat() + "'",
            "txnAppId": _APPENDS,
            "txnVersion": str(read_version + 1),
            "userMetadata": note,
        }
        self.write(rows, table, "overwrite", options)
        if not any(c.note == note for c in self.commits(table, since=read_version)):
            raise conflict(self.name(table))

    def require_version(self, table: Table, version: int) -> None:
        """Raise ConflictError where the table was written since a version."""
        if any(c.wrote for c in self.commits(table, since=version)):
            raise conflict(self.name(table))

    def compact(self, table: Table) -> int:
        """Put the table's small files together; return their number."""
        [row] = self._delta(table).optimize().executeCompaction().collect()
        return int(row["metrics"]["numFilesRemoved"])

    def vacuum(self, table: Table, hours: int) -> None:
        """Remove files that no version of the last hours has."""
        self._delta(table).vacuum(float(hours))

    def delete(self, table: Table, condition: Column) -> None:
        """Remove the rows that fulfil a condition."""
        or_conflict(lambda: self._delta(table).delete(condition), self.name(table))

    def frame(self, rows: pa.Table, table: Table) -> DataFrame:
        """Return rows of the driver as a frame of one partition."""
        return self.spark.createDataFrame(rows, spark_schema(table)).coalesce(1)

    def frame_of_files(self, table: Table, files: Sequence[DataFile]) -> DataFrame:
        """Return the rows of files below the table's folder, whether its log has them or not."""
        schema = spark_schema(table)
        if not files:
            return self.spark.createDataFrame([], schema)
        reader = self.spark.read.schema(schema).options(**_FILES, basePath=self._path(table))
        with settings(self.spark, _LISTED_HERE):
            rows = reader.parquet(*(f"{self._path(table)}/{file.path}" for file in files))
        return conform(rows, schema)

    def side_by_side(self, action: Callable[[Table], None], tables: Sequence[Table]) -> None:
        """The action on each table, four at a time: small commits are all waiting."""
        with ThreadPoolExecutor(max_workers=4) as pool:
            list(pool.map(inheritable_thread_target(self.spark)(action), tables))

    def format(self, table: Table) -> str | None:
        """Return the format that the table was made in; None before there were any."""
        [row] = self._delta(table).detail().select("properties").collect()
        properties: Mapping[str, str] = row["properties"] or {}
        return properties.get(FORMAT_PROPERTY)

    def version(self, table: Table) -> int:
        """Return the table's current version."""
        return int(self._delta(table).history(1).select("version").collect()[0][0])

    def commits(self, table: Table, *, since: int) -> list[Commit]:
        """Return the commits after a version, the latest first."""
        newer = self.version(table) - since
        if newer <= 0:
            return []
        rows = self._delta(table).history(newer)
        return [Commit(*r) for r in rows.select("version", "operation", "userMetadata").collect()]

    def _delta(self, table: Table) -> DeltaTable:
        if self.config.catalog:
            return DeltaTable.forName(self.spark, self.name(table))
        return DeltaTable.forPath(self.spark, self._path(table))

    def write(self, rows: DataFrame, table: Table, mode: str, options: Mapping[str, str]) -> None:
        """Write the rows in the table's columns. Raises ConflictError where another was first."""
        writer = (
            conform(rows, spark_schema(table)).write.format("delta").mode(mode).options(**options)
        )
        if table.partitioned_by:
            writer = writer.partitionBy(*table.partitioned_by)
        if self.config.catalog:
            or_conflict(lambda: writer.saveAsTable(self.name(table)), self.name(table))
        else:
            or_conflict(lambda: writer.save(self._path(table)), self.name(table))


def struct_type(text: str) -> StructType:
    """Return the columns of a text in DDL; takes a running session."""
    parsed = StructType.fromDDL(text)
    assert isinstance(parsed, StructType)  # a DDL of columns is one
    return parsed


def spark_schema(table: Table) -> StructType:
    """Return the table's columns as Spark has them; takes a running session."""
    return struct_type(ddl(table))


def with_later_columns(rows: DataFrame, table: Table) -> DataFrame:
    """Return the rows of a table, null in the columns that an older version didn't write."""
    absent = {
        name: F.lit(None).cast(ddl_type(table.schema.field(name).type))
        for name in table.later
        if name not in rows.columns
    }
    return rows.withColumns(absent) if absent else rows


def conform(rows: DataFrame, schema: StructType) -> DataFrame:
    """The rows with exactly the columns of `schema`, in order, cast; a missing one is an error."""

    def column(name: str, type_: object) -> Column:
        return F.col(name).cast(type_).alias(name)  # type: ignore[arg-type]

    return rows.select([column(f.name, f.dataType) for f in schema.fields])
