"""The chosen segments find the types that the generator planted: the gate of segment quality."""

import importlib.util
import sys
from pathlib import Path

import generate_events
import pytest
from checkout import ROOT, job
from ledger import reading
from pyspark.sql import SparkSession
from sklearn.metrics import adjusted_rand_score

from custseg_spark.config.settings import LakeConfig
from custseg_spark.engine.lake.lake import Lake
from custseg_spark.engine.lake.schemas import MODEL_SELECTION, SEGMENT_PROFILES

SPEC = importlib.util.spec_from_file_location(
    "planted_types", ROOT / "scripts" / "planted_types.py"
)
assert SPEC is not None
assert SPEC.loader is not None
planted_types = importlib.util.module_from_spec(SPEC)
sys.modules["planted_types"] = planted_types
SPEC.loader.exec_module(planted_types)

# What each planted type should be called.
NAMES = {
    "cart_abandoner": {"Cart Abandoners"},
    "explorer": {"Explorers"},
    "lapsed": {"Dormant", "At-Risk"},
    "loyal": {"Loyal", "High-Value"},
    "new": {"New"},
    "one_time": {"One-Visit Shoppers"},
    "price_seeker": {"Price-Sensitive"},
}


@pytest.fixture(scope="module")
def lake(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("planted")
    log = folder / "events.csv"
    size = ["--events", "150000", "--customers", "22000", "--days", "60", "--seed", "11"]
    generate_events.generate(generate_events.parse_arguments([*size, "--out", str(log)]))
    job("segment").run(
        [
            f"--lake={folder}/lake",
            f"--source=ecommerce_events={log}",
            '--set=model.algorithms=["kmeans"]',
            "--set=clv.enabled=false",
            "--set=report.enabled=false",
        ]
    )
    return folder / "lake"


def test_without_a_given_k_the_types_are_found_and_named(spark: SparkSession, lake: Path) -> None:
    types = planted_types.planted(lake.parent / "events_truth.csv")
    features = planted_types.table_of(lake, "customer_features", None)
    segments = planted_types.table_of(lake, "customer_segments", None)
    enough = features[features["event_count"] >= 20]["customer_id"]
    known = segments[segments["customer_id"].isin(enough)]
    assert planted_types.agreement(known, types) >= 0.9
    kinds = types[known["customer_id"]].to_numpy()
    for kind, named in known.groupby(kinds)["segment_name"]:
        assert named.mode()[0] in NAMES[kind], f"{kind} are called {named.mode()[0]}"
    read = reading(Lake(spark, LakeConfig(path=str(lake))))
    [chosen] = [tried for tried in read(MODEL_SELECTION) if tried.chosen]
    assert chosen.k == 7
    assert chosen.stability > 0.85
    profiles = read(SEGMENT_PROFILES)
    assert all(r.evidence and r.actions and r.runner_up for r in profiles)


def test_the_types_overlap_and_scaling_alone_does_not_find_them(lake: Path) -> None:
    types = planted_types.planted(lake.parent / "events_truth.csv")
    features = planted_types.table_of(lake, "customer_features", None)
    known = features[features["event_count"] >= 20]
    guessed = planted_types.ceiling(known, types)
    assert 0.9 < adjusted_rand_score(types[known["customer_id"]], guessed) < 0.99
    assert planted_types.scaled_only(known, types) < 0.85
