"""Publish a run at once: the tables of a segmentation, or the events and ledger of an ingest.

With native IO, tasks write all files first and a journal lists the commits to make (`publishing`).
With Spark's IO, rows are appended under the run's id, which readers don't see yet
(`spark_journals`). In both cases one last commit publishes them: that of `runs` or of the ledger.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from datetime import date

import pyarrow as pa
from pyspark.sql import DataFrame

from custseg_spark import redaction
from custseg_spark.engine.lake import publishing, runs, spark_journals
from custseg_spark.engine.lake.columns import Table
from custseg_spark.engine.lake.files import DataFile
from custseg_spark.engine.lake.journal import Journal, JournalFile, Step
from custseg_spark.engine.lake.lake import Appender, Lake, Rows
from custseg_spark.engine.lake.moments import Moment
from custseg_spark.engine.lake.publishing import ReadVersion
from custseg_spark.engine.lake.schemas import (
    BY_RUN,
    CUSTOMERS,
    EVENTS,
    INGEST_FILES,
    REJECTED_EVENTS,
    RUNS,
    SESSIONS,
    TABLES,
)
from custseg_spark.engine.lake.spark_io import conform, spark_schema
from custseg_spark.engine.lake.spark_journals import SparkJournal

log = redaction.logger()

# In the order of their commits: the last one publishes the others.
_INGESTED = (REJECTED_EVENTS, EVENTS, INGEST_FILES)
# The tables that a segmentation reads; it reads the versions of its beginning throughout.
_READ = (EVENTS, SESSIONS, CUSTOMERS)

Files = dict[Table, list[DataFile]]


@dataclass(frozen=True)
class IngestPublication:
    """Events, refused records and ledger rows of one ingest."""

    lake: Lake
    _appender: Appender
    _files: Files = field(default_factory=dict)

    def note(self, file_ids: Sequence[str]) -> None:
        """Write the journal of the files whose records will be appended. Spark's IO only.

        Raises ConflictError if another ingest is at work.
        """
        if self.lake.native is None and file_ids:
            journal = SparkJournal(self.lake.run_id, file_ids=tuple(file_ids))
            spark_journals.begin_ingest(self.lake.by_spark, journal, self.lake.locks)

    def append(self, rows: Rows, table: Table) -> None:
        """Append rows: a frame, rows in memory, or files that tasks have written.

        Spark's IO commits them at once. Raises ConflictError if another run has written the table
        since this run began.
        """
        if self.lake.native is None:
            self._appender.append(rows, table)
            return
        if isinstance(rows, DataFrame):
            rows = conform(rows, spark_schema(table)).toArrow()
        self._files.setdefault(table, []).extend(self.lake.written(rows, table))

    def publish(self) -> None:
        """Publish the appended rows. Raises ConflictError if another run has ingested since."""
        lake = self.lake
        if lake.native is None:
            spark_journals.forget(lake.by_spark, lake.run_id)
            return
        versions = self._appender.versions
        steps = [
            Step(table, tuple(files), versions[table.name])
            for table in _INGESTED
            if (files := self._files.get(table))
        ]
        if steps:
            publishing.publish(lake.native, Journal(lake.run_id, tuple(steps)))


@dataclass(frozen=True)
class RunPublication:
    """The output tables of one run date's run.

    `lake` shows the run's own rows for its date. `began` has the lake's versions when it began.
    """

    lake: Lake
    run_date: date
    began: Moment
    _files: Files

    @property
    def run_id(self) -> str:
        """The run's id, which is in each of its rows."""
        return self.lake.run_id

    @property
    def superseded(self) -> str | None:
        """The id of the date's earlier run, which this one replaces; None for the first."""
        return (self.began.run_ids or {}).get(self.run_date)

    def append(self, rows: Rows, table: Table) -> None:
        """Append rows of the run: a frame, rows in memory, or files that tasks have written."""
        if self.lake.native is None:
            self.lake.by_spark.append_own(self.lake.frame(rows, table), table, self.run_id)
        else:
            self._files.setdefault(table, []).extend(self.lake.written(rows, table))

    def append_to_each(self, rows: Mapping[Table, pa.Table]) -> None:
        """Append rows of the run to several tables; a table without rows is left alone."""
        filled = [table for table, table_rows in rows.items() if len(table_rows)]
        if self.lake.native is None:
            self.lake.by_spark.side_by_side(lambda t: self.append(rows[t], t), filled)
            return
        for table in filled:
            self.append(rows[table], table)

    def publish(self, run: pa.Table) -> None:
        """Publish the run by its row of `runs`, then delete the rows of the run it replaces.

        Raises ConflictError, and changes nothing, if another run was published or a table that
        this run has read was written since it began.
        """
        read = [
            ReadVersion(table, version, None if table == CUSTOMERS else self.run_date)
            for table in _READ
            if (version := self.began.versions.get(table.name)) is not None
        ]
        if self.lake.native is None:
            self._publish_by_spark(run, read)
            return
        steps = [Step(table, tuple(files)) for table, files in self._files.items() if files]
        version = self.began.versions[RUNS.name]
        files = tuple(self.lake.written(run, RUNS))
        steps.append(Step(RUNS, files, version, self.run_date, alone=True))
        journal = Journal(self.run_id, tuple(steps), self.run_date, self.superseded)
        publishing.publish(self.lake.native, journal, read)

    def _publish_by_spark(self, run: pa.Table, read: Sequence[ReadVersion]) -> None:
        by_spark = self.lake.by_spark
        for one in read:
            by_spark.require_version(one.table, one.version)
        frame, version = self.lake.frame(run, RUNS), self.began.versions[RUNS.name]
        by_spark.replace_date_once(frame, RUNS, self.run_date, version, self.run_id)
        if self.superseded is not None:
            spark_journals.remove_run(by_spark, self.superseded, self.run_date)
        spark_journals.forget(by_spark, self.run_id)


@contextmanager
def of_ingest(lake: Lake) -> Iterator[IngestPublication]:
    """Open the publication of an ingest that begins now."""
    with _begun(lake, _INGESTED) as publication:
        if publication.native is not None:
            runs.wait_for_journals(publication.native, TABLES)
        yield IngestPublication(publication, publication.appender(_INGESTED))


@contextmanager
def of_run(lake: Lake, run_date: date) -> Iterator[RunPublication]:
    """Open the publication of a run. `lake` is a view as of one moment (`as_read`)."""
    with _begun(lake, (*BY_RUN, RUNS)) as publication:
        files: Files = {}
        began = lake.moment
        run = RunPublication(publication.holding(run_date, files), run_date, began, files)
        if publication.native is None:
            journal = SparkJournal(publication.run_id, run_date, run.superseded)
            spark_journals.note(publication.by_spark, journal)
        yield run


def as_read(lake: Lake) -> Lake:
    """Return the lake as a segmentation reads it: pinned to the current versions.

    Versions of the tables by run are pinned for native IO only: Spark needs a job for each.
    """
    return lake.at_one_moment(_READ if lake.native is None else (*_READ, *BY_RUN))


@contextmanager
def _begun(lake: Lake, tables: Sequence[Table]) -> Iterator[Lake]:
    """Open the lake under a new run id, and hold the run's lock if the lake has locks."""
    renewed = lake.renewed()
    with nullcontext() if renewed.locks is None else runs.held_lock(renewed.locks, renewed.run_id):
        try:
            yield renewed
        except Exception:
            _give_up(renewed, tables)
            raise
        if renewed.native is not None:
            runs.remove_uncommitted(renewed.native, tables, {renewed.run_id})


def _give_up(lake: Lake, tables: Sequence[Table]) -> None:
    """Tidy up after a failed run; if that fails too, the next run to open the lake does it."""
    try:
        if lake.native is None:
            spark_journals.give_up(lake.by_spark, lake.run_id)
        elif not JournalFile(lake.native.root, lake.run_id).path.exists():
            runs.remove_uncommitted(lake.native, tables, {lake.run_id})
        if lake.locks is not None:
            runs.release(lake.locks, lake.run_id)
    except Exception as error:
        log.info("what the failed run left is removed later: %s", error)
