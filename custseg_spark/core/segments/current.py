"""Customers' current segments: who stays, who changes, and since when everybody is where they are.

A customer changes only where the model's segment is nearer by more than the margin of hysteresis. A
batch lets a customer go the second time; a stream doesn't. It looks at a customer as often as there
are events, and the same events seen twice must change nothing.
"""

from datetime import date

import numpy as np
import polars as pl
import pyarrow as pa

from custseg_spark.core.clustering.distances import squared_distances
from custseg_spark.core.clustering.hysteresis import with_hysteresis
from custseg_spark.core.clustering.scoring import ScoringModel

# A customer's segment so far: from the table itself, or from a run that was published since.
LATEST = {
    "customer_id": pl.String,
    "segment_id": pl.Int32,
    "segment_since": pl.Date,
    "previous_segment_id": pl.Int32,
}
CURRENT = {
    "customer_id": pl.String,
    "algorithm": pl.String,
    "segment_id": pl.Int32,
    "segment_name": pl.String,
    "segment_since": pl.Date,
    "previous_segment_id": pl.Int32,
    "distance": pl.Float64,
    "second_segment_id": pl.Int32,
    "margin": pl.Float64,
    "is_held": pl.Boolean,
    "as_of": pl.Date,
    "model_run_id": pl.String,
    "model_run_date": pl.Date,
}
_SCORED = ("segment_id", "distance", "second_segment_id", "margin")


def latest_segments(current: pl.DataFrame, published: pl.DataFrame, run_date: date) -> pl.DataFrame:
    """Return rows of LATEST: the customers' segments once a run has been published.

    `current` are rows of CURRENT, `published` rows of LATEST of that run. The run decides for a
    customer without a current row, and for one whose row isn't younger than the run. Where both
    name the same segment, `segment_since` is that of the current row.
    """
    both = published.join(
        current.select(*LATEST, "as_of"), on="customer_id", how="full", suffix="_c"
    )
    is_known = pl.col("customer_id_c").is_not_null()
    is_younger = pl.col("customer_id").is_null() | (pl.col("as_of") > run_date).fill_null(False)
    is_same = (pl.col("segment_id") == pl.col("segment_id_c")).fill_null(False)
    stays = is_younger | is_same
    return both.select(
        pl.coalesce("customer_id", "customer_id_c"),
        _either(stays, "segment_id_c", "segment_id"),
        _either(stays, "segment_since_c", "segment_since"),
        pl.when(stays)
        .then("previous_segment_id_c")
        .when(is_known)
        .then("segment_id_c")
        .otherwise("previous_segment_id")
        .alias("previous_segment_id"),
    ).cast(LATEST)  # type: ignore[arg-type]


def _either(condition: pl.Expr, one: str, other: str) -> pl.Expr:
    return pl.when(condition).then(one).otherwise(other).alias(other)


def current_segments(
    customers: pa.Table,
    latest: pl.DataFrame,
    model: ScoringModel,
    *,
    as_of: date,
    run_id: str,
    run_date: date,
    hysteresis: float,
) -> pl.DataFrame:
    """Return rows of CURRENT, one a customer, in their order.

    `customers` have `customer_id` and the model's features as of a date. `latest` are their rows of
    LATEST, as far as they have any. The run of `run_id` and `run_date` published the model.
    `margin` is the distance to the second segment's centre minus the distance to the customer's
    own. It is below 0 for a customer who is held: then the second segment is the one that the model
    gives.
    """
    points = model.points(customers)
    ids = pl.DataFrame({"customer_id": pl.Series(customers["customer_id"], dtype=pl.String)})
    nearest = pl.DataFrame(pl.from_arrow(model.segments_of(customers).select(list(_SCORED))))
    last = latest.rename({"segment_id": "last_id", "previous_segment_id": "last_previous_id"})
    joined = ids.join(last, on="customer_id", how="left", maintain_order="left")
    before = joined["last_id"]
    scored = pl.concat([joined, nearest], how="horizontal").with_columns(
        previous_segment_id=before,
        previous_distance=_distances(points, model, before),
        was_held=pl.lit(None, pl.Boolean),
        nearest=pl.col("distance"),
    )
    decided = with_hysteresis(scored, hysteresis)
    is_held, is_other = pl.col("is_held"), pl.col("segment_id").ne_missing(pl.col("last_id"))
    # The previous segment is null for a new customer, and the one left for a customer who changes.
    names = model.segments
    return decided.select(
        "customer_id",
        pl.lit(model.clustering.algorithm).alias("algorithm"),
        "segment_id",
        pl.col("segment_id").replace_strict(names, return_dtype=pl.String).alias("segment_name"),
        pl.when(is_other).then(pl.lit(as_of)).otherwise("segment_since").alias("segment_since"),
        pl.when(is_other)
        .then("last_id")
        .otherwise("last_previous_id")
        .alias("previous_segment_id"),
        "distance",
        _either(is_held, "model_segment_id", "second_segment_id"),
        pl.when(is_held)
        .then(pl.col("nearest") - pl.col("distance"))
        .otherwise("margin")
        .alias("margin"),
        "is_held",
        pl.lit(as_of).alias("as_of"),
        pl.lit(run_id).alias("model_run_id"),
        pl.lit(run_date).alias("model_run_date"),
    ).cast(CURRENT)  # type: ignore[arg-type]


def _distances(points: np.ndarray, model: ScoringModel, segment_ids: pl.Series) -> pl.Series:
    """Return each customer's distance to a segment's centre; null if the model lacks it."""
    clusters = {segment: number for number, segment in enumerate(model.clustering.segment_ids)}
    places = segment_ids.replace_strict(clusters, default=None, return_dtype=pl.Int64)
    if not len(points):
        return pl.Series(dtype=pl.Float64)
    squares = squared_distances(points, model.clustering.model.centres)
    squares_to_segment = squares[places.fill_null(0).to_numpy(), np.arange(len(points))]
    return pl.Series(np.sqrt(squares_to_segment)).set(places.is_null(), None)
