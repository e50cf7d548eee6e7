"""A lake in a folder, read without Spark: its tables, and its models in their portable form."""

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Any, Protocol, TypeVar

import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from custseg_spark.core.clustering import portable
from custseg_spark.core.clustering.scoring import ScoringModel
from custseg_spark.core.features import learned
from custseg_spark.core.features.learned import Learned
from custseg_spark.core.sessions.buckets import customer_bucket, group_bounds
from custseg_spark.engine import model_files
from custseg_spark.engine.lake import damage
from custseg_spark.engine.lake.bucket_files import bucket_bounds
from custseg_spark.engine.lake.columns import RUN_ID, Table
from custseg_spark.engine.lake.files import DataFile
from custseg_spark.engine.lake.moments import Moment
from custseg_spark.engine.lake.native import NativeLake, read_file
from custseg_spark.engine.lake.rows import dicts_of
from custseg_spark.engine.lake.schemas import BY_RUN, RUNS, TABLES
from custseg_spark.engine.model_files import Files
from custseg_spark.errors import InputError, nearest

R = TypeVar("R")


class Tables(Protocol):
    """A lake's tables as far as they fit into memory."""

    def name(self, table: Table) -> str:
        """Where a table is, as a person would write it."""

    def exists(self, table: Table) -> bool:
        """Whether the table has been created."""

    def rows(
        self,
        table: Table,
        columns: Sequence[str] | None = None,
        dates: Collection[date] | None = None,
    ) -> pa.Table:
        """Return rows of a table, or of dates of it; none where there is no table."""


@dataclass(frozen=True)
class LakeReader:
    """The tables and models below a folder, read in this process.

    Of the tables by run only the rows of published runs are seen, as of `moment` where it is set.
    """

    root: Path
    moment: Moment = field(default_factory=Moment)

    @cached_property
    def native(self) -> NativeLake:
        """The tables by delta-rs."""
        return NativeLake(self.root.absolute())

    def name(self, table: Table) -> str:
        """Return the table's folder."""
        return str(self.root / table.name)

    def exists(self, table: Table) -> bool:
        """Whether the table has been created."""
        return self.native.exists(table)

    def require(self) -> None:
        """Raise InputError where no table of a lake is below the folder."""
        if not any(self.exists(table) for table in TABLES):
            raise InputError(f"there is no lake at {self.root}: none of its tables is there")

    def at_one_moment(self) -> "LakeReader":
        """Return the lake as it is now, whatever others publish from here on."""
        while self.moment.run_ids is None:
            versions = self.native.versions([RUNS, *BY_RUN])
            run_ids = replace(self, moment=Moment(versions=versions)).run_ids()
            # A superseded run's rows go after `runs` has changed: until then they are all there.
            if self.native.versions([RUNS]).items() <= versions.items():
                return replace(self, moment=Moment(run_ids, versions))
        return self

    def run_ids(self) -> Mapping[date, str | None]:
        """Return the published run of each run date."""
        if self.moment.run_ids is not None:
            return self.moment.run_ids
        rows = self.rows(RUNS, ["run_date", RUN_ID])
        return {row["run_date"]: row[RUN_ID] for row in rows.to_pylist()}

    def files(self, table: Table, dates: Collection[date] | None = None) -> list[DataFile]:
        """Return a table's files, only published runs' in a table by run; none without a table."""
        if not self.exists(table):
            return []
        files = self.native.files(table, dates, self.moment.versions.get(table.name))
        if not table.is_by_run:
            return files
        ids = self.run_ids()
        # Files of 0.1 are of no run.
        return [f for f in files if f.run_id is None or (f.day and f.run_id == ids.get(f.day))]

    def rows(
        self,
        table: Table,
        columns: Sequence[str] | None = None,
        dates: Collection[date] | None = None,
    ) -> pa.Table:
        """Return rows of a table, or of dates of it, in memory; none where there is no table."""
        return self.native.read_files(table, self.files(table, dates), columns)

    def rows_of_customer(self, table: Table, customer_id: str, day: date) -> pa.Table:
        """A customer's rows on a run date: of the files that may hold the customer, no more."""
        [bucket] = customer_bucket(pl.Series("customer_id", [customer_id], pl.String)).to_list()
        parts, folder = [], self.native.folder(table)
        for file in self.files(table, [day]):
            if _may_hold(folder / file.path, bucket):
                rows = read_file(folder, file, table, table.schema)
                parts.append(rows.filter(pc.equal(rows["customer_id"], customer_id)))
        return pa.concat_tables([table.schema.empty_table(), *parts])

    def bucket_ranges(self, groups: int) -> list[tuple[int, int]]:
        """Nearly equal ranges of customers' buckets: the first of each, and the one after its
        last."""
        return list(pairwise(group_bounds(groups).tolist()))

    def rows_of_buckets(
        self, table: Table, day: date, low: int, high: int, columns: Sequence[str]
    ) -> pa.Table:
        """Return a run date's customers in a range of buckets: of the files that may hold some.

        `columns` has `customer_id`. Both tables by customer have the same buckets, so that they
        can be joined a range at a time.
        """
        schema, folder = pa.schema([table.schema.field(n) for n in columns]), self.root / table.name
        parts = []
        for file in self.files(table, [day]):
            bounds = _bounds(folder / file.path)
            if bounds is None or (bounds[0] < high and low < bounds[1]):
                rows = read_file(folder, file, table, schema)
                is_whole = bounds is not None and low <= bounds[0] and bounds[1] <= high
                parts.append(rows if is_whole else _within(rows, low, high))
        return pa.concat_tables([schema.empty_table(), *parts])

    def map_files(
        self, table: Table, day: date, kernel: Callable[[pa.Table], R], columns: Sequence[str]
    ) -> list[R]:
        """Return the kernel's result for each of a date's files, one file in memory at a time."""
        schema = pa.schema([table.schema.field(name) for name in columns])
        folder = self.native.folder(table)
        return [kernel(read_file(folder, f, table, schema)) for f in self.files(table, [day])]

    def model(self, day: date, algorithm: str) -> ScoringModel:
        """Return the published model of a run and algorithm.

        Raises InputError where there is none, without a portable form, or not as it was published.
        """
        name, sha256 = published_model(self, day, algorithm)
        folder = self.root / "models" / name
        return portable_of(model_files.read(folder), str(folder), sha256)

    def learned(self, day: date) -> Learned:
        """What the run of a date learned of all customers. Raises InputError where it lacks."""
        name = learned.file_name(self.run_ids().get(day) or "")
        path = self.root / "models" / f"run_date={day}" / name
        return learned.parsed(_text(path), str(path))


def portable_of(files: Files, path: str, sha256: str | None) -> ScoringModel:
    """Return the model of the files at `path`, which have the hash that their run holds.

    Raises InputError where they haven't, and where a run of before has no hash or no such form.
    """
    if sha256 is None or portable.FILE_NAME not in files:
        raise InputError(portable.ABSENT.format(f"{path}/{portable.FILE_NAME}"))
    model_files.require_seal(files, sha256, path)
    text = files[portable.FILE_NAME].decode("utf-8", errors="replace")
    return portable.parsed(text, f"{path}/{portable.FILE_NAME}")


def algorithms_of(run: Mapping[str, Any]) -> list[str]:
    """Return the algorithms of a row of `runs` that published a model, the main one first."""
    named = run["models"] or {}
    configured = json.loads(run["config"] or "{}").get("model", {}).get("algorithms", [])
    names = [name for name in configured if name in named]
    return [*names, *sorted(set(named).difference(names))]


def published_model(tables: Tables, day: date, algorithm: str) -> tuple[str, str | None]:
    """The name of a run's model of an algorithm, and the hash that the run holds of its files.

    Raises InputError for a run without one.
    """
    rows = dicts_of(tables.rows(RUNS, ["models", "model_hashes"], [day]))
    names = (rows[0]["models"] or {}) if rows else {}
    if algorithm not in names:
        raise InputError(
            f"the run of {day} published no model of '{algorithm}'{nearest(algorithm, names)}"
        )
    return names[algorithm], (rows[0]["model_hashes"] or {}).get(algorithm)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise InputError(portable.ABSENT.format(path)) from error
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path} can't be read: {error}") from error


def _may_hold(path: Path, bucket: int) -> bool:
    """Whether a file may have rows of the bucket."""
    bounds = _bounds(path)
    return bounds is None or bounds[0] <= bucket < bounds[1]


def _bounds(path: Path) -> tuple[int, int] | None:
    """Return the first bucket of a file's customers, and the one after the last: by the note in its
    footer; None without a note."""
    with damage.named(path):
        bounds = bucket_bounds(pq.read_metadata(path))
    return (bounds[0], bounds[-1]) if bounds else None


def _within(rows: pa.Table, low: int, high: int) -> pa.Table:
    buckets = customer_bucket(pl.Series("id", pl.from_arrow(rows["customer_id"]), pl.String))
    return rows.filter(pa.array(buckets.is_between(low, high - 1)))
