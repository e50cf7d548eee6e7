"""What a pipeline asks of a table in portions, whatever the way of IO."""

from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar

import pyarrow as pa
from pyspark.sql import DataFrame

from custseg_spark.engine.lake.columns import Table
from custseg_spark.engine.lake.publication import RunPublication

R = TypeVar("R")
Kernel = Callable[[pa.Table], R]

# Of session parts some fields of the items alone, under the name `items`: `items.` and their names,
# joined by `+`.
ORDER_KEYS = "items.order_key"


class Slices(Protocol):
    """Slices of a table whose results add up."""

    def map(self, kernel: Kernel[R], columns: Sequence[str]) -> list[R]:
        """Return the kernel's result of each slice."""


class Portions(Protocol):
    """Portions of a table that a kernel takes one by one."""

    def map(self, kernel: Kernel[R], columns: Sequence[str]) -> list[R]:
        """Return the kernel's small result of each portion's rows, in the portions' order."""

    def write(
        self,
        kernel: Kernel[pa.Table],
        columns: Sequence[str],
        table: Table,
        publication: RunPublication,
    ) -> int:
        """Add the rows that the kernel makes to what a run publishes; return their number."""


class FramedPortions(Portions, Protocol):
    """Portions whose rows Spark can take as well."""

    def rows(self, kernel: Kernel[pa.Table], columns: Sequence[str], ddl: str) -> DataFrame:
        """Return the rows that the kernel makes of each portion, for Spark."""


def named(columns: Sequence[str]) -> list[str]:
    """Return the columns' names in what a kernel gets."""
    return ["items" if item_fields(name) else name for name in columns]


def item_fields(column: str) -> list[str]:
    """Return the fields of the items that a column asks for; empty for a column that is whole."""
    items, _, names = column.partition(".")
    return names.split("+") if items == "items" and names else []
