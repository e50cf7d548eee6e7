"""A stream as a whole: what arrives comes to the events, sessions and segments of one batch."""

import gzip
import os
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
import stream_lake
from checkout import HEADER
from ledger import line
from pyspark.sql import SparkSession
from stream_lake import WORTH_COMPARING, current, events, expected, publish, sessions

from custseg_spark.core.segments.current import CURRENT
from custseg_spark.engine.lake.native import NativeLake
from custseg_spark.engine.lake.schemas import INGEST_FILES
from custseg_spark.engine.sources.arrivals import of_messages

RunJob = Callable[..., None]
FIRST_RUN = date(2019, 9, 30)
AT = datetime(2019, 10, 4, 12, tzinfo=UTC)
PROVENANCE = ["source_file", "source_row", "file_id"]


def at(day: int, minute: int = 0) -> str:
    return f"2019-10-{day:02} 10:{minute:02}:00 UTC"


def write(folder: Path, name: str, lines: Sequence[str], header: str = HEADER) -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_text("\n".join([header, *lines]) + "\n")
    # The stream takes files by their time, which may be the same to the millisecond.
    second = 1_700_000_000 + int(name[0])
    os.utime(path, (second, second))
    return path


def views(customer: str, day: int, count: int, **more: str) -> list[str]:
    return [
        line(event_time=at(day, minute), user_id=customer, user_session=f"{customer}-{day}", **more)
        for minute in range(count)
    ]


def stream(landing: Path, *more: str) -> tuple[str, ...]:
    return ("stream", str(landing), "--mapping=ecommerce_events", "--once", *more)


def compared(lake: Path) -> list[tuple[Any, ...]]:
    return current(lake).select(WORTH_COMPARING).rows()


def test_batches_of_files_come_to_what_one_batch_does(
    run_job: RunJob,
    lake_dir: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    landing, all_at_once = tmp_path / "landing", tmp_path / "all"
    model = publish(lake_dir, FIRST_RUN, "r1")
    write(landing, "1.csv", [*views("a", 1, 2), *views("b", 1, 9), line(price="free")])
    write(landing, "2.csv", [*views("a", 3, 7), *views("c", 3, 1)])
    run_job(*stream(landing, "--set=stream.max_files=1"))
    assert "batch 1: 8 records = 8 accepted" in capsys.readouterr().out
    assert compared(lake_dir) == expected(lake_dir, model, date(2019, 10, 4))
    # Late events, the same file again, files that nobody can read.
    write(landing, "3.csv", views("b", 2, 3, event_type="purchase", price="900"))
    write(landing, "4-again.csv", [*views("a", 3, 7), *views("c", 3, 1)])
    write(landing, "5-other.csv", ["1,2"], header="no,columns")
    (landing / "6-cut.csv.gz").write_bytes(gzip.compress(b"x" * 9_000)[:-9])
    run_job(*stream(landing, f"--metrics-file={tmp_path / 'stream.prom'}"))
    said = capsys.readouterr().out
    assert "batch 2: 3 records = 3 accepted" in said
    assert "1 customers as of 2019-10-04" in said
    assert "passed over" in said

    everything = [*views("a", 1, 2), *views("b", 1, 9), line(price="free"), *views("a", 3, 7)]
    everything += [*views("c", 3, 1), *views("b", 2, 3, event_type="purchase", price="900")]
    write(all_at_once, "0.csv", everything)
    other = tmp_path / "batch"
    run_job(
        "ingest", f"--source=ecommerce_events={all_at_once}", f"--lake={other}",
        "--set=ingest.max_rejected_share=1.0",
    )  # fmt: skip
    assert events(lake_dir).drop(PROVENANCE).equals(events(other).drop(PROVENANCE))
    assert sessions(lake_dir).equals(sessions(other))
    assert compared(lake_dir) == expected(lake_dir, model, date(2019, 10, 4))
    passed = {
        Path(row["source_file"]).name: row["skipped_because"]
        for row in NativeLake(lake_dir).read(INGEST_FILES).to_pylist()
        if row["skipped_because"]
    }
    assert passed["5-other.csv"] == "its first line has none of the mapping's columns"
    assert passed["6-cut.csv.gz"].startswith("broken gzip file")
    assert len(passed) == 2
    metrics = (tmp_path / "stream.prom").read_text()
    assert 'custseg_stream_records_total{outcome="accepted"} 3.0' in metrics
    assert "custseg_stream_files_passed_over_total 2.0" in metrics
    # A new model is everybody's at the next batch; who changes knows where from.
    newer = publish(lake_dir, date(2019, 10, 4), "r2", stream_lake.MOVED)
    before = current(lake_dir)
    write(landing, "7.csv", views("d", 3, 1))
    run_job(*stream(landing))
    assert compared(lake_dir) == expected(lake_dir, newer, date(2019, 10, 4))
    joined = current(lake_dir).join(before, on="customer_id", suffix="_before")
    moved = joined.filter(joined["segment_id"] != joined["segment_id_before"])
    assert len(moved) > 0
    assert moved["previous_segment_id"].to_list() == moved["segment_id_before"].to_list()
    # Nothing new: nothing is done.
    capsys.readouterr()
    run_job(*stream(landing))
    assert capsys.readouterr().out == ""
    assert dict(current(lake_dir).schema) == {
        name: CURRENT[name] for name in current(lake_dir).columns
    }


def test_messages_become_lines_in_the_order_of_their_offsets(
    spark: SparkSession, tmp_path: Path
) -> None:
    rows = [
        (1, 0, AT, b'{"c": 3}'),
        (0, 2, AT, b'[{"d": 4}]'),
        (0, 1, AT, None),
        (0, 0, AT, b'{\r\n  "a": "1",\n  "b": 2\n}'),
    ]
    schema = "partition int, offset long, timestamp timestamp, value binary"
    frame = spark.createDataFrame(rows, schema)
    with of_messages(frame, "kafka://one/events batch 3", tmp_path) as [arrival]:
        assert arrival.file is not None
        # A list is last: a file that begins with one would be a list as a whole.
        assert arrival.file.data.read_bytes().splitlines() == [
            b'{    "a": "1",   "b": 2 }',
            b'{"c": 3}',
            b'[{"d": 4}]',
        ]
        assert (arrival.name, arrival.at) == ("kafka://one/events batch 3", AT)
    assert not list(tmp_path.iterdir())
    with of_messages(frame.where("value is null"), "kafka://one/events batch 4", tmp_path) as none:
        assert none == []


@pytest.mark.heavy
@pytest.mark.parametrize("io", ["native", "spark"])
def test_rows_of_a_delta_table_come_to_what_one_batch_does(
    run_job: RunJob, spark: SparkSession, lake_dir: Path, tmp_path: Path, io: str
) -> None:
    table = tmp_path / "table"
    model = publish(lake_dir, FIRST_RUN, "r1")
    names = HEADER.split(",")

    def append(lines: Sequence[str]) -> None:
        rows = spark.createDataFrame([tuple(one.split(",")) for one in lines], names)
        rows.write.format("delta").mode("append").save(str(table))

    append([*views("a", 1, 2), *views("b", 1, 9)])
    run_job(*stream(table, f"--set=lake.io={io}"))
    append([*views("a", 1, 7), *views("c", 3, 1)])
    append(views("b", 2, 3, event_type="purchase", price="900"))
    run_job(*stream(table, f"--set=lake.io={io}", "--set=stream.max_files=1"))
    assert len(events(lake_dir)) == 20
    assert compared(lake_dir) == expected(lake_dir, model, date(2019, 10, 4))
