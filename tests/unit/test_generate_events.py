"""The synthetic log: its form, its truth file, and that it is the same every time."""

import csv
import re
import sqlite3
from pathlib import Path

import generate_events
import pytest
from checkout import ROOT

COLUMNS = [
    "event_time", "event_type", "product_id", "category_id", "category_code", "brand", "price",
    "user_id", "user_session",
]  # fmt: skip
EVENTS, CUSTOMERS, DAYS = 5_000, 700, 20


def make(out: Path, *more: str) -> Path:
    size = ["--events", str(EVENTS), "--customers", str(CUSTOMERS), "--days", str(DAYS)]
    arguments = [*size, "--out", str(out), *more]
    generate_events.generate(generate_events.parse_arguments(arguments))
    return out


def read(path: Path) -> list[list[str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.reader(file))


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make(tmp_path_factory.mktemp("log") / "events.csv", "--duplicates", "0.01")


def test_form(log: Path) -> None:
    header, *rows = read(log)
    assert header == COLUMNS
    assert len(rows) == EVENTS
    assert [row[0] for row in rows] == sorted(row[0] for row in rows)
    assert [rows[0][0][:10], rows[-1][0][:10]] == ["2019-10-01", "2019-10-20"]
    assert {row[1] for row in rows} == {"view", "cart", "purchase"}
    time, ids = r"[\d-]{10} [\d:]{8} UTC", r"\d{7,8},\d{19}"
    shape = time + r",\w+," + ids + r",[a-z._]*,[a-z]*,\d+\.\d\d,\d{9},[\da-f-]{36}"
    assert all(re.fullmatch(shape, ",".join(row)) for row in rows)


def test_shares(log: Path) -> None:
    rows = read(log)[1:]
    assert sum(row[1] == "view" for row in rows) / EVENTS == pytest.approx(0.95, abs=0.02)
    assert sum(row[4] == "" for row in rows) / EVENTS == pytest.approx(0.32, abs=0.05)
    assert sum(row[5] == "" for row in rows) / EVENTS == pytest.approx(0.14, abs=0.05)
    assert EVENTS - len(set(map(tuple, rows))) == pytest.approx(50, abs=2)


def test_nulls_belong_to_the_product(log: Path) -> None:
    rows = read(log)[1:]
    assert len({tuple(row[2:6]) for row in rows}) == len({row[2] for row in rows})


def test_truth_covers_the_customers(log: Path) -> None:
    header, *truth = read(log.with_name("events_truth.csv"))
    assert header == ["customer_id", "planted_type"]
    assert len(truth) == CUSTOMERS
    assert {row[0] for row in truth} == {row[7] for row in read(log)[1:]}
    assert {row[1] for row in truth} == set(generate_events.TYPES)


def test_same_arguments_same_bytes(log: Path, tmp_path: Path) -> None:
    again = make(tmp_path / "events.csv", "--duplicates", "0.01")
    assert again.read_bytes() == log.read_bytes()
    other = make(tmp_path / "other.csv", "--duplicates", "0.01", "--seed", "8")
    assert other.read_bytes() != log.read_bytes()


def test_small_blocks_give_a_whole_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(generate_events, "BLOCK_EVENTS", 300)
    monkeypatch.setattr(generate_events, "WRITE_ROWS", 100)
    rows = read(make(tmp_path / "events.csv"))[1:]
    assert len(rows) == EVENTS
    assert len({row[7] for row in rows}) == CUSTOMERS
    sessions = {(row[8], row[7]) for row in rows}
    assert len(sessions) == len({session for session, _ in sessions})


def test_sqlite_and_folder_hold_the_same_rows(log: Path, tmp_path: Path) -> None:
    database = make(tmp_path / "events.db", "--duplicates", "0.01")
    with sqlite3.connect(database) as connection:
        stored = connection.execute("SELECT * FROM Ecommerce_data ORDER BY rowid").fetchall()
        kinds = connection.execute("SELECT type FROM pragma_table_info('Ecommerce_data')")
        assert [kind for (kind,) in kinds] == list(generate_events.COLUMNS.values())
    connection.close()
    texts = [
        ["" if cell is None else f"{cell:.2f}" if place == 6 else str(cell)
         for place, cell in enumerate(row)]
        for row in stored
    ]  # fmt: skip
    rows = read(log)[1:]
    assert texts == rows
    assert not any("" in row for row in stored)
    (tmp_path / "days").mkdir()  # an empty folder is as good as none
    days = sorted(make(tmp_path / "days", "--duplicates", "0.01").iterdir())
    assert len(days) == DAYS
    assert [row for day in days for row in read(day)[1:]] == rows


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--events", "0", "--out", "x.csv"], "--events"),
        (["--events", "9", "--customers", "10", "--out", "x.csv"], "--customers"),
        (["--days", "0", "--out", "x.csv"], "--days"),
        (["--duplicates", "2", "--out", "x.csv"], "--duplicates"),
        (["--out", "x.parquet"], ".parquet"),
        (["--out", str(ROOT / "scripts")], "not empty"),
        (["--out", "x.csv", "--truth", "x.csv"], "--truth"),
    ],
)
def test_wrong_arguments(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        generate_events.parse_arguments(arguments)
    assert message in capsys.readouterr().err


def test_one_of_everything(tmp_path: Path) -> None:
    make(tmp_path / "one.csv", "--events", "1", "--customers", "1", "--days", "1")
    assert len(read(tmp_path / "one.csv")) == 2
