"""Rows of customer_segments, against the definitions in plain Python."""

import math
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pyarrow as pa
import pytest
from clustering_data import NAMES, PLAIN, customers, raw

from custseg_spark.core.clustering.assignment import (
    SEGMENT_ROWS,
    NamedClustering,
    labels,
    order_by_value,
    segment_columns,
    segments,
)
from custseg_spark.core.clustering.models import GaussianMixture, KMeans
from custseg_spark.core.clustering.rules.tree import RuleNode, RuleTree

TABLE = customers(300)
CENTRES = np.random.default_rng(2).normal(size=(4, 4)) * 10
KMEANS = NamedClustering("kmeans", KMeans(CENTRES), (7, 3, 5, 1), ("Gold", "Loyal", "New", "Old"))
SOFT = NamedClustering(
    "gaussian_mixture",
    GaussianMixture(np.array([0.3, 0.7]), CENTRES[:2], np.array([np.eye(4) * 900] * 2)),
    (2, 9),
    ("Here", "There"),
)
AS_OF = datetime(2020, 5, 1, tzinfo=UTC)


def rows_of(table: pa.Table, *clusterings: NamedClustering) -> list[dict[str, object]]:
    found = segments(table, space=PLAIN, clusterings=clusterings, prediction_timestamp=AS_OF)
    assert found.schema == SEGMENT_ROWS
    rows: list[dict[str, object]] = found.to_pylist()
    return rows


def oracle(point: list[float]) -> dict[str, object]:
    """What a customer's row says, one dimension after the other."""

    def away(cluster: int) -> list[float]:
        return [(p - c) * (p - c) for p, c in zip(point, CENTRES[cluster].tolist(), strict=True)]

    distances = [math.sqrt(sum(away(c))) for c in range(4)]
    own, second = sorted(range(4), key=lambda c: (distances[c], c))[:2]
    gains = [s - o for s, o in zip(away(second), away(own), strict=True)]
    order = sorted(range(4), key=lambda axis: (-gains[axis], axis))
    return {
        "algorithm": "kmeans",
        "cluster": own,
        "segment_id": KMEANS.segment_ids[own],
        "segment_name": KMEANS.segment_names[own],
        "distance": distances[own],
        "second_segment_id": KMEANS.segment_ids[second],
        "margin": distances[second] - distances[own],
        "top_features": [NAMES[axis] for axis in order[:3]],
        "memberships": None,
        "prediction_timestamp": AS_OF,
        "is_outlier": None,
        "oddities": None,
        "model_segment_id": KMEANS.segment_ids[own],
        "p_stay": None,
    }


def test_each_row_follows_the_definitions() -> None:
    columns = raw(TABLE, *NAMES)
    points = np.nan_to_num(np.column_stack(list(columns.values())), nan=0.5) * [0.01, 0.5, 2.0, 1.0]
    passed = ("customer_id", "rfm_r", "rfm_f", "rfm_m", "rfm_group")
    before = TABLE.select(passed).to_pylist()
    expected = [{**oracle(p), **c} for p, c in zip(points.tolist(), before, strict=True)]
    assert rows_of(TABLE.select(segment_columns(PLAIN, [KMEANS])), KMEANS) == expected


def test_algorithms_come_in_turn_and_mixtures_tell_their_memberships() -> None:
    rows = rows_of(TABLE, KMEANS, SOFT)
    assert [r["algorithm"] for r in rows] == ["kmeans"] * 300 + ["gaussian_mixture"] * 300
    probabilities = SOFT.model.probabilities(PLAIN.points(TABLE))
    for row, expected in zip(rows[300:], probabilities.tolist(), strict=True):
        assert row["memberships"] == list(zip((2, 9), expected, strict=True))
        assert row["segment_id"] == (2, 9)[int(np.argmax(expected))]


def test_a_single_cluster_has_no_second_and_no_margin() -> None:
    alone = NamedClustering("kmeans", KMeans(CENTRES[:1]), (4,), ("All",))
    for row in rows_of(TABLE, alone):
        assert (row["second_segment_id"], row["margin"]) == (None, None)
        assert row["top_features"] == list(NAMES[:3])


def test_an_empty_bucket_has_no_row() -> None:
    assert rows_of(TABLE.slice(0, 0), KMEANS, SOFT) == []


def test_labels_are_the_rows_clusters() -> None:
    assigners = [("kmeans_4", KMEANS.assigner), ("gaussian_mixture_2", SOFT.assigner)]
    found = labels(TABLE, space=PLAIN, assigners=assigners)
    rows = rows_of(TABLE, KMEANS, SOFT)
    assert found["customer_id"].to_pylist() == TABLE["customer_id"].to_pylist()
    assert found["kmeans_4"].to_pylist() == [r["cluster"] for r in rows[:300]]
    assert found["gaussian_mixture_2"].to_pylist() == [r["cluster"] for r in rows[300:]]


def test_of_whom_too_little_is_known_has_a_segment_apart_and_no_reasons() -> None:
    few = pa.table(
        {
            **{name: TABLE[name] for name in TABLE.column_names if name != "event_count"},
            "event_count": pa.array([4, 5, 4, 1] * 75, pa.int64()),
            "frequency": pa.array([0, 0, 1, 0] * 75, pa.int64()),
        }
    )
    apart = replace(KMEANS, known_from=5)
    rows, usual = rows_of(few, apart), rows_of(few, KMEANS)
    assert {"event_count", "frequency"} < set(segment_columns(PLAIN, [apart]))
    for place, (row, before) in enumerate(zip(rows, usual, strict=True)):
        if place % 4 in (1, 2):
            assert row == before
            continue
        assert (row["cluster"], row["segment_id"], row["segment_name"]) == (
            -1,
            -1,
            "Too little known",
        )
        assert (row["distance"], row["second_segment_id"], row["margin"]) == (None, None, None)
        assert row["top_features"] == []
    found = labels(few, space=PLAIN, assigners=[("kmeans", apart.assigner)])
    assert found["kmeans"].to_pylist() == [4 if r["cluster"] == -1 else r["cluster"] for r in rows]


def test_rules_assign_instead_of_the_model_where_they_are_to() -> None:
    rules = RuleTree(
        (RuleNode("event_count", 3.0, 1, 2), RuleNode(cluster=2), RuleNode(cluster=0)), {}
    )
    by_rules = replace(KMEANS, rules=rules, by_rules=True)
    events = TABLE["event_count"].to_pylist()
    assert [r["cluster"] for r in rows_of(TABLE, by_rules)] == [2 if n < 3 else 0 for n in events]
    assert rows_of(TABLE, replace(by_rules, by_rules=False)) == rows_of(TABLE, KMEANS)


@pytest.mark.parametrize(
    ("axes", "expected"),
    [
        (("monetary", "age"), [1, 0, 2]),
        (("age", "visits"), [0, 1, 2]),
        (("x", "monetary"), [0, 2, 1]),
    ],
)
def test_segments_are_ordered_by_value(axes: tuple[str, str], expected: list[int]) -> None:
    centres = np.array([[2.0, 9.0], [3.0, 1.0], [1.0, 2.0]])
    assert order_by_value(centres, axes) == expected
