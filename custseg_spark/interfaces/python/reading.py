"""The interface by which the Python API reads a lake at any place."""

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
    """Reads a lake's tables and models of published runs into memory."""

    @property
    def moment(self) -> Moment:
        """The moment that `at_one_moment` has fixed."""

    def at_one_moment(self) -> "Reader":
        """Return the lake as it is now, without later changes."""

    def rows_of_customer(self, table: Table, customer_id: str, day: date) -> pa.Table:
        """Return a customer's rows on a run date."""

    def map_files(
        self, table: Table, day: date, kernel: Callable[[pa.Table], R], columns: Sequence[str]
    ) -> list[R]:
        """Run the kernel on each part of a date's rows."""

    def model(self, day: date, algorithm: str) -> ScoringModel:
        """Return the published model of a run and algorithm."""
