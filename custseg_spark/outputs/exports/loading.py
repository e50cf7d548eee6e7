"""The interface of all targets: take tables into staging, then publish all of them at once."""

from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import Protocol

import pyarrow as pa

from custseg_spark.outputs.exports.layout import ReportTable


class Loading(Protocol):
    """An export in progress. Readers see nothing of what is staged before `publish`."""

    def stage(self, table: ReportTable, batches: Iterator[pa.RecordBatch]) -> int:
        """Stage the rows of a table; return their number."""

    def publish(self) -> None:
        """Replace what readers see by what is staged, completely or not at all."""


class Target(Protocol):
    """A place to export to. `shown` describes it without a password."""

    @property
    def shown(self) -> str:
        """The place in words."""

    def opened(self) -> AbstractContextManager[Loading]:
        """Open a new loading. Raises TargetError for a place that can't be reached or written."""
