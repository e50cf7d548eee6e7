"""Published models of all informed customers, where the sample is a part of them."""

from pathlib import Path
from typing import Any

import pytest
from conftest import job, write_log
from pyspark.sql import SparkSession

from custseg_spark.config.settings import LakeConfig
from custseg_spark.engine.lake.lake import Lake
from custseg_spark.engine.lake.schemas import MODEL_SELECTION, RUNS, SEGMENT_PROFILES

CUSTOMERS = 240
SAMPLED = (
    "--set=model.fit.sample_customers=60",
    "--set=model.k=3",
    "--set=model.preparation.min_events=1",
    "--set=model.stability.bootstraps=0",
    "--set=clv.enabled=false",
    "--set=report.enabled=false",
)


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    lines = []
    for customer in range(CUSTOMERS):
        kind = ("view", "cart", "purchase")[customer % 3]
        for day in range(1, 3 + customer % 7):
            price = 5 + customer * day % 90
            time = f"2019-10-0{day} 1{customer % 9}:00:00 UTC"
            lines.append(f"{time},{kind},{customer % 11},1,a,b,{price}.00,{customer},s")
    return write_log(tmp_path_factory.mktemp("log") / "events.csv", lines)


def segmented(spark: SparkSession, folder: Path, log: Path, *arguments: str) -> Lake:
    source = f"--source=ecommerce_events={log}"
    job("segment").run(["--lake", str(folder), source, *SAMPLED, *arguments])
    return Lake(spark, LakeConfig(path=str(folder), io="spark"))


def costs(lake: Lake) -> dict[str, float]:
    rows = lake.rows(MODEL_SELECTION, ["algorithm", "within_cluster_cost"]).to_pylist()
    return {row["algorithm"]: row["within_cluster_cost"] for row in rows}


def profiles(lake: Lake) -> list[dict[str, Any]]:
    rows = lake.rows(SEGMENT_PROFILES).to_pylist()
    return sorted(rows, key=lambda row: (row["algorithm"], row["segment_id"]))


def test_models_of_all_fit_all_better_and_alike_by_both_ways_of_io(
    spark: SparkSession, log: Path, tmp_path: Path
) -> None:
    sample = segmented(spark, tmp_path / "sample", log, "--set=lake.io=native")
    of_all = [
        segmented(spark, tmp_path / io, log, "--set=model.fit.customers=all", f"--set=lake.io={io}")
        for io in ("native", "spark")
    ]
    less, more = costs(of_all[0]), costs(sample)
    assert less.keys() == {"kmeans", "bisecting_kmeans"}
    assert less["kmeans"] < more["kmeans"]
    assert less["bisecting_kmeans"] != more["bisecting_kmeans"]
    assert profiles(of_all[0]) == profiles(of_all[1])
    models = [dict(lake.rows(RUNS, ["models"]).to_pylist()[0]["models"]) for lake in of_all]
    # Their names end with hashes of the models.
    assert models[0] == models[1]
