"""Publish the files of a native run, and finish the publication of a dead run.

The order makes it safe: check that the versions read still hold, write the journal, commit the
files table by table, publish them by the last commit (`runs` for a segmentation, the ledger for an
ingest), and delete the replaced run's rows at the end. Repeating a step changes nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from custseg_spark import redaction
from custseg_spark.engine.lake import commits
from custseg_spark.engine.lake.columns import Table
from custseg_spark.engine.lake.history import Commit, commits_between
from custseg_spark.engine.lake.journal import Journal, JournalFile, Step
from custseg_spark.engine.lake.native import NativeLake
from custseg_spark.engine.lake.schemas import BY_RUN
from custseg_spark.errors import ConflictError, ResourceError

log = redaction.logger()


@dataclass(frozen=True)
class ReadVersion:
    """A table version that a run has read; only its dates before `before`, if that is set."""

    table: Table
    version: int
    before: date | None = None

    def conflicts_with(self, commit: Commit) -> bool:
        """Whether a commit changed any rows that were read."""
        if commit.is_maintenance:
            return False
        if self.before is None or commit.dates is None:
            return True
        return any(day < self.before for day in commit.dates)


def publish(lake: NativeLake, journal: Journal, read: Sequence[ReadVersion] = ()) -> None:
    """Publish the files of a journal, all of them or none.

    Raises ConflictError if another run has meanwhile written a table that this run reads or
    writes; the other run's rows stand.
    """
    pinned = [ReadVersion(s.table, v) for s in journal.steps if (v := s.read_version) is not None]
    for of_table in [*read, *pinned]:
        _require_unchanged(lake, of_table)
    JournalFile(lake.root, journal.run_id).write(journal)
    _finish(lake, journal)


def settle(lake: NativeLake, run_id: str) -> bool:
    """Finish the publication of a dead run, or withdraw it if none of its commits was made.

    Returns False, and leaves the journal, if another version of this program wrote it.
    """
    file = JournalFile(lake.root, run_id)
    journal = file.read()
    if journal is None:
        if file.path.exists():
            return False
        # A kill may have left a half-written journal.
        file.remove()
        return True
    if journal.withdrawn or not any(_is_done(lake, journal, step) for step in journal.steps):
        _withdraw(lake, journal)
        return True
    try:
        _finish(lake, journal)
    except ConflictError as error:
        # Another run was published since and stands; this one is withdrawn.
        log.info("the run %s, which was killed, is withdrawn: %s", run_id, error)
    except ResourceError:
        if _is_done(lake, journal, journal.steps[-1]):
            raise
        # Its files are damaged or missing: it can't be finished.
        _withdraw(lake, journal)
    return True


def remove_run(lake: NativeLake, of_run: str) -> None:
    """Delete the rows of a replaced or failed run from the tables by run."""
    for table in BY_RUN:
        if lake.exists(table):
            paths = {file.path for file in lake.files(table) if file.run_id == of_run}
            commits.remove(lake, table, paths)


def _finish(lake: NativeLake, journal: Journal) -> None:
    try:
        for step in journal.steps:
            commits.commit(lake, step.change(journal.run_id, lake.version(step.table)))
    except ConflictError:
        _withdraw(lake, journal)
        raise
    if journal.superseded is not None:
        remove_run(lake, journal.superseded)
    JournalFile(lake.root, journal.run_id).remove()


def _withdraw(lake: NativeLake, journal: Journal) -> None:
    """Undo a journal's commits. It is marked as withdrawn first, so that after a kill in between
    nobody finishes it.
    """
    file = JournalFile(lake.root, journal.run_id)
    if any(_is_done(lake, journal, step) for step in journal.steps):
        file.write(journal.as_withdrawn)
        for step in journal.steps:
            if _is_done(lake, journal, step):
                commits.remove(lake, step.table, {one.path for one in step.adds})
    file.remove()


def _is_done(lake: NativeLake, journal: Journal, step: Step) -> bool:
    return lake.exists(step.table) and commits.was_committed(lake, step.table, journal.run_id)


def _require_unchanged(lake: NativeLake, read: ReadVersion) -> None:
    table, folder = read.table, lake.folder(read.table)
    newest = lake.version(table)
    if newest == read.version:
        return
    between = commits_between(folder, read.version, newest, table.date_column)
    if between is None or any(map(read.conflicts_with, between)):
        raise ConflictError(f"another run wrote {folder} meanwhile; its result stands, run again")
