"""What the Python API reads of a lake, wherever the lake is."""

from collections.abc import Callable, Sequence
from datetime import date
from typing import Protocol, TypeVar

import pyarrow as pa

from custseg_spark.core.clustering.scoring import ScoringModel
from custseg_spark.engine.lake.columns import Table
from custseg_spark.engine.lake.moments import Moment
from custseg_spark.engine.lake.reader import Tables

R = TypeVar("R")


class Reader(Tables, Protocol):
    """A lake's tables and models, in memory: published runs, no others."""

    @property
    def moment(self) -> Moment:
        """What `at_one_moment` has fixed."""

    def at_one_moment(self) -> "Reader":
        """The lake as it is now, whatever others publish from here on."""

    def rows_of_customer(self, table: Table, customer_id: str, day: date) -> pa.Table:
        """A customer's rows on a run date."""

    def map_files(
        self, table: Table, day: date, kernel: Callable[[pa.Table], R], columns: Sequence[str]
    ) -> list[R]:
        """The kernel's result for each part of a date's rows."""

    def model(self, day: date, algorithm: str) -> ScoringModel:
        """The published model of a run and algorithm."""
