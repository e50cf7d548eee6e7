"""Random logs through a lake by either way of IO, against the oracle in plain Python."""

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import oracle
import pytest
from pyspark.sql import SparkSession
from random_logs import END, MAPPING, differences, log_file, random_log

from custseg_spark.config.mappings import mapping_of
from custseg_spark.config.settings import Config, FeaturesConfig, LakeConfig
from custseg_spark.engine.lake import publication
from custseg_spark.engine.lake.lake import Lake
from custseg_spark.engine.lake.schemas import CLV_MODELS, CUSTOMER_FEATURES, RUNS
from custseg_spark.pipeline.features import write_features
from custseg_spark.pipeline.ingest import ingest, list_sources
from custseg_spark.progress import Progress

AS_OF = END.date()
ZONES = {"America/New_York": -18_000, "Asia/Kolkata": 19_800, "UTC": 0}


@pytest.fixture
def set_time_zone(
    spark: SparkSession, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[[str], None]]:
    """Sets the machine's time zone, for Python and for the JVM.

    A JVM reads TZ only as it starts; its default zone itself can be set.
    """
    zones = spark.sparkContext._jvm.java.util.TimeZone  # type: ignore[union-attr]
    before = zones.getDefault()

    def set_to(name: str) -> None:
        monkeypatch.setenv("TZ", name)
        time.tzset()
        zones.setDefault(zones.getTimeZone(name))

    yield set_to
    monkeypatch.undo()
    time.tzset()
    zones.setDefault(before)


@pytest.mark.parametrize("io", ["native", "spark"])
@pytest.mark.parametrize("seed", range(6))
def test_a_lake_has_the_oracles_features(
    spark: SparkSession,
    tmp_path: Path,
    set_time_zone: Callable[[str], None],
    seed: int,
    io: str,
) -> None:
    zone, offset = list(ZONES.items())[seed % len(ZONES)]
    set_time_zone(zone)
    assert time.localtime(0).tm_gmtoff == offset
    log = random_log(seed, 4)
    folder = tmp_path / "log"
    folder.mkdir()
    for number in range(3):
        (folder / f"{number}.csv").write_bytes(log_file(log.lines[number::3]))
    settings = LakeConfig(path=str(tmp_path / "lake"), io=io)
    config = Config(lake=settings, features=FeaturesConfig(("price_relative",)))
    lake = Lake(spark, config.lake)
    mapping = mapping_of({**MAPPING, "path": (str(folder),), "max_rejected_share": 1.0}, "random")
    done = ingest(
        lake,
        list_sources([mapping]),
        config,
        Progress(),
        ingested_at=datetime(2030, 1, 1, tzinfo=UTC),
    )
    assert (done.rejected, done.accepted) == (log.refused, len(log.events)), f"seed {seed}"
    assert done.duplicates == len(log.lines) - log.refused - len(log.events)
    lake.create([CUSTOMER_FEATURES, CLV_MODELS, RUNS])
    with publication.of_run(publication.as_read(lake), AS_OF) as own:
        write_features(own, config, Progress())
        rows = own.lake.rows(CUSTOMER_FEATURES).to_pylist()
    assert {row["run_date"] for row in rows} == {AS_OF}
    computed = {row["customer_id"]: row for row in rows}
    assert len(computed) == len(rows)
    assert differences(computed, expected(log.events)) == [], f"seed {seed}"


def expected(events: tuple[oracle.Event, ...]) -> dict[str, dict[str, Any]]:
    features = oracle.customer_features(events, AS_OF)
    for customer, values in oracle.price_relative(events, AS_OF).items():
        features[customer] |= values
    return features
