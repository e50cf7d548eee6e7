"""What a run publishes, at once: a segmentation's tables, or an ingest's events and ledger.

Written by tasks themselves, all files are there first and a journal names their commits
(`publishing`). By Spark, rows are appended under the run's id, which nobody reads yet
(`spark_journals`). One commit makes them count either way: that of `runs`, or of the ledger.
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

# In the order of their commits: the last one makes the others count.
_INGESTED = (REJECTED_EVENTS, EVENTS, INGEST_FILES)
# What a segmentation reads, whatever is published meanwhile.
_READ = (EVENTS, SESSIONS, CUSTOMERS)

Files = dict[Table, list[DataFile]]


@dataclass(frozen=True)
class IngestPublication:
    """Events, refused records and ledger rows of one ingest."""

    lake: Lake
    _appender: Appender
    _files: Files = field(default_factory=dict)

    def note(self, file_ids: Sequence[str]) -> None:
        """Notes whose records will be appended, before any is.

        By Spark. Raises ConflictError where another ingest is at work.
        """
        if self.lake.native is None and file_ids:
            journal = SparkJournal(self.lake.run_id, file_ids=tuple(file_ids))
            spark_journals.begin_ingest(self.lake.by_spark, journal, self.lake.locks)

    def append(self, rows: Rows, table: Table) -> None:
        """Appends rows: a frame, rows in memory, or files that tasks have written.

        By Spark at once. Raises ConflictError where another run has written the table since the
        beginning.
        """
        if self.lake.native is None:
            self._appender.append(rows, table)
            return
        if isinstance(rows, DataFrame):
            rows = conform(rows, spark_schema(table)).toArrow()
        self._files.setdefault(table, []).extend(self.lake.written(rows, table))

    def publish(self) -> None:
        """Makes what was appended count. Raises ConflictError where another run ingested since."""
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

    `lake` shows the run's own rows for its date. `began`: the lake when the run began.
    """

    lake: Lake
    run_date: date
    began: Moment
    _files: Files

    @property
    def run_id(self) -> str:
        """The id that each row has."""
        return self.lake.run_id

    @property
    def superseded(self) -> str | None:
        """The run of the date that this one takes the place of."""
        return (self.began.run_ids or {}).get(self.run_date)

    def append(self, rows: Rows, table: Table) -> None:
        """Adds rows of the run: a frame, rows in memory, or files that tasks have written."""
        if self.lake.native is None:
            self.lake.by_spark.append_own(self.lake.frame(rows, table), table, self.run_id)
        else:
            self._files.setdefault(table, []).extend(self.lake.written(rows, table))

    def append_to_each(self, rows: Mapping[Table, pa.Table]) -> None:
        """Adds rows of the run to several tables, as far as there are any."""
        filled = [table for table, own in rows.items() if len(own)]
        if self.lake.native is None:
            self.lake.by_spark.side_by_side(lambda t: self.append(rows[t], t), filled)
            return
        for table in filled:
            self.append(rows[table], table)

    def publish(self, run: pa.Table) -> None:
        """Publishes the run by its row of `runs`; the superseded run's rows go.

        Raises ConflictError where another run was published since this one began, or what it read
        was written; nothing changes then.
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
    """The publication of an ingest that begins now."""
    with _begun(lake, _INGESTED) as own:
        if own.native is not None:
            runs.wait_for_journals(own.native, TABLES)
        yield IngestPublication(own, own.appender(_INGESTED))


@contextmanager
def of_run(lake: Lake, run_date: date) -> Iterator[RunPublication]:
    """The publication of a run, whose `lake` is as of one moment (`at_one_moment(READ)`)."""
    with _begun(lake, (*BY_RUN, RUNS)) as own:
        files: Files = {}
        began = lake.moment
        run = RunPublication(own.holding(run_date, files), run_date, began, files)
        if own.native is None:
            journal = SparkJournal(own.run_id, run_date, run.superseded)
            spark_journals.note(own.by_spark, journal)
        yield run


def as_read(lake: Lake) -> Lake:
    """The lake as a segmentation reads it: as of now, runs in the tables' versions where to ask
    for them takes no job of Spark's."""
    return lake.at_one_moment(_READ if lake.native is None else (*_READ, *BY_RUN))


@contextmanager
def _begun(lake: Lake, tables: Sequence[Table]) -> Iterator[Lake]:
    """The lake under an id of its own, whose lock is held where runs hold locks."""
    own = lake.renewed()
    with nullcontext() if own.locks is None else runs.held_lock(own.locks, own.run_id):
        try:
            yield own
        except Exception:
            _give_up(own, tables)
            raise
        if own.native is not None:
            runs.remove_uncommitted(own.native, tables, {own.run_id})


def _give_up(own: Lake, tables: Sequence[Table]) -> None:
    """Tidies up after a run that failed; what can't be done now is the next opener's to do."""
    try:
        if own.native is None:
            spark_journals.give_up(own.by_spark, own.run_id)
        elif not JournalFile(own.native.root, own.run_id).path.exists():
            runs.remove_uncommitted(own.native, tables, {own.run_id})
        if own.locks is not None:
            runs.release(own.locks, own.run_id)
    except Exception as error:
        log.info("what the failed run left is removed later: %s", error)
