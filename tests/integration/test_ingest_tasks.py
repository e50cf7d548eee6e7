"""One log cut, shuffled and read in many ways; workers that die, tasks that are tried twice."""

import os
import random
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import partial
from pathlib import Path

import pyarrow as pa
import pytest
from checkout import HEADER
from ledger import Ledger, Read, RunJob, events, ledger, line, lines, log_text, random_line
from py4j.protocol import Py4JJavaError
from pyspark import cloudpickle
from pyspark.sql import SparkSession

from custseg_spark.engine.lake.files import run_of
from custseg_spark.engine.lake.lake import Lake
from custseg_spark.engine.lake.native import NativeLake
from custseg_spark.engine.lake.schemas import EVENTS, INGEST_FILES, REJECTED_EVENTS
from custseg_spark.engine.sources.pieces import Located
from custseg_spark.interfaces.cli import arguments as cli
from custseg_spark.pipeline.ingest import ingest, list_sources, native_events
from custseg_spark.pipeline.ingest.native_events import EventSink
from custseg_spark.pipeline.ingest.written import Written
from custseg_spark.progress import Progress

# Where an event was read.
PROVENANCE = ("source_file", "source_row", "file_id")
Rows = Counter[tuple[str, ...]]


@dataclass(frozen=True)
class Ingested:
    """All columns of what an ingest left; how many files of events each date has."""

    events: pa.Table
    ledger: Rows
    refused: Rows
    files: Counter[date | None]

    def events_without(self, columns: Sequence[str]) -> Rows:
        return _rows(self.events.drop_columns(list(columns)))


def _rows(table: pa.Table) -> Rows:
    return Counter(tuple(map(str, row.values())) for row in table.to_pylist())


Ingest = Callable[..., Ingested]


@pytest.fixture
def ingested(spark: SparkSession, tmp_path: Path) -> Ingest:
    """Ingests a path into a lake of its own, by one way of IO, without sessions."""

    def run(source: Path, io: str, *settings: str) -> Ingested:
        lake_dir = tmp_path / f"lake-{len(list(tmp_path.iterdir()))}"
        sets = (f"lake.io={io}", "ingest.max_rejected_share=0.5", *settings)
        given = ["--lake", str(lake_dir), "--source", f"ecommerce_events={source}"]
        parsed = cli.parse("", [*given, *(a for s in sets for a in ("--set", s))])
        lake, listed = Lake(spark, parsed.config.lake), list_sources(parsed.mappings)
        at = datetime(2026, 1, 1, tzinfo=UTC)
        ingest(lake, listed, parsed.config, Progress(), ingested_at=at, with_sessions=False)
        return Ingested(
            lake.rows(EVENTS),
            _rows(lake.rows(INGEST_FILES)),
            _rows(lake.rows(REJECTED_EVENTS)),
            Counter(file.day for file in NativeLake(lake_dir).files(EVENTS)),
        )

    return run


ODD_LINES = {
    7: "broken",
    8: "",
    9: line(price="free", user_id="", event_type="x"),
    10: line(brand='"open'),
    11: line(event_time="2019-02-30 00:00:00 UTC"),
    12: line(price="1.23456"),
}


@pytest.fixture
def log() -> list[str]:
    """Lines in no order of time, with copies, broken and blank ones."""
    random_ = random.Random(3)
    body = [random_line(random_) for _ in range(210)]
    return [
        ("broken" if n % 30 == 7 else "" if n % 30 == 8 else text) for n, text in enumerate(body)
    ]


def _folder(path: Path, *bodies: Sequence[str]) -> Path:
    path.mkdir()
    for number, body in enumerate(bodies):
        (path / f"{number}.csv").write_text(log_text(body, HEADER))
    return path


def _assert_equal(found: Ingested, expected: Ingested) -> None:
    assert found.ledger == expected.ledger
    assert found.refused == expected.refused
    assert found.events_without([]) == expected.events_without([])


def test_a_log_gives_the_same_events_natively_by_spark_and_in_pieces(
    ingested: Ingest, log: list[str], tmp_path: Path
) -> None:
    whole = _folder(tmp_path / "whole", log)
    natively = ingested(whole, "native")
    assert len(natively.events) == len(set(log) - {ODD_LINES[n] for n in range(7, 12)})
    _assert_equal(ingested(whole, "spark"), natively)

    in_pieces = ingested(whole, "native", "ingest.split_bytes=1000")
    _assert_equal(in_pieces, natively)
    # Some twenty tasks have each written a file of each date.
    assert set(in_pieces.files.values()) == {1}


def test_shuffled_rows_in_other_files_give_the_same_events(
    spark: SparkSession, ingested: Ingest, log: list[str], tmp_path: Path
) -> None:
    whole = ingested(_folder(tmp_path / "whole", log), "native")
    shuffled = random.Random(4).sample(log, len(log))
    files = _folder(tmp_path / "files", *(shuffled[n : n + 30] for n in range(0, 210, 30)))
    natively = ingested(files, "native", "ingest.events_per_file=20")
    assert natively.events_without(PROVENANCE) == whole.events_without(PROVENANCE)
    per_date = Counter(day for day in natively.events["event_date"].to_pylist())
    assert natively.files == {day: -(-rows // 20) for day, rows in per_date.items()}

    partitions = spark.conf.get("spark.sql.shuffle.partitions")
    try:
        spark.conf.set("spark.sql.shuffle.partitions", "8")
        by_spark = ingested(files, "spark", "ingest.events_per_file=20")
    finally:
        spark.conf.set("spark.sql.shuffle.partitions", str(partitions))
    _assert_equal(by_spark, natively)


def test_a_large_date_settled_by_several_tasks_has_the_same_events(
    ingested: Ingest, log: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shuffled = random.Random(5).sample(log, len(log))
    files = _folder(tmp_path / "files", *(shuffled[n : n + 30] for n in range(0, 210, 30)))
    by_one = ingested(files, "native", "ingest.events_per_file=20")
    few = partial(native_events.DateOfEvents, events_at_a_time=25)
    monkeypatch.setattr(native_events, "DateOfEvents", few)
    by_several = ingested(files, "native", "ingest.events_per_file=20")
    assert len(by_several.events) == len(set(log) - {ODD_LINES[n] for n in range(7, 12)})
    _assert_equal(by_several, by_one)


# --- workers that die -----------------------------------------------------------------------


class TriedTwice(EventSink):
    """Each task runs to its end and then once more, as one whose answer was lost."""

    def __call__(self, located: Iterator[Located]) -> Written:
        parts = list(located)
        super().__call__(iter(parts))
        return super().__call__(iter(parts))


class Killed(EventSink):
    """The worker dies once it has written its files."""

    def __call__(self, located: Iterator[Located]) -> Written:
        super().__call__(located)
        os._exit(9)


@pytest.fixture
def sent_whole() -> Iterator[None]:
    """Workers don't find this module: what is defined here goes to them as it is."""
    module = sys.modules[__name__]
    cloudpickle.register_pickle_by_value(module)
    yield
    cloudpickle.unregister_pickle_by_value(module)


def _files_on_disk(lake_dir: Path) -> set[str]:
    return {p.name for p in (lake_dir / "events").rglob("part-*.parquet") if run_of(p.name)}


def _files_of_table(lake_dir: Path) -> set[str]:
    return {Path(file.path).name for file in NativeLake(lake_dir).files(EVENTS)}


ARGUMENTS = ("--set", "lake.io=native", "--set", "ingest.max_rejected_share=0.5")


@pytest.mark.usefixtures("sent_whole")
def test_a_task_that_is_tried_twice_counts_once(
    run_job: RunJob, read: Read, lake_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(native_events, "EventSink", TriedTwice)
    body = [*lines("s", 3), lines("s", 1)[0], "broken", line(event_time="2019-10-02 00:00:00 UTC")]
    source = _folder(tmp_path / "logs", body)
    run_job("ingest", "--source", f"ecommerce_events={source}", *ARGUMENTS)
    assert ledger(read) == {"0.csv": Ledger(7, 1, 0, 4, 1, 1)}
    assert len(events(read)) == 4
    assert len(read(REJECTED_EVENTS)) == 1
    # The run removes what its tasks wrote for nothing.
    assert _files_on_disk(lake_dir) == _files_of_table(lake_dir)
    assert len(_files_of_table(lake_dir)) == 2


@pytest.mark.usefixtures("sent_whole")
def test_a_worker_that_dies_leaves_nothing_that_counts(
    run_job: RunJob, read: Read, lake_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = _folder(tmp_path / "logs", [*lines("s", 3), "broken"])
    arguments = ("ingest", "--source", f"ecommerce_events={source}", *ARGUMENTS)
    monkeypatch.setattr(native_events, "EventSink", Killed)
    with pytest.raises(Py4JJavaError, match="exited unexpectedly"):
        run_job(*arguments)
    monkeypatch.undo()
    assert not _files_on_disk(lake_dir)
    assert not _files_of_table(lake_dir)
    assert read(EVENTS) == []
    assert read(INGEST_FILES) == []

    run_job(*arguments)
    assert ledger(read) == {"0.csv": Ledger(5, 1, 0, 3, 1, 0)}
    assert len(events(read)) == 3
    assert _files_on_disk(lake_dir) == _files_of_table(lake_dir)
