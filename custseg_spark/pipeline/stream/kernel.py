"""Turn customers' session parts into rows of `current_segments`, by the batch's kernels."""

from dataclasses import dataclass
from datetime import date

import polars as pl
import pyarrow as pa

from custseg_spark.core.features.customers import customer_features
from custseg_spark.core.segments.current import (
    CURRENT,
    LATEST,
    current_segments,
    latest_segments,
)
from custseg_spark.engine.lake.schemas import CUSTOMER_SEGMENTS, SESSIONS
from custseg_spark.pipeline.stream.published import PublishedModel

PART_COLUMNS = tuple(SESSIONS.schema.names)
# The columns of a run's segments, as far as its table has them.
RUN_COLUMNS = tuple(n for n in ("algorithm", *LATEST) if n in CUSTOMER_SEGMENTS.schema.names)


@dataclass(frozen=True)
class Shared:
    """The values that all rows of `current_segments` share: the date, and the model's run."""

    as_of: date
    model_run_id: str


@dataclass(frozen=True)
class Updated:
    """The numbers of written rows, of customers who changed segment, and of held customers."""

    customers: int = 0
    changed: int = 0
    held: int = 0

    def __add__(self, other: "Updated") -> "Updated":
        return Updated(
            self.customers + other.customers,
            self.changed + other.changed,
            self.held + other.held,
        )


@dataclass(frozen=True)
class CurrentKernel:
    """Rows of `current_segments` as of a date, by a published model."""

    published: PublishedModel
    as_of: date
    hysteresis: float

    def features(self, parts: pa.Table) -> pa.Table:
        """Return the features of customers from all their session parts."""
        of = self.published.learned
        return customer_features(parts, as_of=self.as_of, levels=of.levels, cutoffs=of.cutoffs)

    def latest(self, current: pl.DataFrame, of_run: pa.Table | None) -> pl.DataFrame:
        """Return customers' latest segments, by their current rows and, if given, by the run."""
        if of_run is None:
            return current.select(*LATEST)
        run_date, algorithm = self.published.run_date, self.published.model.clustering.algorithm
        rows = pl.DataFrame(pl.from_arrow(of_run)).filter(pl.col("algorithm") == algorithm)
        absent = [pl.lit(None).cast(t).alias(n) for n, t in LATEST.items() if n not in rows.columns]
        last = rows.with_columns(*absent).select(*LATEST).cast(LATEST)  # type: ignore[arg-type]
        since = pl.col("segment_since").fill_null(run_date)
        return latest_segments(current, last.with_columns(since), run_date)

    def rows(self, features: pa.Table, latest: pl.DataFrame) -> pl.DataFrame:
        """Return the customers' rows, with `is_changed`: whether the segment is another."""
        last = latest.select("customer_id", last_id="segment_id")
        current = current_segments(
            features,
            latest,
            self.published.model,
            as_of=self.as_of,
            run_id=self.published.run_id,
            run_date=self.published.run_date,
            hysteresis=self.hysteresis,
        ).join(last, on="customer_id", how="left", maintain_order="left")
        is_changed = (pl.col("segment_id") != pl.col("last_id")).fill_null(False)
        return current.select(*CURRENT, is_changed=is_changed)


def counted(rows: pl.DataFrame) -> Updated:
    """Count the rows of `CurrentKernel.rows`."""
    return Updated(len(rows), int(rows["is_changed"].sum()), int(rows["is_held"].sum()))


def current_frame(table: pa.Table) -> pl.DataFrame:
    """Return rows of the table `current_segments` as the kernel reads them."""
    return pl.DataFrame(pl.from_arrow(table)).select(*CURRENT).cast(CURRENT)  # type: ignore[arg-type]
