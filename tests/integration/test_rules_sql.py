"""The statement of custseg rules: the same segments as the tree's in three databases."""

import math
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import duckdb
import numpy as np
import polars as pl
import pytest
from postgresql_server import Server
from pyspark.sql import SparkSession

from custseg_spark.core.clustering.assigners import Assigner
from custseg_spark.core.clustering.assignment import NamedClustering
from custseg_spark.core.clustering.models import KMeans
from custseg_spark.core.clustering.rules.learning import learn
from custseg_spark.core.clustering.statements import statement

N = 2_000
NUMBERS = np.random.default_rng(6)
CUSTOMERS = pl.DataFrame(
    {
        "customer_id": [f"c{i:05d}" for i in range(N)],
        "frequency": NUMBERS.poisson(1.2, N),
        "event_count": NUMBERS.poisson(9, N),
        "recency_days": [None if n % 3 == 0 else n % 97 for n in range(N)],
        "evening_share": NUMBERS.integers(0, 20, N) / 20,
        # On the thresholds as often as not.
        "relative_price": NUMBERS.integers(-9, 9, N) / 10,
        "monetary": [Decimal(int(c)) / 100 for c in NUMBERS.integers(0, 20_000, N)],
    },
    schema_overrides={"monetary": pl.Decimal(28, 4)},
)
FEATURES = (
    "frequency",
    "event_count",
    "recency_days",
    "evening_share",
    "relative_price",
    "monetary",
)
RAW = {
    name: CUSTOMERS[name].cast(pl.Float64).fill_null(float("nan")).to_numpy() for name in FEATURES
}
LOSSES = np.column_stack(
    [
        np.nan_to_num(RAW["recency_days"], nan=90.0),
        60 * RAW["evening_share"] + 30 * RAW["relative_price"],
        50 - RAW["monetary"] / 4,
        20 * RAW["frequency"],
    ]
)
RULES = learn(RAW, LOSSES, most_leaves=8, null_values={"recency_days": 96.0})
CLUSTERING = NamedClustering(
    "kmeans",
    KMeans(np.zeros((4, 2))),
    (7, 3, 5, 1),
    ("Gold", "Loyal", "New -- of all\nof them", "Old"),
    rules=RULES,
    by_rules=True,
    known_from=5,
)


def expected() -> list[tuple[str, int]]:
    assigner: Assigner = CLUSTERING.assigner
    labels = assigner.labels(CUSTOMERS.to_arrow(), np.zeros((N, 2)))
    ids = [*CLUSTERING.segment_ids, -1]
    return [(c, ids[k]) for c, k in zip(CUSTOMERS["customer_id"], labels.tolist(), strict=True)]


def found(rows: Sequence[Sequence[Any]]) -> list[tuple[str, int]]:
    return sorted((customer, segment_id) for customer, segment_id in rows)


def test_the_tree_has_every_kind_of_question() -> None:
    assert RULES.leaves == 8
    assert {"recency_days", "monetary"} <= set(RULES.features)
    assert {segment_id for _, segment_id in expected()} == {7, 3, 5, 1, -1}
    assert math.isnan(RAW["recency_days"][0])


def test_duckdb() -> None:
    with duckdb.connect() as connection:
        connection.register("customer_features", CUSTOMERS.to_arrow())
        rows = connection.execute(statement(CLUSTERING, "duckdb")).fetchall()
    assert found(rows) == expected()


def test_spark(spark: SparkSession) -> None:
    spark.createDataFrame(CUSTOMERS.to_arrow()).createOrReplaceTempView("features_of_rules")
    rows = spark.sql(statement(CLUSTERING, "spark", "features_of_rules")).collect()
    assert found(rows) == expected()


def test_postgresql(postgresql: Server) -> None:
    database = "rules_of_segments"
    postgresql.query("postgres", f"CREATE DATABASE {database}")
    types = ["text", "int", "int", "int", "double precision", "double precision", "numeric(28,4)"]
    columns = ", ".join(f"{n} {t}" for n, t in zip(CUSTOMERS.columns, types, strict=True))
    postgresql.query(database, f"CREATE TABLE customer_features ({columns})")
    for rows in CUSTOMERS.iter_slices(500):
        values = ", ".join(["(%s, %s, %s, %s, %s, %s, %s)"] * len(rows))
        flat = [value for row in rows.iter_rows() for value in row]
        postgresql.query(database, f"INSERT INTO customer_features VALUES {values}", *flat)
    assert found(postgresql.query(database, statement(CLUSTERING, "postgres"))) == expected()


@pytest.mark.parametrize("dialect", ["duckdb", "spark", "postgres"])
def test_a_name_cant_end_its_comment(dialect: str) -> None:
    lines = statement(CLUSTERING, dialect).splitlines()
    assert "-- 5: New -- of all of them" in lines
    assert [line for line in lines if line.startswith("SELECT")] == ["SELECT customer_id,"]
