"""The interface of all targets: take tables into staging, then publish all of them at once."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol, runtime_checkable

import pyarrow as pa
from pyspark.sql import DataFrame

from custseg_spark.outputs.exports.dialects import Dialect
from custseg_spark.outputs.exports.layout import ReportTable

# The rows of a query.
Query = Callable[[str], Sequence[Sequence[Any]]]


class Loading(Protocol):
    """An export in progress. Readers see nothing of it before `publish`."""

    def stage(self, table: ReportTable, batches: Iterator[pa.RecordBatch]) -> int:
        """Stage the rows of a table; return their number."""

    def publish(self) -> None:
        """Replace the readers' tables by the staged ones, completely or not at all."""


@runtime_checkable
class FrameLoading(Protocol):
    """An export in progress whose rows Spark's tasks write, each its own."""

    def stage_frame(self, table: ReportTable, frame: DataFrame) -> int:
        """Stage the rows of a table; return their number."""

    def publish(self) -> None:
        """Replace the readers' tables by the staged ones, completely or not at all."""


class Target(Protocol):
    """A place to export to. `shown` describes it without a password."""

    @property
    def shown(self) -> str:
        """The place in words."""

    def opened(self) -> AbstractContextManager[Loading | FrameLoading]:
        """Open a new loading. Raises TargetError for a place that can't be reached or written."""


@runtime_checkable
class Database(Protocol):
    """A target that answers queries, in its own words for names and types."""

    @property
    def dialect(self) -> Dialect:
        """How it writes names and types."""

    @property
    def shown(self) -> str:
        """The place in words."""

    def queried(self) -> AbstractContextManager[Query]:
        """Answers to queries. Raises TargetError for what it can't answer."""
