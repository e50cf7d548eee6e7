"""A lake that only Spark reaches, as the Python API reads it."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TypeVar

import pyarrow as pa
from pyspark.sql import functions as F

from custseg_spark.core.clustering.scoring import ScoringModel
from custseg_spark.engine.lake.columns import Table
from custseg_spark.engine.lake.lake import Lake
from custseg_spark.engine.lake.moments import Moment
from custseg_spark.engine.lake.reader import portable_of, published_model
from custseg_spark.engine.lake.schemas import BY_RUN
from custseg_spark.engine.partitions import customer_buckets
from custseg_spark.engine.spark import sealing

R = TypeVar("R")

_PORTIONS = 4


@dataclass(frozen=True)
class SparkReader:
    """Reads the tables and models of an `engine` lake."""

    lake: Lake

    @property
    def moment(self) -> Moment:
        """The moment that `at_one_moment` has fixed."""
        return self.lake.moment

    def at_one_moment(self) -> "SparkReader":
        """Return the lake as it is now, without later changes."""
        is_fixed = self.lake.moment.run_ids is not None
        return self if is_fixed else SparkReader(self.lake.at_one_moment(BY_RUN))

    def name(self, table: Table) -> str:
        """Return a table's place in words."""
        return self.lake.name(table)

    def exists(self, table: Table) -> bool:
        """Whether the table has been created."""
        return self.lake.exists(table)

    def rows(
        self,
        table: Table,
        columns: Sequence[str] | None = None,
        dates: Collection[date] | None = None,
    ) -> pa.Table:
        """Return rows of a table, or of some of its dates, in memory; none without the table."""
        return self.lake.rows(table, columns, dates)

    def rows_of_customer(self, table: Table, customer_id: str, day: date) -> pa.Table:
        """Return a customer's rows on a run date."""
        if not self.exists(table):
            return table.schema.empty_table()
        is_asked = (F.col("run_date") == F.lit(day)) & (F.col("customer_id") == F.lit(customer_id))
        return self.lake.read(table).where(is_asked).select(*table.schema.names).toArrow()

    def map_files(
        self, table: Table, day: date, kernel: Callable[[pa.Table], R], columns: Sequence[str]
    ) -> list[R]:
        """Run the kernel on each portion of a date's customers, a task each."""
        if not self.exists(table):
            return []
        return customer_buckets(self.lake, table, day, _PORTIONS).map(kernel, columns)

    def model(self, day: date, algorithm: str) -> ScoringModel:
        """Return the published model of a run and algorithm."""
        name, sha256 = published_model(self, day, algorithm)
        path = self.lake.model_path(name)
        return portable_of(sealing.read(self.lake.spark, path), path, sha256)
