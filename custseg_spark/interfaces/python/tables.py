"""A lake's tables in memory, and as Spark frames."""

from collections.abc import Iterable, Sequence
from datetime import date
from typing import TYPE_CHECKING, Any, Self

import polars as pl

from custseg_spark.config.settings import LakeConfig
from custseg_spark.config.typed import parse_date
from custseg_spark.engine.lake.columns import Table
from custseg_spark.engine.lake.schemas import TABLES
from custseg_spark.errors import InputError, nearest
from custseg_spark.interfaces.python.reading import Reader

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

_BY_NAME = {table.name: table for table in TABLES}


class LakeTables:
    """The tables of a lake, for reading."""

    def __init__(self, config: LakeConfig, reader: Reader, spark: "SparkSession | None" = None):
        self.config, self.reader, self._spark = config, reader, spark

    def at_one_moment(self) -> Self:
        """Return the same lake as it is now, without later changes."""
        return type(self)(self.config, self.reader.at_one_moment(), self._spark)

    @property
    def path(self) -> str:
        """The lake's place: its folder or URI, or its catalog."""
        return self.config.catalog or self.config.path

    @property
    def tables(self) -> list[str]:
        """The names of the existing tables."""
        return [table.name for table in TABLES if self.reader.exists(table)]

    def table(
        self,
        name: str,
        columns: Sequence[str] | None = None,
        *,
        run_date: date | str | Iterable[date | str] | None = None,
    ) -> pl.DataFrame:
        """Read a table's rows into memory: all columns or some, all dates or some.

        `run_date` is the date by which the table is partitioned: for events the event's date. Large
        tables are for Spark: `spark.read.format("delta")`.

        >>> import custseg_spark as cs
        >>> lake = cs.open_lake("lake")  # doctest: +SKIP
        >>> lake.table("segment_profiles", ["segment_name", "customers"])  # doctest: +SKIP
        """
        table = _table_named(name)
        for column in columns or ():
            if column not in table.schema.names:
                raise InputError(
                    f"{name} has no column '{column}'{nearest(column, table.schema.names)}"
                )
        if run_date is not None and table.date_column is None:
            raise InputError(f"{name} isn't partitioned by a date")
        dates = None if run_date is None else _dates(run_date)
        return pl.DataFrame(pl.from_arrow(self.reader.rows(table, columns, dates)))

    @property
    def spark(self) -> "SparkSession":
        """Return the Spark session that reads tables: the caller's, or a new one."""
        if self._spark is None:
            from custseg_spark.engine.spark.borrowing import running_session, session_beside

            self._spark = running_session() or session_beside(None)
        return self._spark

    def __repr__(self) -> str:
        return f"<Lake {self.path}: {len(self.tables)} tables>"


def _table_named(name: str) -> Table:
    if name not in _BY_NAME:
        raise InputError(f"there is no table '{name}' in a lake{nearest(name, _BY_NAME)}")
    return _BY_NAME[name]


def _dates(requested: Any) -> list[date]:
    several = [requested] if isinstance(requested, str | date) else list(requested)
    return [parse_date(d, "run_date") if isinstance(d, str) else d for d in several]
