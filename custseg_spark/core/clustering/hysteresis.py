"""Hysteresis at assignment: customers don't change segment for a hair's breadth.

A customer stays in the segment of the previous run while the model's segment is nearer by less than
a relative margin, but for one run only: the second time in a row, the model's segment counts. So
noise at a border moves nobody to and fro, and a lasting change is followed within two runs. With a
margin of 1, nobody leaves before the second run, and a single odd run moves nobody.
"""

import numpy as np
import polars as pl

# The columns that `with_hysteresis` reads.
GIVEN = ("segment_id", "distance", "previous_segment_id", "previous_distance", "was_held")


def is_held(
    distances: np.ndarray,
    previous_distances: np.ndarray,
    is_other: np.ndarray,
    was_held: np.ndarray,
    margin: float,
) -> np.ndarray:
    """Whether each customer stays in the segment of the previous run.

    `distances` are to the model's segment, `previous_distances` to the previous one: NaN without a
    previous segment, or if it is gone. `is_other`: the two differ. `was_held`: the customer was
    held in the previous run. The `margin` is a share of the previous distance, from 0 (nobody is
    held) to 1 (everybody is, for one run).
    """
    if margin <= 0:
        return np.zeros(len(distances), dtype=bool)
    with np.errstate(invalid="ignore"):
        is_near = previous_distances - distances < margin * previous_distances
    is_near |= (margin >= 1) & ~np.isnan(previous_distances)
    return np.asarray(is_other & is_near & ~was_held)


def with_hysteresis(customers: pl.DataFrame, margin: float) -> pl.DataFrame:
    """Return the customers with their segment by hysteresis.

    In: the columns GIVEN, one row per customer, and any others: `segment_id` is the model's
    segment, `distance` the one to its centre; `previous_segment_id` is null for new customers,
    `previous_distance` (to that segment's centre in today's model) also if the segment is gone;
    `was_held` is the `is_held` of the previous run, null for none. Out: `segment_id` and `distance`
    of the segment that counts, the model's as `model_segment_id`, and `is_held`.
    """
    held = is_held(
        customers["distance"].cast(pl.Float64).to_numpy(),
        customers["previous_distance"].cast(pl.Float64).fill_null(float("nan")).to_numpy(),
        (customers["segment_id"] != customers["previous_segment_id"])
        .fill_null(value=False)
        .to_numpy(),
        customers["was_held"].fill_null(value=False).to_numpy(),
        margin,
    )
    stays = pl.col("is_held")
    return customers.with_columns(is_held=pl.Series(held, dtype=pl.Boolean)).with_columns(
        pl.when(stays).then("previous_segment_id").otherwise("segment_id").alias("segment_id"),
        pl.when(stays).then("previous_distance").otherwise("distance").alias("distance"),
        pl.col("segment_id").alias("model_segment_id"),
    )
