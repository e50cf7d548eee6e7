"""Rules of a clustering: round thresholds, learning, words, SQL, and the document's values."""

import json
import math

import duckdb
import numpy as np
import polars as pl
import pytest
from sklearn.datasets import make_blobs
from sklearn.tree import DecisionTreeClassifier

from custseg_spark.core.clustering.models import KMeans
from custseg_spark.core.clustering.rules.fitting import price, rules_of
from custseg_spark.core.clustering.rules.learning import learn
from custseg_spark.core.clustering.rules.sql import case, condition, little_known_sql
from custseg_spark.core.clustering.rules.thresholds import round_thresholds
from custseg_spark.core.clustering.rules.tree import RuleNode, RuleTree
from custseg_spark.core.clustering.rules.words import sentence
from custseg_spark.core.clustering.rules.written import parts_of
from custseg_spark.core.clustering.rules.written import rules_of as read_rules

# Orders below 3: cluster 0, else by the days since the last one (null: 90), 1 or 2.
RULES = RuleTree(
    (
        RuleNode("frequency", 3.0, 1, 2),
        RuleNode(cluster=0),
        RuleNode("recency_days", 21.0, 3, 4),
        RuleNode(cluster=1),
        RuleNode("monetary", 80.5, 5, 6),
        RuleNode(cluster=0),
        RuleNode(cluster=2),
    ),
    {"recency_days": 90.0},
)
CUSTOMERS = {
    "frequency": [2.0, 3.0, 3.0, 4.0, 9.0],
    "recency_days": [1.0, 20.0, 21.0, math.nan, math.nan],
    "monetary": [900.0, 1.0, 80.49, 80.5, 0.0],
}
EXPECTED = [0, 1, 0, 2, 0]


def columns(values: dict[str, list[float]]) -> dict[str, np.ndarray]:
    return {name: np.array(own) for name, own in values.items()}


def test_a_tree_asks_from_the_root_and_null_counts_as_its_value() -> None:
    assert RULES.labels(columns(CUSTOMERS)).tolist() == EXPECTED
    assert RULES.leaves == 4
    assert RULES.features == ("frequency", "recency_days", "monetary")


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([0.0, 1.0, 2.0, 9.0], [1, 2, 9]),
        ([0.0, 0.04, 0.2, 1.0], [0.02, 0.2, 1.0]),
        ([4.7, 61.0, 128.0], [60.0, 100.0]),
        ([-0.9, -0.2, 0.3], [-0.5, 0.3]),
        ([5.0, 5.0], []),
    ],
)
def test_thresholds_are_round_and_divide_the_values(
    values: list[float], expected: list[float]
) -> None:
    found = round_thresholds(np.array(values)).tolist()
    reached = [sum(v >= t for v in values) for t in found]
    assert len(set(reached)) == len(found)
    assert all(0 < n < len(values) for n in reached)
    assert len(found) == len(expected)
    assert all(len(f"{abs(t):g}".replace(".", "").strip("0")) <= 2 for t in found)


def test_blobs_are_told_without_a_flaw_and_every_cluster_has_a_leaf() -> None:
    points, _ = make_blobs(600, centers=5, n_features=3, cluster_std=0.3, random_state=4)
    points = np.asfortranarray(points * 10)
    model = KMeans(np.array([points[:, :][_ == c].mean(axis=0) for c in range(5)]))
    raw = {name: points[:, i] for i, name in enumerate(("x", "y", "z"))}
    rules = rules_of(model, points, raw, {})
    assert {rule.cluster for rule in rules.rules} == set(range(5))
    assert rules.leaves <= 10
    told = price(model, points, rules.labels(raw))
    assert told is not None
    assert told.fidelity > 0.995
    assert told.cost_ratio < 1.05


def test_rules_cost_no_more_than_a_tree_of_as_many_leaves_by_scikit_learn() -> None:
    rng = np.random.default_rng(8)
    points = np.asfortranarray(rng.normal(size=(3_000, 4)))
    centres = rng.normal(size=(5, 4))
    model = KMeans(centres)
    raw = {f"f{i}": points[:, i] for i in range(4)}
    ours = price(model, points, rules_of(model, points, raw, {}).labels(raw))
    tree = DecisionTreeClassifier(max_leaf_nodes=10, random_state=0)
    told = tree.fit(points, model.labels(points)).predict(points)
    theirs = price(model, points, told)
    assert ours is not None
    assert theirs is not None
    assert ours.cost_ratio <= theirs.cost_ratio


def test_the_order_of_customers_changes_nothing() -> None:
    rng = np.random.default_rng(3)
    losses = rng.integers(0, 50, size=(400, 3)).astype(float)
    raw = {"a": rng.integers(0, 40, 400).astype(float), "b": rng.random(400)}
    order = rng.permutation(400)
    first = learn(raw, losses, most_leaves=6, null_values={})
    second = learn(
        {n: v[order] for n, v in raw.items()}, losses[order], most_leaves=6, null_values={}
    )
    assert first == second


def test_customers_who_are_alike_are_one_leaf() -> None:
    rules = learn({"a": np.ones(5)}, np.ones((5, 2)), most_leaves=4, null_values={})
    assert rules.leaves == 1
    assert sentence(rules.rules, {}) == "Everybody"
    assert condition(rules.rules, {}) == "TRUE"


def test_rules_are_said_as_a_person_would() -> None:
    said = {c: sentence(RULES.of_cluster(c), RULES.null_values) for c in range(3)}
    assert said == {
        0: "Fewer than 3 orders; or 3 or more orders, last order 21 or more days ago or never,"
        " spends less than 80.5",
        1: "3 or more orders, last order within 21 days",
        2: "3 or more orders, last order 21 or more days ago or never, spends 80.5 or more",
    }


@pytest.mark.parametrize("dialect", ["duckdb", "spark"])
def test_sql_says_what_the_tree_says(dialect: str) -> None:
    rows = pl.DataFrame(CUSTOMERS).with_columns(pl.col("recency_days").fill_nan(None))
    whens = [(condition(RULES.of_cluster(c), RULES.null_values, dialect), 10 * c) for c in range(3)]
    # DuckDB doesn't know Spark's letter for doubles.
    text = case(whens).replace("80.5D", "80.5")
    found = duckdb.sql(f"SELECT {text} FROM rows").fetchall()
    assert [row[0] for row in found] == [10 * c for c in EXPECTED]
    assert "COALESCE(recency_days, 90) >= 21" in text
    assert "recency_days < 21" in text
    assert rows.height == 5


def test_little_known_customers_are_told_by_events_and_orders() -> None:
    assert little_known_sql(5) == "event_count < 5 AND frequency = 0"


def test_rules_go_through_json() -> None:
    assert read_rules(json.loads(json.dumps(parts_of(RULES)))) == RULES
    assert read_rules(parts_of(None)) is None


@pytest.mark.parametrize(
    "node", [{"feature": "x"}, {"feature": "x", "threshold": 1.0, "below": 0, "above": 1}]
)
def test_nodes_that_are_no_tree_are_refused(node: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="node 0 of its rules"):
        read_rules({"nodes": [node], "null_values": {}})
