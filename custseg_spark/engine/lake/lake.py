"""A lake's tables behind one interface: natively in a shared folder, by Spark anywhere else."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Any
from uuid import uuid4

import pyarrow as pa
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from custseg_spark import redaction
from custseg_spark.config.settings import LakeConfig
from custseg_spark.engine.lake import commits, runs, spark_settling
from custseg_spark.engine.lake.columns import RUN_ID, Table
from custseg_spark.engine.lake.files import DataFile, is_told_by_path, write_parts
from custseg_spark.engine.lake.format import FORMAT, refusal
from custseg_spark.engine.lake.moments import Moment
from custseg_spark.engine.lake.native import NativeLake
from custseg_spark.engine.lake.schemas import EVENTS, RUNS, TABLES
from custseg_spark.engine.lake.shared_folder import is_native_path
from custseg_spark.engine.lake.sharing import only_spark_because
from custseg_spark.engine.lake.spark_io import SparkLake, spark_schema
from custseg_spark.engine.permissions import withheld
from custseg_spark.engine.spark.file_systems import withhold
from custseg_spark.errors import ConfigurationError, InputError
from custseg_spark.paths import place

log = redaction.logger()

_FOUND_OUT = ("native", "by_spark")
# A frame, rows in memory, or files that tasks have written.
Rows = Any


@dataclass(frozen=True)
class Lake:
    """The tables of one lake, for one run.

    `native` is set where driver and executors share the lake's folder (`lake.io`): tasks then
    write Parquet themselves, and the driver commits it. Otherwise, and for frames, Spark reads and
    writes. Tables by run show the rows of published runs only, as of `moment` if it is set, and the
    rows of `own`, the files of a run that isn't published yet.
    """

    spark: SparkSession
    config: LakeConfig
    run_id: str = field(default_factory=lambda: uuid4().hex)
    moment: Moment = field(default_factory=Moment)
    own: Mapping[Table, Sequence[DataFile]] = field(default_factory=dict)

    @cached_property
    def by_spark(self) -> SparkLake:
        """The tables as Spark reaches them."""
        withhold(self.spark, place(self.config.path), self.config.umask)
        return SparkLake(self.spark, self.config)

    @cached_property
    def native(self) -> NativeLake | None:
        """The tables without Spark; None where the folder isn't shared or native IO is off."""
        if self.config.io == "spark":
            return None
        folder = place(self.config.path)
        # Executors of another user must be able to read what is written for them.
        with withheld(self.config.umask):
            reason = only_spark_because(self.spark, self.config)
        if reason is None and isinstance(folder, Path):
            return NativeLake(folder.absolute())
        if self.config.io == "native":
            raise ConfigurationError(f'lake.io = "native" is not possible: {reason}')
        where = self.config.catalog or self.config.path
        log.info("lake.io: Spark writes %s, because %s", where, reason)
        return None

    def name(self, table: Table) -> str:
        """Where a table is, as a person would write it."""
        return SparkLake(self.spark, self.config).name(table)

    @property
    def models_path(self) -> str:
        """The folder of the saved models, beside the tables."""
        return f"{self.by_spark.root}/models"

    def model_path(self, name: str) -> str:
        """The folder of a model by its name in `runs`, which is below `models_path`: a lake may be
        moved. Of old runs the name is the whole path."""
        is_whole = name.startswith("/") or ":" in name
        return name if is_whole else f"{self.models_path}/{name}"

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """Hold the run's lock; what a killed run has left is finished or removed.

        What is written meanwhile lacks the permissions of `lake.umask`. Raises InputError for a
        lake of another format.
        """
        with withheld(self.config.umask):
            self.require_format()
            self.settle()
            if self.native is None:
                yield
                return
            with runs.run_lock(self.native, TABLES, self.run_id):
                yield

    def settle(self) -> None:
        """Finish what dead runs left half published, or throw it away: for every opener."""
        with withheld(self.config.umask):
            spark_settling.settle(self.config.path, lambda: self.by_spark, self.locks)

    @property
    def locks(self) -> Path | None:
        """The lake's folder where runs hold locks in it; None where its file system has none."""
        if self.config.catalog or not is_native_path(self.config.path):
            return None
        return Path(str(place(self.config.path))).absolute()

    def require_format(self) -> None:
        """Raise InputError where the events are of 0.1: the same records had other ids."""
        if self.exists(EVENTS) and (self.native or self.by_spark).format(EVENTS) != FORMAT:
            raise InputError(refusal(self.name(EVENTS), self.config.catalog or self.config.path))

    def exists(self, table: Table) -> bool:
        """Whether the table has been created."""
        return (self.native or self.by_spark).exists(table)

    def read(self, table: Table, dates: Collection[date] | None = None) -> DataFrame:
        """Return the table for Spark, or some dates of it; of a table by run the published rows.

        Raises InputError where there is none.
        """
        # Delta would read its log in Spark jobs.
        if self.native and is_told_by_path(table, files := self.files(table, dates)):
            return self.by_spark.frame_of_files(table, files)
        frame = self.by_spark.read(table, self.moment.versions.get(table.name))
        # A lake of 0.1 has no runs in its rows.
        if table.is_by_run and RUN_ID in frame.columns:
            ids = [run_id for run_id in self.run_ids().values() if run_id]
            frame = frame.where(F.col(RUN_ID).isin(ids) | F.col(RUN_ID).isNull())
        if own := self.own.get(table):
            frame = frame.unionByName(self.by_spark.frame_of_files(table, own))
        return frame if dates is None else frame.where(F.col(table.partitioned_by[0]).isin(*dates))

    def files(self, table: Table, dates: Collection[date] | None = None) -> list[DataFile]:
        """Return the files of a native lake's table; only published runs' in a table by run."""
        assert self.native is not None
        held = self.native.files(table, dates, self.moment.versions.get(table.name))
        if not table.is_by_run:
            return held
        ids, own = self.run_ids(), self.own.get(table, ())
        # Files of 0.1 are of no run.
        published = [f for f in held if f.run_id is None or (f.day and f.run_id == ids.get(f.day))]
        return [*published, *(f for f in own if dates is None or f.day in dates)]

    def run_ids(self) -> Mapping[date, str | None]:
        """Return the published run of each run date."""
        if self.moment.run_ids is not None:
            return self.moment.run_ids
        rows = self.rows(RUNS, ["run_date", RUN_ID])
        return {row["run_date"]: row[RUN_ID] for row in rows.to_pylist()}

    def at_one_moment(self, tables: Collection[Table] = ()) -> "Lake":
        """The lake as it is now, whatever others publish from here on: which runs are published,
        and `tables` in the versions that hold them."""
        while True:
            versions = self.versions([RUNS, *tables])
            run_ids = self._view(moment=Moment(versions=versions)).run_ids()
            # A superseded run's rows go after `runs` has changed: until then they are all there.
            looked_at = [RUNS] if self.native is None else [RUNS, *tables]
            if not tables or self.versions(looked_at).items() <= versions.items():
                return self._view(moment=Moment(run_ids, versions))

    def renewed(self) -> "Lake":
        """Return the lake for a run of its own, under a new id."""
        return self._view(run_id=uuid4().hex)

    def holding(self, run_date: date, own: Mapping[Table, Sequence[DataFile]]) -> "Lake":
        """The lake as the run sees it that isn't published yet: its own rows stand for its date."""
        run_ids = {**(self.moment.run_ids or {}), run_date: self.run_id}
        return self._view(moment=replace(self.moment, run_ids=run_ids), own=own)

    def _view(self, **changes: Any) -> "Lake":
        """Return the lake but for some fields; what was found out of its folder stays known."""
        view = replace(self, **changes)
        cached = {name: self.__dict__[name] for name in _FOUND_OUT if name in self.__dict__}
        view.__dict__.update(cached)
        return view

    def read_or_empty(self, table: Table, dates: Collection[date] | None = None) -> DataFrame:
        """Return the table as it is now, or some dates of it; no rows where there is none."""
        if self.exists(table):
            return self.read(table, dates)
        return self.spark.createDataFrame([], spark_schema(table))

    def rows(
        self,
        table: Table,
        columns: Sequence[str] | None = None,
        dates: Collection[date] | None = None,
    ) -> pa.Table:
        """Rows of a small table, or of dates of it, in memory; none where there is no table."""
        names = table.schema.names if columns is None else list(columns)
        if not self.exists(table):
            return pa.schema([table.schema.field(n) for n in names]).empty_table()
        if self.native is not None:
            return self.native.read_files(table, self.files(table, dates), names)
        return self.read(table, dates).select(*names).toArrow()

    def create(self, tables: Sequence[Table]) -> None:
        """Create the tables that don't exist: two first writers must not race to create one."""
        (self.native or self.by_spark).create(tables)

    def version(self, table: Table) -> int:
        """Return the table's current version."""
        return (self.native or self.by_spark).version(table)

    def versions(self, tables: Sequence[Table]) -> Mapping[str, int]:
        """Return the current version of each table that exists."""
        return {t.name: self.version(t) for t in tables if self.exists(t)}

    def appender(self, tables: Sequence[Table]) -> "Appender":
        """Append to these tables, for a run that begins now."""
        return Appender(self, dict(self.versions(tables)))

    def upsert(self, rows: DataFrame, table: Table, key: str) -> None:
        """Put each row in place of the one with its key, or beside the others; keys differ."""
        self.by_spark.upsert(rows, table, key)

    def replace_dates(
        self, rows: Rows, table: Table, dates: Sequence[date], *, read_version: int | None = None
    ) -> None:
        """Replace the given dates of the table's date partition atomically, all others stay.

        `rows` are a frame, rows in memory, or files that tasks have written. With `read_version`,
        the version that they were made from, a table in which these dates were written since is a
        ConflictError. No dates is a mistake: it would replace nothing and hide it.
        """
        if not dates:
            raise ValueError(f"no dates to replace in {table.name}")
        if isinstance(rows, DataFrame) or self.native is None:
            self.by_spark.replace_dates(self.frame(rows, table), table, dates, read_version)
            return
        commits.replace_dates(
            self.native,
            table,
            dates,
            self.written(rows, table),
            read_version=self.version(table) if read_version is None else read_version,
            may_be_empty=True,
        )

    def frame(self, rows: Rows, table: Table) -> DataFrame:
        """Return rows as a frame, for Spark's writer."""
        if isinstance(rows, DataFrame):
            return rows
        if isinstance(rows, pa.Table):
            return self.by_spark.frame(rows, table)
        raise TypeError("files are committed natively")

    def written(self, rows: pa.Table | Sequence[DataFile], table: Table) -> list[DataFile]:
        """Return rows as files of a native lake that are no part of the table yet."""
        if not isinstance(rows, pa.Table) or self.native is None:
            return list(rows)
        folder = self.native.folder(table)
        return write_parts(rows, table, folder, run_id=self.run_id, task=0)


@dataclass(frozen=True)
class Appender:
    """Appends of one run to tables that nobody else adds to between its beginning and its end.

    What a run appends follows from what it read: two that overlap would both add what neither
    saw. `versions`: of each table by name, when the run began or had appended to it itself.
    """

    lake: Lake
    versions: dict[str, int]

    def append(self, rows: Rows, table: Table) -> None:
        """Append the rows: a frame, rows in memory, or files that tasks have written.

        Raises ConflictError where another run has written the table since.
        """
        version, lake = self.versions[table.name], self.lake
        if isinstance(rows, DataFrame) or lake.native is None:
            frame = lake.frame(rows, table)
            self.versions[table.name] = lake.by_spark.append(frame, table, version)
            return
        files = lake.written(rows, table)
        if files:
            new = commits.append(lake.native, table, files, read_version=version)
            self.versions[table.name] = new


def require_table(lake: Lake, table: Table) -> None:
    """Raise InputError where the table isn't there."""
    if not lake.exists(table):
        raise InputError(f"there is no table {lake.name(table)}; run ingest first")
