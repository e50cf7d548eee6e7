"""Current segments: who stays by hysteresis, who changes, since when, and what a new run says."""

from datetime import date
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import pytest

from custseg_spark.core.clustering.assignment import NamedClustering
from custseg_spark.core.clustering.models import KMeans
from custseg_spark.core.clustering.preparation import EVIDENCE, Preparation, PreparedFeature
from custseg_spark.core.clustering.scaling import FeatureSpace, Scaler
from custseg_spark.core.clustering.scoring import ScoringModel
from custseg_spark.core.segments.current import (
    CURRENT,
    LATEST,
    current_segments,
    latest_segments,
)

# One axis with a centre at 0 and one at 10: a customer at x is x and 10 - x away.
SPACE = FeatureSpace(
    Preparation((PreparedFeature("monetary", 0.0, "none", -np.inf, np.inf),), {}, None),
    Scaler(np.array([1.0])),
)
LOW, HIGH = 4, 9
NAMED = NamedClustering("kmeans", KMeans(np.array([[0.0], [10.0]])), (LOW, HIGH), ("Low", "High"))
MODEL = ScoringModel(SPACE, NAMED, date(2024, 1, 1), "standard", 7)
RUN, TODAY, BEFORE = date(2024, 5, 1), date(2024, 5, 9), date(2024, 5, 3)


def held(*rows: tuple[Any, ...]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=LATEST, orient="row")


def current(
    customers: dict[str, float], before: pl.DataFrame, hysteresis: float, as_of: date = TODAY
) -> pl.DataFrame:
    table = pa.table(
        {
            "customer_id": pa.array(list(customers), pa.string()),
            "monetary": pa.array(list(customers.values()), pa.float64()),
            EVIDENCE: pa.array([30] * len(customers), pa.int64()),
        }
    )
    return current_segments(
        table, before, MODEL, as_of=as_of, run_id="r5", run_date=RUN, hysteresis=hysteresis
    )


def test_a_new_customer_is_in_the_models_segment_since_today() -> None:
    [row] = current({"a": 2.0}, held(), 0.4).to_dicts()
    assert row == {
        "customer_id": "a",
        "algorithm": "kmeans",
        "segment_id": LOW,
        "segment_name": "Low",
        "segment_since": TODAY,
        "previous_segment_id": None,
        "distance": 2.0,
        "second_segment_id": HIGH,
        "margin": 6.0,
        "is_held": False,
        "as_of": TODAY,
        "model_run_id": "r5",
        "model_run_date": RUN,
    }


def test_who_is_nearer_to_another_segment_by_less_than_the_margin_is_held() -> None:
    [row] = current({"a": 6.0}, held(("a", LOW, BEFORE, None)), 0.4).to_dicts()
    assert (row["segment_id"], row["segment_since"], row["is_held"]) == (LOW, BEFORE, True)
    # The own centre is 6 away, that of the model's segment 4.
    assert (row["distance"], row["second_segment_id"], row["margin"]) == (6.0, HIGH, -2.0)


@pytest.mark.parametrize(("x", "hysteresis"), [(8.0, 0.4), (6.0, 0.2), (6.0, 0.0)])
def test_beyond_the_margin_a_customer_changes_segment(x: float, hysteresis: float) -> None:
    [row] = current({"a": x}, held(("a", LOW, BEFORE, None)), hysteresis).to_dicts()
    assert (row["segment_id"], row["segment_name"]) == (HIGH, "High")
    assert (row["segment_since"], row["previous_segment_id"]) == (TODAY, LOW)
    assert not row["is_held"]


def test_nobody_is_held_in_a_segment_that_the_model_lacks() -> None:
    [row] = current({"a": 6.0}, held(("a", 77, BEFORE, None)), 0.9).to_dicts()
    assert (row["segment_id"], row["previous_segment_id"], row["segment_since"]) == (
        HIGH,
        77,
        TODAY,
    )


def test_who_stays_keeps_since_when_and_the_segment_before() -> None:
    [row] = current({"a": 1.0}, held(("a", LOW, BEFORE, HIGH)), 0.4).to_dicts()
    assert (row["segment_since"], row["previous_segment_id"]) == (BEFORE, HIGH)


@pytest.mark.parametrize("hysteresis", [0.0, 0.4])
def test_the_same_customers_seen_again_change_nothing(hysteresis: float) -> None:
    customers = {"a": 6.0, "b": 8.0, "c": 1.0, "d": 5.0}
    before = held(*((name, LOW, BEFORE, None) for name in "abc"))
    once = current(customers, before, hysteresis)
    assert current(customers, once.select(*LATEST), hysteresis).equals(once)


def test_no_customers_have_no_rows() -> None:
    found = current({}, held(), 0.4)
    assert found.is_empty()
    assert dict(found.schema) == CURRENT


def test_a_newer_run_counts_but_for_younger_rows() -> None:
    rows = current({"a": 1.0, "b": 1.0, "c": 1.0}, held(), 0.0, as_of=RUN)
    young = current({"d": 1.0}, held(), 0.0, as_of=TODAY)
    published = held(
        ("a", LOW, date(2024, 2, 1), HIGH),
        ("b", HIGH, RUN, None),
        ("d", HIGH, RUN, None),
        ("e", HIGH, date(2024, 3, 1), LOW),
    )
    found = latest_segments(pl.concat([rows, young]), published, RUN).sort("customer_id")
    assert found.rows() == [
        # In the same segment by both: the row knows since when.
        ("a", LOW, RUN, None),
        # The run says otherwise; the row's segment is the one before.
        ("b", HIGH, RUN, LOW),
        # Not of the run.
        ("c", LOW, RUN, None),
        # The row is younger than the run.
        ("d", LOW, TODAY, None),
        # Known to the run alone.
        ("e", HIGH, date(2024, 3, 1), LOW),
    ]
