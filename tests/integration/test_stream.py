"""A stream as a whole: what arrives comes to the events, sessions and segments of one batch."""

import gzip
from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import stream_lake
from checkout import HEADER
from ledger import line
from stream_lake import WORTH_COMPARING, current, events, expected, publish, sessions

from custseg_spark.core.segments.current import CURRENT
from custseg_spark.engine.lake.native import NativeLake
from custseg_spark.engine.lake.schemas import INGEST_FILES

RunJob = Callable[..., None]
FIRST_RUN = date(2019, 9, 30)
PROVENANCE = ["source_file", "source_row", "file_id"]


def at(day: int, minute: int = 0) -> str:
    return f"2019-10-{day:02} 10:{minute:02}:00 UTC"


def write(folder: Path, name: str, lines: Sequence[str], header: str = HEADER) -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_text("\n".join([header, *lines]) + "\n")
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
    write(all_at_once, "log.csv", everything)
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
    assert set(passed) == {"5-other.csv", "6-cut.csv.gz"}
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
