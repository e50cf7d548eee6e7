"""Sessions of a date with very many events, which several tasks build by its customers."""

import random
import shutil
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pytest
from ledger import line, log_text
from pyspark.sql import SparkSession

from custseg_spark.engine.lake.lake import Lake
from custseg_spark.engine.lake.native import NativeLake
from custseg_spark.engine.lake.schemas import EVENTS, SESSIONS
from custseg_spark.interfaces.cli import arguments as cli
from custseg_spark.pipeline.ingest import ingest, list_sources
from custseg_spark.pipeline.sessions import native, refresh_sessions
from custseg_spark.progress import Progress

START = datetime(2019, 10, 1, 12, tzinfo=UTC)


def log(seed: int) -> str:
    """Events of three days, without a session's id for the most part: a gap ends a session, and
    many go on over a midnight."""
    random_ = random.Random(seed)
    body = []
    for customer in range(60):
        at = START + timedelta(minutes=random_.randint(0, 2_000))
        for _ in range(random_.randint(1, 12)):
            at += timedelta(minutes=random_.choice([1, 10, 25, 29, 31, 300]))
            body.append(
                line(
                    event_time=f"{at:%Y-%m-%d %H:%M:%S} UTC",
                    event_type=random_.choice(["view", "cart", "purchase"]),
                    user_id=str(customer),
                    user_session=random_.choice(["", "", "", "s"]),
                    price=random_.choice(["1.5", "20"]),
                )
            )
    return log_text(body)


def sessions(lake: Lake) -> Counter[tuple[str, ...]]:
    table: pa.Table = lake.rows(SESSIONS)
    return Counter(tuple(map(str, row.values())) for row in table.to_pylist())


def files_by_date(lake_dir: Path) -> Counter[date | None]:
    return Counter(file.day for file in NativeLake(lake_dir).files(SESSIONS))


def part_files(lake_dir: Path) -> list[Path]:
    return list((lake_dir / "events").rglob("part-*.parquet"))


def test_sessions_built_by_customers_are_those_of_the_whole_date(
    spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "log.csv").write_text(log(5))
    whole_dir, split_dir = tmp_path / "whole", tmp_path / "split"
    source = ["--source", f"ecommerce_events={tmp_path / 'log.csv'}", "--set", "lake.io=native"]
    given = cli.parse("", ["--lake", str(whole_dir), *source])
    whole = Lake(spark, given.config.lake)
    ingest(
        whole,
        list_sources(given.mappings),
        given.config,
        Progress(),
        ingested_at=datetime(2026, 1, 1, tzinfo=UTC),
        with_sessions=False,
    )
    shutil.copytree(whole_dir, split_dir)
    split = Lake(spark, cli.parse("", ["--lake", str(split_dir), *source]).config.lake)

    refresh_sessions(whole, given.config.ingest, Progress())
    monkeypatch.setattr(native, "EVENTS_PER_TASK", 40)
    refresh_sessions(split, given.config.ingest, Progress())

    assert set(files_by_date(whole_dir).values()) == {1}
    # The last date has few events.
    assert sorted(files_by_date(split_dir).values()) == [1, 3, 7]
    carried = [r for r in whole.rows(SESSIONS).to_pylist() if r["session_date"] != START.date()]
    assert len(carried) > 20
    assert sessions(split) == sessions(whole)
    # What the dates were divided into is gone.
    of_table = {file.path for file in NativeLake(split_dir).files(EVENTS)}
    assert {str(p.relative_to(split_dir / "events")) for p in part_files(split_dir)} == of_table
    # Neither is stale: nothing is built again.
    before = NativeLake(split_dir).version(SESSIONS)
    refresh_sessions(split, given.config.ingest, Progress())
    assert NativeLake(split_dir).version(SESSIONS) == before
