"""Commit files to a table without Spark.

delta-rs by itself (1.6.6, each tried) lets two stale appends pass, and two overwrites of a date
that was empty; it takes a file of another date, a missing file, one of another schema, and an
application's transaction twice. So a commit starts from a handle pinned at the version that the
run has read, the driver looks at every file itself, and `max_commit_retries=0` makes delta-rs
write exactly the next version or fail: a hard link decides who was first.

What the Python API offers, tried: `custom_metadata` goes into commitInfo (`userMetadata`,
`isBlindAppend` and `readVersion` are kept, `operationParameters` is passed over); removes and adds
go together with mode "append" only; an add has no tags; a failure after the commit, of a
checkpoint's writing, looks like one of the commit: a note of our own tells them apart.
"""

import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date
from enum import Enum
from uuid import uuid4

from deltalake import DeltaTable
from deltalake.exceptions import DeltaError
from deltalake.transaction import AddAction, CommitProperties, RemoveAction, Transaction

from custseg_spark.engine.lake.columns import Table
from custseg_spark.engine.lake.files import DataFile, partition_values
from custseg_spark.engine.lake.fitness import check_files
from custseg_spark.engine.lake.history import Commit, commits_between
from custseg_spark.engine.lake.native import NativeLake, files_of
from custseg_spark.engine.lake.statistics import to_json
from custseg_spark.errors import ConflictError, ResourceError

# The same as Spark's appends have: of two under one id Delta itself lets one pass.
_APPLICATION = "custseg-spark"
# Each try fails by another's commit that doesn't matter; so many in a row is something else.
_MOST_TRIES = 20


class Bears(Enum):
    """The changes by others since the table was read that are no conflict."""

    MAINTENANCE = "maintenance"
    OTHER_DATES = "other dates"
    ANYTHING = "anything"


@dataclass(frozen=True)
class Change:
    """A run's change of a table: the files it adds, and the dates whose files they replace.

    `read_version` is the version of the table that the run has read. `replaces` is None for an
    append. `replaces_all`: every file of the table goes; `removes`: the files of these paths, as
    far as the table has them. `transaction` is a version of the application's own, greater than
    the one before; the new version of the table by itself. `once`: an id under which a second
    commit changes nothing. `bears`: by default maintenance, and other dates where dates are
    replaced.
    """

    table: Table
    read_version: int
    adds: Sequence[DataFile] = ()
    replaces: frozenset[date] | None = None
    replaces_all: bool = False
    removes: frozenset[str] = frozenset()
    transaction: tuple[str, int] | None = None
    once: str | None = None
    bears: Bears | None = None

    def conflicts_with(self, commit: Commit) -> bool:
        """Whether what this change was made from is no longer so since a commit."""
        if self.bears is Bears.ANYTHING:
            return False
        if self.replaces is not None and self.bears is not Bears.MAINTENANCE:
            return commit.touches(self.replaces)
        return not commit.is_maintenance


def append(lake: NativeLake, table: Table, adds: Sequence[DataFile], *, read_version: int) -> int:
    """Add files to a table that nobody else has written since; return the new version.

    What a run appends follows from what it read: two that overlap would both add what neither saw.
    """
    return commit(lake, Change(table, read_version, adds))


def replace_dates(
    lake: NativeLake,
    table: Table,
    dates: Collection[date],
    adds: Sequence[DataFile],
    *,
    read_version: int,
    may_be_empty: bool = False,
) -> int:
    """Put files in place of all those of the dates, at once; return the new version.

    Other dates may have been written since. A date without a row is a mistake unless it
    `may_be_empty`; so are no dates: it would replace nothing and hide it.
    """
    if not dates:
        raise ValueError(f"no dates to replace in {table.name}")
    empty = sorted(set(dates) - {file.day for file in adds if file.rows})
    if empty and not may_be_empty:
        raise ValueError(f"no rows for {empty[0]} in {table.name}")
    return commit(lake, Change(table, read_version, adds, frozenset(dates)))


def replace_all(
    lake: NativeLake, table: Table, adds: Sequence[DataFile], *, read_version: int
) -> int:
    """Put files in place of all that the table had, at once; return the new version."""
    return commit(lake, Change(table, read_version, adds, replaces_all=True))


def commit(lake: NativeLake, change: Change) -> int:
    """Make a change part of the table; return the new version.

    Tries again where only maintenance came between, or, replacing dates, other dates. Raises
    ConflictError for anything else, ResourceError for a file that isn't there as it was written,
    ValueError for a file that isn't the table's or not of a date that is replaced.
    """
    if change.once and was_committed(lake, change.table, change.once):
        return lake.version(change.table)
    check_files(lake.folder(change.table), change.table, change.adds, change.replaces)
    note, base = change.once or uuid4().hex, change.read_version
    for _ in range(_MOST_TRIES):
        try:
            _write(lake, lake.open(change.table, base), change, note)
            return base + 1
        except DeltaError as error:
            between = _since_read(lake, change, base, error)
            versions = [c.version for c in between if c.note == note]
            if versions:
                return versions[0]
            if any(change.conflicts_with(c) for c in between):
                raise _conflict(lake, change) from error
            base = between[-1].version
    raise _conflict(lake, change)


def was_committed(lake: NativeLake, table: Table, once: str) -> bool:
    """Whether the table has a commit under this id."""
    return lake.open(table).transaction_version(once) is not None


def remove(lake: NativeLake, table: Table, paths: Collection[str]) -> None:
    """Take files out of the table, as far as it has them, whatever others do meanwhile."""
    current_paths = {file.path for file in lake.files(table)}
    if not current_paths.isdisjoint(paths):
        removes = frozenset(paths)
        version = lake.version(table)
        commit(lake, Change(table, version, removes=removes, bears=Bears.ANYTHING))


def _since_read(lake: NativeLake, change: Change, base: int, error: DeltaError) -> list[Commit]:
    """Return the commits since the run has read the table, where a try upon `base` has failed."""
    table, folder = change.table, lake.folder(change.table)
    newest = lake.version(table)
    if newest == base:
        raise ResourceError(f"{folder} can't be written: {error}") from error
    between = commits_between(folder, change.read_version, newest, table.date_column)
    if between is None:
        raise _conflict(lake, change) from error
    return between


def _write(lake: NativeLake, handle: DeltaTable, change: Change, note: str) -> None:
    version = handle.version()
    application, number = change.transaction or (_APPLICATION, version + 1)
    latest = handle.transaction_version(application)
    if latest is not None and latest >= number:
        raise _conflict(lake, change)
    transactions = [Transaction(application, number)]
    properties = CommitProperties(
        # Not blind: else Spark would let a commit of its own pass that began before this one.
        custom_metadata={"userMetadata": note, "isBlindAppend": False, "readVersion": version},
        max_commit_retries=0,
        app_transactions=transactions + ([Transaction(change.once, 1)] if change.once else []),
    )
    handle.create_write_transaction(
        [*_removes(lake, handle, change), *(_add(file, change.table) for file in change.adds)],
        "append",
        handle.schema(),
        list(change.table.partitioned_by),
        commit_properties=properties,
    )


def _removes(lake: NativeLake, handle: DeltaTable, change: Change) -> list[RemoveAction]:
    if change.replaces is None and not change.replaces_all and not change.removes:
        return []
    table, now = change.table, _now()
    dates = None if change.replaces_all or change.removes else change.replaces
    return [
        RemoveAction(file.path, True, now, file.bytes, partition_values(table, file))
        for file in files_of(handle, table, lake.folder(table), dates)
        if not change.removes or file.path in change.removes
    ]


def _add(file: DataFile, table: Table) -> AddAction:
    statistics = to_json(file.rows, file.columns)
    partition = partition_values(table, file)
    return AddAction(file.path, file.bytes, partition, _now(), True, statistics)


def _now() -> int:
    """Milliseconds since 1970, as Delta notes a file's times."""
    return time.time_ns() // 1_000_000


def _conflict(lake: NativeLake, change: Change) -> ConflictError:
    folder = lake.folder(change.table)
    return ConflictError(f"another run wrote {folder} meanwhile; its result stands, run again")
