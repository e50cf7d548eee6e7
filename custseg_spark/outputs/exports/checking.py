"""Check a reporting database against the lake: rows, keys, values and sums of each table.

Both sides compute the same figures, each by its own engine: sums of money and whole numbers,
characters of texts. A figure that differs names its column.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from custseg_spark.engine.lake.lake import Lake
from custseg_spark.errors import TargetError
from custseg_spark.outputs.exports import READ, Request, frames_of
from custseg_spark.outputs.exports.layout import ReportTable, reported
from custseg_spark.outputs.exports.loading import Database
from custseg_spark.outputs.report.reading import run_date_of
from custseg_spark.progress import Progress


@dataclass(frozen=True)
class CheckedTable:
    """A table's number of rows, and its differences."""

    name: str
    rows: int
    differences: tuple[str, ...]


@dataclass(frozen=True)
class Checked:
    """A reporting database, compared with a run."""

    run_date: date
    target: str
    tables: tuple[CheckedTable, ...]

    @property
    def differences(self) -> list[str]:
        """The differences, in words."""
        return [f"{table.name}: {each}" for table in self.tables for each in table.differences]


def check(lake: Lake, request: Request, database: Database, progress: Progress) -> Checked:
    """Compare the tables of a run in a database with the lake.

    Raises TargetError for a missing database or table.
    """
    lake = lake.at_one_moment(READ)
    day = run_date_of(lake, request.run_date)
    tables = []
    with database.queried() as query, frames_of(lake, request, day) as frames:
        for table, frame in frames:
            with progress.stage(f"check {table.name}") as stage:
                in_lake = expected(table, reported(frame, table))
                in_database = list(query(database.dialect.figures(table))[0])
                stage.rows = int(in_database[0])
            tables.append(
                CheckedTable(
                    table.name, int(in_database[0]), _compared(table, in_lake, in_database)
                )
            )
    return Checked(day, database.shown, tuple(tables))


def require_equal(checked: Checked) -> None:
    """Raise TargetError with all differences, if there are any."""
    if checked.differences:
        lines = "\n  ".join(checked.differences)
        raise TargetError(
            f"{checked.target} isn't what the lake has of {checked.run_date}:\n  {lines}"
        )


def expected(table: ReportTable, frame: DataFrame) -> list[Any]:
    """Return the figures of a table: rows, keys, then for each column its values and its sum."""
    figures = [F.count("*"), F.count_distinct(*table.key)]
    for name, type_ in table.columns.items():
        figures.append(F.count(name))
        if (summed := _summed(name, type_)) is not None:
            figures.append(summed)
    named = [column.alias(f"f{place}") for place, column in enumerate(figures)]
    return list(frame.agg(*named).collect()[0])


def labels(table: ReportTable) -> list[str]:
    """Return the name of each figure, in the order of `expected`."""
    names = ["rows", f"different {', '.join(table.key)}"]
    for name, type_ in table.columns.items():
        names.append(f"values of {name}")
        if type_ == "string":
            names.append(f"characters of {name}")
        elif _summed(name, type_) is not None:
            names.append(f"sum of {name}")
    return names


def _summed(name: str, type_: str) -> Column | None:
    if type_ == "string":
        return F.sum(F.char_length(name))
    is_exact = type_ in ("int", "bigint") or type_.startswith("decimal")
    # Sums of doubles depend on the order of adding.
    return F.sum(name) if is_exact else None


def _compared(
    table: ReportTable, in_lake: Sequence[Any], in_database: Sequence[Any]
) -> tuple[str, ...]:
    return tuple(
        f"{label}: {_shown(theirs)} there, {_shown(ours)} in the lake"
        for label, ours, theirs in zip(labels(table), in_lake, in_database, strict=True)
        if _number(ours) != _number(theirs)
    )


def _number(value: Any) -> Decimal | None:
    """Convert a figure from a database; SQLite's sums to the four decimals of money."""
    if value is None:
        return None
    return round(Decimal(repr(value) if isinstance(value, float) else str(value)), 4)


def _shown(value: Any) -> str:
    number = _number(value)
    return "none" if number is None else f"{number.normalize():f}"
