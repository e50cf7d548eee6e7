"""Log lines from literal values, and what an ingest run left behind, in plain Python."""

import contextlib
import io
import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from checkout import HEADER, job
from pyspark.sql import Row, SparkSession

from custseg_spark.config.settings import LakeConfig
from custseg_spark.engine.lake.columns import Table
from custseg_spark.engine.lake.lake import Lake
from custseg_spark.engine.lake.rows import dicts_of
from custseg_spark.engine.lake.schemas import EVENTS, INGEST_FILES, REJECTED_EVENTS

Read = Callable[[Table], list[Row]]
RunJob = Callable[..., None]

COLUMNS = tuple(HEADER.split(","))
_VALUES = {
    "event_time": "2019-10-01 00:00:00 UTC",
    "event_type": "view",
    "product_id": "1004856",
    "category_id": "2053013555631882655",
    "category_code": "electronics.smartphone",
    "brand": "samsung",
    "price": "130.76",
    "user_id": "541312140",
    "user_session": "s1",
}


def record(**values: str) -> dict[str, str]:
    """A good record by column name, with the given values instead."""
    assert values.keys() <= _VALUES.keys()
    return _VALUES | values


def line(**values: str) -> str:
    """A good line of a log, with the given values instead."""
    return ",".join(record(**values).values())


def lines(session: str, count: int) -> list[str]:
    """Good lines that differ in their product, all of the session `session`."""
    return [line(product_id=str(1000 + n), user_session=session) for n in range(count)]


def random_line(random_: random.Random) -> str:
    """A good line out of so few that equal ones are common."""
    return line(
        event_time=f"2019-10-{random_.randint(1, 4):02} 0{random_.randint(0, 2)}:00:00 UTC",
        event_type=random_.choice(["view", "cart", "purchase"]),
        brand=random_.choice(["", "samsung", '"a, b"']),
        price=random_.choice(["1.5", "2"]),
        user_id=str(random_.randint(1, 3)),
    )


def log_text(body: Iterable[str], header: str = HEADER) -> str:
    return "".join(f"{text}\n" for text in (header, *body))


class Ledger(NamedTuple):
    """A file's row in the ledger: its left side, then its right side."""

    physical: int
    header: int
    blank: int
    accepted: int
    rejected: int
    duplicates: int
    ignored: int = 0


class Reason(NamedTuple):
    """Why a record was refused."""

    code: str
    field: str
    value: str | None
    expected: str


def reading(lake: Lake) -> Read:
    """Reads tables of a lake in a folder without Spark, which plans most of a second for each."""

    def read(table: Table) -> list[Row]:
        assert lake.exists(table)
        return [Row(**row) for row in dicts_of(lake.rows(table))]

    return read


def ledger(read: Read) -> dict[str, Ledger]:
    """The ledger by file name; each row adds up, and agrees with the tables."""
    found = {}
    for row in read(INGEST_FILES):
        if row.skipped_because is None:
            entry = Ledger(
                row.physical_records,
                row.header,
                row.blank,
                row.accepted,
                row.rejected,
                row.duplicates,
                row.ignored,
            )
            assert entry.physical == sum(entry[1:]), row
            name = Path(row.source_file).name
            assert name not in found, f"{name} stands in the ledger twice"
            found[name] = entry
    return found


def skipped(read: Read) -> dict[str, str]:
    """Why files were skipped, by name, as the ledger has it."""
    rows = [row for row in read(INGEST_FILES) if row.skipped_because is not None]
    assert all(not row.physical_records and not row.accepted for row in rows)
    return {Path(row.source_file).name: row.skipped_because for row in rows}


def reasons(read: Read) -> dict[tuple[str, int], list[Reason]]:
    """The reasons of each refused record, by file name and row."""
    rows = read(REJECTED_EVENTS)
    found = {
        (Path(row.source_file).name, row.source_row): [Reason(**reason) for reason in row.reasons]
        for row in rows
    }
    assert len(found) == len(rows), "a record was refused twice"
    return found


def utc(at: datetime) -> str:
    """A time as a text, in UTC."""
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S}"


def events(read: Read) -> dict[tuple[str, int], Row]:
    """The events, by file name and row; no event id twice."""
    rows = read(EVENTS)
    found = {(Path(row.source_file).name, row.source_row): row for row in rows}
    assert len(found) == len(rows) == len({row.event_id for row in rows})
    return found


@dataclass(frozen=True)
class IngestRun:
    """What one run of the ingest job printed and left in its lake."""

    output: str
    ledger: dict[str, Ledger]
    skipped: dict[str, str]
    events: dict[tuple[str, int], Row]
    reasons: dict[tuple[str, int], list[Reason]]
    read: Read

    def rows_of(self, name: str) -> dict[int, Row]:
        """A file's events by row."""
        return {row: event for (file, row), event in self.events.items() if file == name}

    def codes_of(self, name: str) -> dict[int, list[str]]:
        """The reason codes of a file's refused records, by row."""
        return {
            row: [reason.code for reason in found]
            for (file, row), found in self.reasons.items()
            if file == name
        }


def ingest_once(spark: SparkSession, lake_dir: Path, source: Path, *arguments: str) -> IngestRun:
    """Runs the ingest job on a path into a lake of its own: for tests that share a run."""
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        argument = f"ecommerce_events={source}"
        job("ingest").run(["--lake", str(lake_dir), "--source", argument, *arguments])
    read = reading(Lake(spark, LakeConfig(path=str(lake_dir))))
    return IngestRun(
        printed.getvalue(), ledger(read), skipped(read), events(read), reasons(read), read
    )
