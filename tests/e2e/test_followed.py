"""A year of monthly runs: segments keep their ids, births and deaths are said when they happen."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from checkout import job, write_log
from pyspark.sql import SparkSession

from custseg_spark.config.settings import LakeConfig
from custseg_spark.engine.lake.columns import Table
from custseg_spark.engine.lake.lake import Lake
from custseg_spark.engine.lake.rows import dicts_of
from custseg_spark.engine.lake.schemas import (
    CUSTOMER_FEATURES,
    CUSTOMER_SEGMENTS,
    RUNS,
    SEGMENT_MIGRATIONS,
    SEGMENT_PROFILES,
)

# A night's work: minutes of whole runs.
pytestmark = pytest.mark.heavy

MONTHS = 12
RUN_DATES = [date(2021, 1, 31) + timedelta(days=30 * month) for month in range(MONTHS)]
BIRTH, DEATH = 5, 8  # in which month heavy buyers appear, and bargain hunters fall silent
# Events a month, purchases among them, and the price of each.
HABITS = {
    "buyers": (12, 4, 60.0),
    "browsers": (60, 0, 60.0),
    "quiet": (2, 0, 60.0),
    "bargain": (16, 8, 1.5),
    "heavy": (90, 60, 400.0),
}
FEATURES = '["spend_30d", "events_30d", "purchases_30d"]'
OPTIONS = (
    "--model=fit",
    f"--set=model.features={FEATURES}",
    '--set=model.algorithms=["kmeans"]',
    "--set=model.selection.k_max=6",
    "--set=model.fit.starts=1",
    "--set=model.stability.bootstraps=5",
    "--set=model.preparation.min_events=1",
    "--set=model.preparation.max_correlation=1.0",
    "--set=clv.enabled=false",
    "--set=report.enabled=false",
)


@dataclass(frozen=True)
class Year:
    """The lake of twelve runs, and the planted type of each customer in each month."""

    lake: Lake
    types: dict[str, list[str | None]]

    def rows(self, table: Table, month: int) -> list[dict[str, Any]]:
        return dicts_of(self.lake.rows(table, dates=[RUN_DATES[month]]))


def planted() -> dict[str, list[str | None]]:
    """Customer to type by month, None before the first. The mix moves: a buyer more a month for
    each six at the start; heavy buyers join in month BIRTH; in month DEATH the bargain hunters
    turn quiet."""
    types: dict[str, list[str | None]] = {}

    def add(kind: str, count: int, joins: int = 0) -> None:
        for _ in range(count):
            own: list[str | None] = [None if m < joins else kind for m in range(MONTHS)]
            if kind == "bargain":
                own[DEATH:] = ["quiet"] * (MONTHS - DEATH)
            types[f"{600 + len(types)}"] = own

    add("buyers", 24)
    add("browsers", 20)
    add("quiet", 40)
    add("bargain", 20)
    for month in range(1, MONTHS):
        add("buyers", 4, month)
    add("heavy", 12, BIRTH)
    return types


def year_of_events(types: dict[str, list[str | None]]) -> list[str]:
    rng = np.random.default_rng(11)
    lines = []
    for customer, kinds in types.items():
        for month, kind in enumerate(kinds):
            if kind is None:
                continue
            events, purchases, price = HABITS[kind]
            count = max(1, round(events * rng.uniform(0.8, 1.2)))
            bought = round(purchases * rng.uniform(0.8, 1.2))
            begins = datetime.combine(RUN_DATES[month] - timedelta(days=29), datetime.min.time())
            for number in range(count):
                # A few days a month: each date is a file in each table, and files cost time.
                day, minute = int(rng.integers(0, 4)) * 7, int(rng.integers(0, 1440))
                at = begins + timedelta(days=day, minutes=minute, seconds=number)
                what = "purchase" if number < bought else "view"
                paid = price * rng.uniform(0.9, 1.1)
                lines.append(
                    f"{at:%Y-%m-%d %H:%M:%S} UTC,{what},{number % 9},{number % 4},,,{paid:.2f},"
                    f"{customer},s{customer}-{month}-{number % 5}"
                )
    return lines


@pytest.fixture(scope="module")
def year(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Year:
    folder = tmp_path_factory.mktemp("year")
    types = planted()
    log = write_log(folder / "log.csv", year_of_events(types))
    for number, day in enumerate(RUN_DATES):
        source = "--skip-ingest" if number else f"--source=ecommerce_events={log}"
        job("segment").run([f"--lake={folder}/lake", f"--run-date={day}", source, *OPTIONS])
    return Year(Lake(spark, LakeConfig(path=str(folder / "lake"))), types)


def segments_of_types(year: Year, month: int) -> dict[str, set[int]]:
    """The segment ids that the customers of each planted type have."""
    found: dict[str, set[int]] = {}
    for row in year.rows(CUSTOMER_SEGMENTS, month):
        kind = year.types[row["customer_id"]][month]
        assert kind is not None
        found.setdefault(kind, set()).add(row["segment_id"])
    return found


def test_no_id_changes_its_meaning(year: Year) -> None:
    ids: dict[str, set[int]] = {}
    for month in range(MONTHS):
        for kind, found in segments_of_types(year, month).items():
            assert len(found) == 1, f"month {month}: {kind} are in {found}"
            ids.setdefault(kind, set()).update(found)
    assert all(len(own) == 1 for own in ids.values()), ids
    assert len(set.union(*ids.values())) == len(HABITS)


def test_birth_and_death_are_reported_at_their_dates(year: Year) -> None:
    said = {}
    for month in range(MONTHS):
        for row in year.rows(SEGMENT_PROFILES, month):
            if month and row["status"] not in ("continued", "merged"):
                said[month, row["status"]] = row["segment_id"]
    [heavy] = segments_of_types(year, BIRTH)["heavy"]
    [bargain] = segments_of_types(year, 0)["bargain"]
    assert said == {(BIRTH, "born"): heavy, (DEATH, "died"): bargain}
    [quiet] = [r for r in year.rows(SEGMENT_PROFILES, DEATH) if r["status"] == "merged"]
    assert bargain in quiet["related_segments"]


def test_migrations_add_up_to_the_customers(year: Year) -> None:
    for month in range(1, MONTHS):
        rows = year.rows(SEGMENT_MIGRATIONS, month)
        here = sum(1 for kinds in year.types.values() if kinds[month])
        before = sum(1 for kinds in year.types.values() if kinds[month - 1])
        assert sum(r["customers"] for r in rows if r["to_segment_id"] is not None) == here
        assert sum(r["customers"] for r in rows if r["from_segment_id"] is not None) == before
        joined = sum(r["customers"] for r in rows if r["from_segment_id"] is None)
        assert joined == here - before
        total = sum(r["monetary"] for r in year.rows(CUSTOMER_FEATURES, month))
        assert sum(r["revenue"] for r in rows) == total
    assert year.rows(SEGMENT_MIGRATIONS, 0) == []


def test_a_rerun_of_an_old_date_renumbers_nothing(year: Year) -> None:
    def ids() -> dict[date, list[tuple[int, str]]]:
        rows = year.lake.rows(SEGMENT_PROFILES, ["run_date", "segment_id", "status"]).to_pylist()
        found: dict[date, list[tuple[int, str]]] = {}
        for row in rows:
            found.setdefault(row["run_date"], []).append((row["segment_id"], row["status"]))
        return {day: sorted(own) for day, own in found.items()}

    before = ids()
    path = year.lake.config.path
    day = RUN_DATES[BIRTH]
    job("segment").run(
        [f"--lake={path}", f"--run-date={day}", "--skip-ingest", "--again", *OPTIONS]
    )
    assert ids() == before
    [run] = year.rows(RUNS, BIRTH)
    assert run["previous_run_date"] == RUN_DATES[BIRTH - 1]
    assert run["model_use"] == "fit"
