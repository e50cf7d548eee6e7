"""Published models of all informed customers, where the sample is a part of them."""

from datetime import date
from decimal import Decimal
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from checkout import job, write_log
from pyspark.sql import SparkSession

from custseg_spark.config.settings import LakeConfig
from custseg_spark.core.clustering.kmeans import FitSettings
from custseg_spark.core.clustering.models import KMeans, RefinedTree
from custseg_spark.core.clustering.preparation import Preparation, PreparedFeature
from custseg_spark.engine.lake.lake import Lake
from custseg_spark.engine.lake.schemas import CUSTOMER_FEATURES, MODEL_SELECTION, RUNS
from custseg_spark.engine.partitions import customer_buckets
from custseg_spark.engine.spark.mllib import MllibFits
from custseg_spark.pipeline.clustering.everyone import informed_customers

DAY = date(2021, 5, 1)
LEAST_EVENTS = 3
PREPARATION = Preparation(
    tuple(PreparedFeature(n, 0.0, "none", -np.inf, np.inf) for n in ("monetary", "frequency")), {}
)


def customers() -> list[tuple[str, float, int, int]]:
    """Id, spend, orders and events of 300 customers in three groups; a quarter is uninformed."""
    rng = np.random.default_rng(4)
    group = rng.integers(0, 3, 300)
    spend = np.round(rng.normal(100 + 400 * group, 30), 2)
    orders = rng.poisson(2 + 9 * group)
    events = rng.choice([2, 3, 9, 30], 300)
    values = zip(spend.tolist(), orders.tolist(), events.tolist(), strict=True)
    return [(f"c{number}", *row) for number, row in enumerate(values)]


def points() -> list[list[float]]:
    """Spend and orders of informed customers, by id."""
    informed = [c for c in sorted(customers()) if c[3] >= LEAST_EVENTS]
    return [[spend, float(orders)] for _, spend, orders, _ in informed]


@pytest.fixture(scope="module", params=["native", pytest.param("spark", marks=pytest.mark.heavy)])
def lake(
    request: pytest.FixtureRequest, spark: SparkSession, tmp_path_factory: pytest.TempPathFactory
) -> Lake:
    folder = str(tmp_path_factory.mktemp("lake"))
    made = Lake(spark, LakeConfig(path=folder, io="native"))
    rows = [
        {
            "run_date": DAY,
            "run_id": "run",
            "customer_id": customer,
            "monetary": Decimal(str(spend)),
            "frequency": orders,
            "event_count": events,
        }
        for customer, spend, orders, events in customers()
    ]
    made.create([CUSTOMER_FEATURES, RUNS])
    run = pa.Table.from_pylist([{"run_date": DAY, "run_id": "run"}], schema=RUNS.schema)
    made.replace_dates(run, RUNS, [DAY])
    table = pa.Table.from_pylist(rows, schema=CUSTOMER_FEATURES.schema)
    made.replace_dates(table, CUSTOMER_FEATURES, [DAY])
    return Lake(spark, LakeConfig(path=folder, io=request.param))


def test_all_informed_customers_come_by_id_whatever_the_io_and_the_buckets(lake: Lake) -> None:
    for groups in (1, 5):
        buckets = customer_buckets(lake, CUSTOMER_FEATURES, DAY, groups)
        frame = informed_customers(buckets, PREPARATION, LEAST_EVENTS)
        assert frame.columns == ["monetary", "frequency"]
        assert frame.rdd.getNumPartitions() == 1
        assert [list(row) for row in frame.collect()] == points()


def test_published_models_are_those_of_all_informed_customers(lake: Lake) -> None:
    buckets = customer_buckets(lake, CUSTOMER_FEATURES, DAY, 2)
    everyone = partial(informed_customers, buckets, PREPARATION, LEAST_EVENTS)
    every = np.array(points())
    sample = every[::5]
    settings = FitSettings(tolerance=0.0)
    fits = MllibFits(lake.spark, sample, PREPARATION, "standard", settings, 1, everyone)
    assert all(fits.refits(algorithm, 3) for algorithm in ("kmeans", "bisecting_kmeans"))
    scaled = fits.scaler.transform(every)
    start = fits.scaler.transform(sample[:3])
    kmeans = fits.refit("kmeans", 3, start)
    bisecting = fits.refit("bisecting_kmeans", 3, start)
    assert isinstance(kmeans, KMeans)
    assert isinstance(bisecting, RefinedTree)
    for model in (kmeans, bisecting):
        labels = model.labels(scaled)
        means = [scaled[labels == label].mean(axis=0) for label in range(3)]
        np.testing.assert_allclose(model.centres, means, rtol=1e-9)
    again = fits.refit("kmeans", 3, start)
    assert again.centres.tolist() == kmeans.centres.tolist()
    # What is saved is what was refitted.
    saved = fits.pipeline("kmeans", 3).stages[-1].clusterCenters()
    assert np.array(saved).tolist() == kmeans.centres.tolist()


def test_the_configuration_decides_which_customers_published_models_learn_from(
    spark: SparkSession, tmp_path: Path
) -> None:
    lines = [
        f"2019-10-0{day} 1{customer % 9}:00:00 UTC,{('view', 'purchase')[customer % 2]},7,1,a,b,"
        f"{5 + customer * day % 90}.00,{customer},s"
        for customer in range(120)
        for day in range(1, 3 + customer % 7)
    ]
    log = write_log(tmp_path / "events.csv", lines)

    def cost(of: str) -> float:
        place = str(tmp_path / of)
        arguments = [
            *(
                "--lake",
                place,
                f"--source=ecommerce_events={log}",
                f"--set=model.fit.customers={of}",
            ),
            '--set=model.algorithms=["kmeans"]',
            "--set=model.fit.sample_customers=40",
            "--set=model.k=3",
            "--set=model.preparation.min_events=1",
            "--set=model.stability.bootstraps=0",
            "--set=clv.enabled=false",
            "--set=report.enabled=false",
        ]
        job("segment").run(arguments)
        lake = Lake(spark, LakeConfig(path=place, io="native"))
        [row] = lake.rows(MODEL_SELECTION, ["within_cluster_cost"]).to_pylist()
        return float(row["within_cluster_cost"])

    assert cost("all") < cost("sample")
