"""Databases in WAL mode: read whole, and nothing left in their folder."""

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from custseg_spark.config.mappings import mapping_of
from custseg_spark.engine.sources.discovery.files import list_files
from custseg_spark.engine.sources.formats import sqlite

MAPPING = mapping_of(
    {
        "table": "log",
        "event_type": "purchase",
        "event_at_formats": ["yyyy-MM-dd"],
        "columns": {"event_at": "day", "customer_id": "who"},
    },
    "log",
)


@pytest.fixture
def writer(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    """A connection that holds rows in the log of a database."""
    with closing(sqlite3.connect(tmp_path / "log.db")) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("CREATE TABLE log (day, who)")
        connection.commit()
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.execute("INSERT INTO log VALUES ('2024-03-01', 'a')")
        connection.commit()
        yield connection


def rows(path: Path, staging: Path) -> int:
    """How many rows a reader and a preview see."""
    [file] = list_files(str(path))
    read = sqlite.inspect(file, "f", MAPPING, staging).physical_records
    assert len(sqlite.first_rows(file, "log", 10)[2]) == read
    return read


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_one_that_is_open_is_read_with_its_log(tmp_path: Path, writer: sqlite3.Connection) -> None:
    before = names(tmp_path)
    assert before == {"log.db", "log.db-wal", "log.db-shm"}
    assert rows(tmp_path / "log.db", tmp_path.parent / "open") == 1
    assert names(tmp_path) == before


def test_one_that_is_closed_stays_alone(tmp_path: Path, writer: sqlite3.Connection) -> None:
    writer.close()
    assert names(tmp_path) == {"log.db"}
    assert rows(tmp_path / "log.db", tmp_path.parent / "closed") == 1
    assert names(tmp_path) == {"log.db"}


def test_a_log_that_was_left_is_read(tmp_path: Path, writer: sqlite3.Connection) -> None:
    folder = tmp_path / "left"
    folder.mkdir()
    for name in ("log.db", "log.db-wal"):
        shutil.copyfile(tmp_path / name, folder / name)
    assert rows(folder / "log.db", tmp_path / "staging") == 1
    assert names(folder) == {"log.db", "log.db-wal"}
