"""Who stays in the segment of the previous run."""

import polars as pl
import pytest

from custseg_spark.core.clustering.hysteresis import with_hysteresis

A, B, GONE = 1, 2, None


def held(
    segment: int,
    distance: float,
    previous: int | None,
    previous_distance: float | None,
    was_held: bool | None = False,
    margin: float = 0.1,
) -> tuple[int, float, int, bool]:
    """Return segment, distance, the model's segment, and whether the customer was held."""
    customers = pl.DataFrame(
        {
            "segment_id": [segment],
            "distance": [distance],
            "previous_segment_id": [previous],
            "previous_distance": [previous_distance],
            "was_held": [was_held],
        },
        schema_overrides={
            "segment_id": pl.Int32,
            "previous_segment_id": pl.Int32,
            "previous_distance": pl.Float64,
            "was_held": pl.Boolean,
        },
    )
    columns = ["segment_id", "distance", "model_segment_id", "is_held"]
    [row] = with_hysteresis(customers, margin).select(columns).rows()
    return row


def test_a_customer_stays_while_the_new_segment_is_hardly_nearer() -> None:
    assert held(B, 1.85, A, 2.0) == (A, 2.0, B, True)


@pytest.mark.parametrize(
    ("distance", "was_held"), [(1.25, False), (1.5, False), (1.95, True)],
    ids=["nearer", "just-nearer", "second-run"],
)  # fmt: skip
def test_a_customer_leaves_by_the_margin_or_in_the_second_run(
    distance: float, was_held: bool
) -> None:
    assert held(B, distance, A, 2.0, was_held, margin=0.25) == (B, distance, B, False)


def test_who_is_nearest_to_the_previous_segment_is_not_held_there() -> None:
    assert held(A, 1.0, A, 1.0, was_held=True) == (A, 1.0, A, False)


def test_new_customers_and_those_of_dead_segments_take_the_nearest() -> None:
    assert held(B, 1.9, None, None, None) == (B, 1.9, B, False)
    assert held(B, 1.9, A, GONE) == (B, 1.9, B, False)


def test_a_margin_of_zero_holds_nobody() -> None:
    assert held(B, 2.0, A, 2.0, margin=0.0) == (B, 2.0, B, False)
    # A bisecting tree may put a customer into a farther segment.
    assert held(B, 2.1, A, 2.0, margin=0.0) == (B, 2.1, B, False)
    assert held(B, 2.1, A, 2.0) == (A, 2.0, B, True)


def test_a_margin_of_one_holds_everybody_for_one_run() -> None:
    assert held(B, 0.0, A, 2.0, margin=1.0) == (A, 2.0, B, True)
    assert held(B, 0.0, A, 2.0, was_held=True, margin=1.0) == (B, 0.0, B, False)
    assert held(B, 0.0, A, GONE, margin=1.0) == (B, 0.0, B, False)


def test_other_columns_and_the_order_of_rows_are_kept() -> None:
    customers = pl.DataFrame(
        {
            "customer_id": ["x", "y"],
            "segment_id": [B, A],
            "distance": [1.0, 1.0],
            "previous_segment_id": [A, A],
            "previous_distance": [1.01, 1.0],
            "was_held": [False, True],
        }
    )
    found = with_hysteresis(customers, 0.05)
    assert found["customer_id"].to_list() == ["x", "y"]
    assert found["segment_id"].to_list() == [A, A]
    assert with_hysteresis(customers.clear(), 0.05).is_empty()
