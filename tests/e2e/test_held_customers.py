"""Hysteresis over runs: who is held is so in every table, for one run, and again in a rerun."""

from collections import Counter
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from checkout import job, write_log
from pyspark.sql import SparkSession

from custseg_spark.config.settings import LakeConfig
from custseg_spark.engine.lake.columns import Table
from custseg_spark.engine.lake.lake import Lake
from custseg_spark.engine.lake.schemas import (
    CUSTOMER_SEGMENTS,
    SEGMENT_MIGRATIONS,
    SEGMENT_POINTS,
    SEGMENT_PROFILES,
)

DAYS = [date(2019, 10, day) for day in (10, 12, 14)]
OPTIONS = (
    "--model=fit",
    '--set=model.features=["events_30d"]',
    '--set=model.algorithms=["kmeans"]',
    "--set=model.k=2",
    "--set=model.fit.starts=1",
    "--set=model.stability.bootstraps=0",
    "--set=model.stability.hysteresis=0.5",
    "--set=model.preparation.transform=none",
    "--set=model.preparation.clip=none",
    "--set=model.preparation.min_events=1",
    "--set=clv.enabled=false",
    "--set=report.enabled=false",
)
FEW, BORDER, MANY = range(20), range(20, 25), range(25, 45)


def lines() -> list[str]:
    """Customers with 4 events, with 20, and with 10 who have 13 from the second run date on."""
    counts = dict.fromkeys(FEW, 4) | dict.fromkeys(MANY, 20) | dict.fromkeys(BORDER, 10)
    events = [(c, n % 9 + 1, n) for c, count in counts.items() for n in range(count)]
    events += [(c, 10, n) for c in BORDER for n in range(3)]
    return [
        f"2019-10-{day:02} 12:{n:02}:00 UTC,view,7,1,a,b,5.00,{c},s{c}"
        for c, day, n in sorted(events, key=lambda e: e[1:])
    ]


def run(folder: Path, io: str, day: date, *arguments: str) -> None:
    options = (f"--lake={folder}/lake", f"--set=lake.io={io}", f"--run-date={day}", *OPTIONS)
    job("segment").run([*options, *arguments])


@pytest.fixture(scope="module", params=["native", pytest.param("spark", marks=pytest.mark.heavy)])
def lake(
    request: pytest.FixtureRequest, spark: SparkSession, tmp_path_factory: pytest.TempPathFactory
) -> Lake:
    folder = tmp_path_factory.mktemp("held")
    log = write_log(folder / "log.csv", lines())
    for number, day in enumerate(DAYS):
        source = "--skip-ingest" if number else f"--source=ecommerce_events={log}"
        run(folder, request.param, day, source)
    return Lake(spark, LakeConfig(path=str(folder / "lake"), io=request.param))


def rows(lake: Lake, table: Table, day: date) -> list[dict[str, Any]]:
    found = lake.rows(table, dates=[day]).drop(["run_id"])
    return sorted(found.to_pylist(), key=str)


def at_border(lake: Lake, day: date) -> set[tuple[int, int, bool]]:
    """Segment, the model's segment, and whether the second one is nearer, of who is between."""
    return {
        (r["segment_id"], r["model_segment_id"], r["margin"] < 0)
        for r in rows(lake, CUSTOMER_SEGMENTS, day)
        if int(r["customer_id"]) in BORDER
    }


def test_customers_are_held_for_one_run(lake: Lake) -> None:
    few, many = 2, 1
    assert at_border(lake, DAYS[0]) == {(few, few, False)}
    assert at_border(lake, DAYS[1]) == {(few, many, True)}
    assert at_border(lake, DAYS[2]) == {(many, many, False)}


def test_every_table_has_them_where_they_are_held(lake: Lake) -> None:
    for day in DAYS:
        assigned = {r["customer_id"]: r["segment_id"] for r in rows(lake, CUSTOMER_SEGMENTS, day)}
        profiles = rows(lake, SEGMENT_PROFILES, day)
        assert {r["segment_id"]: r["customers"] for r in profiles} == Counter(assigned.values())
        pictured = {r["customer_id"]: r["segment_id"] for r in rows(lake, SEGMENT_POINTS, day)}
        assert pictured == assigned
    moved = [
        {(r["from_segment_id"], r["to_segment_id"]): r["customers"] for r in found}
        for found in (rows(lake, SEGMENT_MIGRATIONS, day) for day in DAYS[1:])
    ]
    assert moved == [{(1, 1): 20, (2, 2): 25}, {(1, 1): 20, (2, 2): 20, (2, 1): 5}]
    means = [
        dict(r["features"])["events_30d"]["mean"]
        for r in rows(lake, SEGMENT_PROFILES, DAYS[1])
        if r["segment_id"] == 2
    ]
    assert means == [pytest.approx((20 * 4 + 5 * 13) / 25)]


def test_a_rerun_gives_the_same_rows(lake: Lake) -> None:
    before = rows(lake, CUSTOMER_SEGMENTS, DAYS[1])
    run(Path(lake.config.path).parent, lake.config.io, DAYS[1], "--skip-ingest")
    again = Lake(lake.spark, lake.config)
    assert rows(again, CUSTOMER_SEGMENTS, DAYS[1]) == before
