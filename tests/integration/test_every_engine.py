"""The same rows through every engine: the kernels alone, Spark with native IO, Spark's own IO."""

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import kernels
import pyarrow as pa
import pytest
from compared import assert_same_table
from pyspark.sql import SparkSession
from random_logs import MAPPING, Log, differences, log_file, random_log

from custseg_spark.config.mappings import mapping_of
from custseg_spark.config.settings import Config, FeaturesConfig, LakeConfig
from custseg_spark.core.clv.scoring import CLV_DOCS
from custseg_spark.engine.lake import publication
from custseg_spark.engine.lake.insight_tables import EVENT_SUMMARY
from custseg_spark.engine.lake.lake import Lake
from custseg_spark.engine.lake.schemas import CLV_MODELS, CUSTOMER_FEATURES, RUNS
from custseg_spark.pipeline.features import write_features
from custseg_spark.pipeline.ingest import ingest, list_sources
from custseg_spark.progress import Progress

ZONES = {"America/New_York": -18_000, "Asia/Kolkata": 19_800, "UTC": 0}
# How many random logs of six each change takes through an engine; every night takes them all.
SEEDS = {"kernels": 2, "native": 2, "spark": 1}
CASES = [
    pytest.param(engine, seed, marks=[pytest.mark.heavy] if seed >= count else [])
    for engine, count in SEEDS.items()
    for seed in range(6)
]


class Outcome(NamedTuple):
    """What an engine made of a log: numbers of records, and features sorted by customer."""

    accepted: int
    rejected: int
    duplicates: int
    features: pa.Table


Engine = Callable[[Log, Path], Outcome]


@pytest.fixture
def engine(request: pytest.FixtureRequest) -> Engine:
    """Take a log through one engine; only the engines of Spark start a session."""
    if request.param == "kernels":
        return by_kernels
    spark = request.getfixturevalue("spark")
    request.getfixturevalue("other_time_zones")
    return lambda log, folder: by_spark(spark, log, folder, request.param)


def by_kernels(log: Log, _folder: Path) -> Outcome:
    validated = kernels.validated(log.lines, 2)
    days = kernels.without_copies(validated)
    rejected, accepted = sum(len(v.rejected) for v in validated), sum(map(len, days.values()))
    features = kernels.features_by_kernels(days, 2)
    return Outcome(accepted, rejected, len(log.lines) - accepted - rejected, of_rules(features))


def by_spark(spark: SparkSession, log: Log, folder: Path, io: str) -> Outcome:
    """Ingest the log from three files, and compute the features as a run does."""
    (folder / "log").mkdir()
    for number in range(3):
        (folder / "log" / f"{number}.csv").write_bytes(log_file(log.lines[number::3]))
    settings = LakeConfig(path=str(folder / "lake"), io=io)
    config = Config(lake=settings, features=FeaturesConfig(("price_relative",)))
    lake = Lake(spark, config.lake)
    source = {**MAPPING, "path": (str(folder / "log"),), "max_rejected_share": 1.0}
    listed = list_sources([mapping_of(source, "random")])
    done = ingest(lake, listed, config, Progress(), ingested_at=datetime(2030, 1, 1, tzinfo=UTC))
    lake.create([CUSTOMER_FEATURES, CLV_MODELS, EVENT_SUMMARY, RUNS])
    with publication.of_run(publication.as_read(lake), kernels.AS_OF) as own:
        write_features(own, config, Progress())
        features = own.lake.rows(CUSTOMER_FEATURES)
    assert features["run_date"].unique().to_pylist() == [kernels.AS_OF]
    features = features.drop_columns(["run_date", "run_id"]).sort_by("customer_id").combine_chunks()
    return Outcome(done.accepted, done.rejected, done.duplicates, of_rules(features))


def of_rules(features: pa.Table) -> pa.Table:
    """The features that follow from the rules alone; fitted models' are left out."""
    return features.drop_columns(list(CLV_DOCS)).replace_schema_metadata(None)


@pytest.fixture
def set_time_zone(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[[str], None]]:
    """Set the machine's time zone for Python; `other_time_zones` sets the JVM's, too."""

    def set_to(name: str) -> None:
        monkeypatch.setenv("TZ", name)
        time.tzset()
        if "spark" in request.fixturenames:
            zones = jvm_time_zones(request.getfixturevalue("spark"))
            zones.setDefault(zones.getTimeZone(name))

    yield set_to
    monkeypatch.undo()
    time.tzset()


@pytest.fixture
def other_time_zones(spark: SparkSession) -> Iterator[None]:
    """Restore the JVM's time zone: it reads TZ only as it starts, but its default can be set."""
    zones = jvm_time_zones(spark)
    before = zones.getDefault()
    yield
    zones.setDefault(before)


def jvm_time_zones(spark: SparkSession):  # type: ignore[no-untyped-def]
    return spark.sparkContext._jvm.java.util.TimeZone  # type: ignore[union-attr]


@pytest.mark.parametrize(("engine", "seed"), CASES, indirect=["engine"])
def test_every_engine_gives_the_same_features_and_they_are_the_oracles(
    engine: Engine, tmp_path: Path, set_time_zone: Callable[[str], None], seed: int
) -> None:
    zone, offset = list(ZONES.items())[seed % len(ZONES)]
    set_time_zone(zone)
    assert time.localtime(0).tm_gmtoff == offset
    log = random_log(seed, 4)
    outcome = engine(log, tmp_path)
    assert (outcome.accepted, outcome.rejected) == (len(log.events), log.refused)
    assert outcome.duplicates == len(log.lines) - log.refused - len(log.events)
    rows = {row.pop("customer_id"): row for row in outcome.features.to_pylist()}
    assert len(rows) == len(outcome.features)
    assert differences(rows, kernels.expected(log)) == [], f"seed {seed}"
    assert_same_table(outcome.features, by_kernels(log, tmp_path).features)
