"""Ingest as a whole: duplicates, limits, repeats, killed runs, determinism, the ledger's sum."""

import csv
import random
import shutil
import sqlite3
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from checkout import HEADER, SHARED_DATA
from delta.tables import DeltaTable
from ledger import (
    COLUMNS,
    Ledger,
    Read,
    RunJob,
    events,
    ledger,
    line,
    lines,
    log_text,
    random_line,
    reasons,
    record,
    skipped,
)
from pyspark.sql import SparkSession

from custseg_spark.engine.lake import commits
from custseg_spark.engine.lake.columns import Table
from custseg_spark.engine.lake.lake import Lake
from custseg_spark.engine.lake.schemas import EVENTS, INGEST_FILES, REJECTED_EVENTS, SESSIONS
from custseg_spark.engine.lake.spark_io import SparkLake
from custseg_spark.errors import ConflictError, RejectedShareError
from custseg_spark.interfaces import clock
from custseg_spark.interfaces.cli import arguments as cli
from custseg_spark.pipeline.ingest import ingest, list_sources
from custseg_spark.progress import Progress


def _source(path: Path) -> tuple[str, ...]:
    return ("--source", f"ecommerce_events={path}")


def _ingest(path: Path, *settings: str) -> tuple[str, ...]:
    return ("ingest", *_source(path), *(a for s in settings for a in ("--set", s)))


BOTH_WAYS = pytest.mark.parametrize("io", ["native", "spark"])


def _by(io: str) -> str:
    """The setting for a way of reading and writing the tables."""
    return f"lake.io={io}"


def _write(path: Path, body: Sequence[str], header: str = HEADER) -> Path:
    path.write_text(log_text(body, header), encoding="utf-8")
    return path


def _events_in_sessions(read: Read) -> int:
    return sum(row.event_count for row in read(SESSIONS))


@BOTH_WAYS
def test_equal_events_are_kept_once(run_job: RunJob, read: Read, tmp_path: Path, io: str) -> None:
    logs = tmp_path / "logs"
    logs.mkdir()
    first = line(price="33.20")
    bad = line(price="free")
    _write(logs / "a.csv", [first, first, line(brand="b"), bad, bad])
    _write(logs / "b.csv", [line(event_type=" VIEW ", price="33.2"), line(brand="c")])
    with closing(sqlite3.connect(logs / "c.db")) as connection:
        typed = ("product_id INTEGER", "price REAL", "user_id INTEGER")
        others = [c for c in COLUMNS if c not in ("product_id", "price", "user_id")]
        connection.execute(f"CREATE TABLE Ecommerce_data ({', '.join([*typed, *others])})")
        values = record(price="33.20")
        connection.execute(
            f"INSERT INTO Ecommerce_data ({', '.join(values)}) VALUES ({', '.join('?' * 9)})",
            list(values.values()),
        )
        connection.commit()
    a_null, null_a = line(category_code="a", brand=""), line(category_code="", brand="a")
    _write(logs / "nulls.csv", [a_null, null_a, a_null, line(category_code="a", brand='""')])
    # Doubles would take the largest two for equal, and rounding 12.989999771 and 12.99.
    prices = ["1000.00", "1e3", "1000", "99999999999999.9999", "99999999999999.9998"]
    prices += ["12.989999771", "12.99", "0", "-0.00"]
    _write(logs / "prices.csv", [line(price=price) for price in prices])
    e = line(user_session="extra")
    _write(logs / "x_1.csv", [f"{e},x", f"{e},"], f"{HEADER},one")
    _write(logs / "x_2.csv", [f"{e},x", f'{e},""', f"{e}, x "], f"{HEADER},two")
    _write(logs / "x_3.csv", [e])

    run_job(*_ingest(logs, "ingest.max_rejected_share=0.5", _by(io)))

    before = {
        "a.csv": Ledger(6, 1, 0, 2, 2, 1),
        "b.csv": Ledger(3, 1, 0, 1, 0, 1),
        "c.db": Ledger(1, 0, 0, 0, 0, 1),
        "nulls.csv": Ledger(5, 1, 0, 2, 0, 2),
        "prices.csv": Ledger(10, 1, 0, 6, 0, 3),
        "x_1.csv": Ledger(3, 1, 0, 2, 0, 0),
        "x_2.csv": Ledger(4, 1, 0, 1, 0, 2),
        "x_3.csv": Ledger(2, 1, 0, 0, 0, 1),
    }
    assert ledger(read) == before
    assert [row for name, row in sorted(events(read)) if name == "a.csv"] == [2, 4]

    run_job(*_ingest(_write(tmp_path / "late.csv", [first, line(brand="d"), e]), _by(io)))

    assert ledger(read) == {**before, "late.csv": Ledger(4, 1, 0, 1, 0, 2)}
    assert len(events(read)) == _events_in_sessions(read) == 15


@BOTH_WAYS
def test_too_many_refused_records_publish_nothing(
    run_job: RunJob, read: Read, tmp_path: Path, io: str
) -> None:
    bad = [line(price="free"), line(price="-1"), line(price="-2"), line() + ",x" * 500]
    log = _write(tmp_path / "bad.csv", [*lines("s", 16), *bad])

    with pytest.raises(RejectedShareError) as caught:
        run_job(*_ingest(log, _by(io)))

    assert caught.value.exit_code == 4
    message = str(caught.value).splitlines()
    expected = "a number from 0, at most 14 digits before the point"
    assert message[0] == (
        "source ecommerce_events: 4 of 20 records refused (20.0%, at most 5.0% allowed);"
        " nothing was published"
    )
    assert message[1:3] == [
        f"  negative: 2 records, first {log}, row 19: price = '-1', expected {expected}",
        f"  not_a_number: 1 records, first {log}, row 18: price = 'free', expected {expected}",
    ]
    assert message[3].startswith(f"  wrong_field_count: 1 records, first {log}, row 21: record = '")
    assert message[3].endswith("…', expected 9 fields")
    assert len(message) == 4
    assert len(message[3]) < 300 + len(str(log))
    for table in (EVENTS, REJECTED_EVENTS, INGEST_FILES, SESSIONS):
        assert read(table) == []

    # The mapping's own share counts before the general one, and its limit is still allowed.
    run_job(*_ingest(log, "sources.ecommerce_events.max_rejected_share=0.2", _by(io)))
    assert ledger(read) == {"bad.csv": Ledger(21, 1, 0, 16, 4, 0)}


def test_a_file_is_read_once_for_content_mapping_and_table(
    run_job: RunJob, read: Read, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    logs = tmp_path / "logs"
    logs.mkdir()
    log = _write(logs / "log.csv", [*lines("s", 3), lines("s", 1)[0]])
    (logs / "README.txt").write_text("Read me\n")
    stray = f"Skipped {logs / 'README.txt'}: its first line has none of the mapping's columns\n"
    entry = Ledger(5, 1, 0, 3, 0, 1)

    run_job(*_ingest(logs))
    assert capsys.readouterr().out == (
        "Ingested 1 file: 4 records = 3 accepted + 0 rejected + 1 duplicates (0 amounts rounded)\n"
        + stray
    )

    shutil.copy(log, logs / "copy.csv")
    run_job(*_ingest(logs))
    assert capsys.readouterr().out == "2 files already in the ledger: nothing to add\n" + stray
    assert ledger(read) == {"log.csv": entry}
    assert skipped(read) == {"README.txt": "its first line has none of the mapping's columns"}

    with log.open("a") as stream:
        stream.write(line(user_session="more") + "\n")
    run_job(*_ingest(log))
    assert capsys.readouterr().out.startswith("Ingested 1 file: 5 records = 1 accepted")
    assert len(events(read)) == 4

    run_job(*_ingest(log, "sources.ecommerce_events.event_types.basket=cart"))
    assert capsys.readouterr().out.startswith("Ingested 1 file: 5 records = 0 accepted")
    assert len(events(read)) == _events_in_sessions(read) == 4
    assert sum(row.skipped_because is None for row in read(INGEST_FILES)) == 3


class KilledError(BaseException):
    """Stands for the end of the process at a write."""


def killed_before(name: str, patch: pytest.MonkeyPatch) -> None:
    """From here on each run is killed when it comes to commit to one table."""

    def mortal(commit: Callable[..., Any], table_of: Callable[..., Table]) -> Callable[..., Any]:
        def call(*args: Any, **options: Any) -> Any:
            if table_of(*args).name == name:
                raise KilledError(name)
            return commit(*args, **options)

        return call

    patch.setattr(commits, "commit", mortal(commits.commit, lambda _, change: change.table))
    patch.setattr(
        SparkLake, "append", mortal(SparkLake.append, lambda _, rows, table, *more: table)
    )


@pytest.mark.parametrize(
    ("dies_before", "io", "written", "more_files"),
    [
        ("rejected_events", "native", (0, 0, 0), True),
        ("events", "native", (0, 2, 0), True),
        ("ingest_files", "native", (3, 2, 0), True),
        ("events", "spark", (0, 2, 0), True),
        ("ingest_files", "spark", (3, 2, 0), True),
        ("sessions", "native", (3, 2, 1), False),
    ],
)
def test_the_run_after_a_killed_one_completes_it(
    spark: SparkSession,
    lake_dir: Path,
    run_job: RunJob,
    read: Read,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    dies_before: str,
    io: str,
    written: tuple[int, int, int],
    more_files: bool,
) -> None:
    logs = tmp_path / "logs"
    logs.mkdir()
    good = lines("s", 3)
    _write(logs / "b.csv", [*good, good[0], "broken", line(price="free")])
    settings = ("ingest.max_rejected_share=0.5", _by(io))
    arguments = cli.parse("", ["--lake", str(lake_dir), *_ingest(logs, *settings)[1:]])
    lake, listed = Lake(spark, arguments.config.lake), list_sources(arguments.mappings)
    with monkeypatch.context() as patch:
        killed_before(dies_before, patch)
        with pytest.raises(KilledError):
            ingest(lake, listed, arguments.config, Progress(), ingested_at=clock.now())
    tables = (EVENTS, REJECTED_EVENTS, INGEST_FILES)
    assert tuple(len(read(table)) for table in tables) == written
    assert read(SESSIONS) == []

    expected = {"b.csv": Ledger(7, 1, 0, 3, 2, 1)}
    if more_files:
        # Sorted before the first, so that it would be the one to keep the event of both.
        _write(logs / "a.csv", [good[0], line(user_session="new"), "broken"])
        # What Spark had appended is undone, and of a journal nothing was committed yet.
        new_first = io == "spark" or dies_before == "rejected_events"
        expected["a.csv"] = Ledger(4, 1, 0, 2 if new_first else 1, 1, 0 if new_first else 1)
        expected["b.csv"] = Ledger(7, 1, 0, 2 if new_first else 3, 2, 2 if new_first else 1)
    run_job(*_ingest(logs, *settings))

    assert ledger(read) == expected
    assert len(events(read)) == _events_in_sessions(read) == 3 + more_files
    assert len(reasons(read)) == 2 + more_files


@dataclass(frozen=True)
class OvertakenLake(Lake):
    """A lake that another run writes as soon as this one has read the ledger."""

    overtake: Callable[[], None] = lambda: None

    def rows(self, table: Table, *args: Any) -> pa.Table:
        found = super().rows(table, *args)
        if table is INGEST_FILES:
            self.overtake()
        return found


@pytest.mark.parametrize("io", ["native", pytest.param("spark", marks=pytest.mark.heavy)])
def test_two_runs_at_once_with_a_file_in_common_read_it_once(
    spark: SparkSession, lake_dir: Path, run_job: RunJob, read: Read, tmp_path: Path, io: str
) -> None:
    logs = tmp_path / "logs"
    logs.mkdir()
    _write(logs / "a.csv", lines("s", 3))
    settings = ("ingest.max_rejected_share=0.5", _by(io))
    arguments = cli.parse("", ["--lake", str(lake_dir), *_ingest(logs, *settings)[1:]])
    listed = list_sources(arguments.mappings)
    _write(logs / "b.csv", [line(user_session="other"), "broken"])

    others = iter([lambda: run_job(*_ingest(logs, *settings))])

    def overtake() -> None:
        next(others, lambda: None)()

    overtaken = OvertakenLake(spark, arguments.config.lake, overtake=overtake)
    with pytest.raises(ConflictError, match="another run wrote"):
        ingest(overtaken, listed, arguments.config, Progress(), ingested_at=clock.now())
    expected = {"a.csv": Ledger(4, 1, 0, 3, 0, 0), "b.csv": Ledger(3, 1, 0, 1, 1, 0)}
    assert ledger(read) == expected
    assert len(events(read)) == 4

    run_job(*_ingest(logs, *settings))
    assert ledger(read) == expected


def test_a_table_restored_to_before_a_file_takes_it_again(
    spark: SparkSession, lake_dir: Path, run_job: RunJob, read: Read, tmp_path: Path
) -> None:
    log = _write(tmp_path / "log.csv", [*lines("s", 19), "broken"])
    run_job(*_ingest(log, "ingest.max_rejected_share=0.5"))
    for table in (EVENTS, REJECTED_EVENTS, INGEST_FILES):
        DeltaTable.forPath(spark, f"{lake_dir}/{table.name}").restoreToVersion(0)
    run_job(*_ingest(log, "ingest.max_rejected_share=0.5"))
    assert ledger(read) == {"log.csv": Ledger(21, 1, 0, 19, 1, 0)}
    assert (len(events(read)), len(reasons(read))) == (19, 1)


BAD_LINES = (
    "broken",
    HEADER,
    line(price="free"),
    line(user_id=""),
    line(event_time="now"),
    line(brand='"open'),
    "   ",
    line() + ",",
)


def _expected_ledger(files: dict[str, list[str]]) -> dict[str, Ledger]:
    seen: set[str] = set()
    expected = {}
    for name, body in sorted(files.items()):
        kinds: Counter[str] = Counter()
        for text in body:
            if text.strip("\r") == "":
                kinds["blank"] += 1
            elif text.strip("\r") in BAD_LINES:
                kinds["rejected"] += 1
            else:
                kinds["duplicate" if text.strip("\r") in seen else "accepted"] += 1
                seen.add(text.strip("\r"))
        expected[name] = Ledger(
            1 + len(body),
            1,
            kinds["blank"],
            kinds["accepted"],
            kinds["rejected"],
            kinds["duplicate"],
        )
    return expected


@pytest.mark.parametrize("seed", [1])
def test_any_mixture_of_lines_adds_up(
    run_job: RunJob, read: Read, tmp_path: Path, seed: int
) -> None:
    random_ = random.Random(seed)
    files: dict[str, list[str]] = {}
    for number in range(random_.randint(2, 4)):
        body = []
        for _ in range(random_.randint(0, 120)):
            kind = random_.random()
            good = random_line(random_)
            text = good if kind < 0.7 else random_.choice(BAD_LINES) if kind < 0.85 else ""
            body.append(text + random_.choice(["", "\r"]))
        files[f"{number}.csv"] = body
    logs = tmp_path / "logs"
    logs.mkdir()
    for name, body in files.items():
        end = random_.choice(["", "\n"]) if body and body[-1] else "\n"
        (logs / name).write_bytes(("\n".join([HEADER, *body]) + end).encode())

    split = random_.choice([512, 1_000, 1 << 20])
    run_job(*_ingest(logs, "ingest.max_rejected_share=1", f"ingest.split_bytes={split}"))

    assert ledger(read) == _expected_ledger(files)
    rows = {
        (name, number)
        for name, body in files.items()
        for number, text in enumerate(body, start=2)
        if text.strip("\r") in BAD_LINES
    }
    assert set(reasons(read)) == rows


REES46 = SHARED_DATA / "rees46_2019-10-01.csv"


@pytest.mark.shared_data
@pytest.mark.skipif(not REES46.exists(), reason=f"{REES46} is not there")
def test_the_real_sample_is_read_as_plain_python_reads_it(run_job: RunJob, read: Read) -> None:
    with REES46.open(newline="", encoding="utf-8") as stream:
        rows = list(csv.reader(stream))
    distinct = {tuple(row) for row in rows[1:]}
    by_type = Counter(row[COLUMNS.index("event_type")] for row in distinct)
    assert (len(rows) - 1, len(rows) - 1 - len(distinct)) == (17_434, 5)

    run_job(*_ingest(REES46))

    assert ledger(read) == {REES46.name: Ledger(17_435, 1, 0, 17_429, 0, 5)}
    found = read(EVENTS)
    assert Counter(event.event_type for event in found) == by_type
    customers = len({event.customer_id for event in found})
    assert customers == len({row[COLUMNS.index("user_id")] for row in distinct}) == 4_504
    cents = sum(round(float(row[COLUMNS.index("price")]) * 100) for row in distinct)
    assert round(sum(event.unit_price for event in found) * 100) == cents
    coded = sum(event.category_code is not None for event in found)
    assert coded == sum(1 for row in distinct if row[COLUMNS.index("category_code")])
    assert _events_in_sessions(read) == 17_429
