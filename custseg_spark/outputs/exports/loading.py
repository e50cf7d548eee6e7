"""What every kind of target does: take tables into staging, then publish all of them at once."""

from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import Protocol

import pyarrow as pa

from custseg_spark.outputs.exports.layout import ReportTable


class Loading(Protocol):
    """An export under way. Nothing that was staged is seen by a reader before `publish`."""

    def stage(self, table: ReportTable, batches: Iterator[pa.RecordBatch]) -> int:
        """Takes the rows of a table; how many they were."""

    def publish(self) -> None:
        """Replaces what readers see by what was staged, all of it or nothing."""


class Target(Protocol):
    """A place to export to. `shown` is how a person may see it: without a password."""

    @property
    def shown(self) -> str:
        """The place in words."""

    def opened(self) -> AbstractContextManager[Loading]:
        """A new loading. Raises TargetError for a place that can't be reached or written."""
