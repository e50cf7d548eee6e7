"""A guessed mapping, mended by a person: what is written, what is refused with which words."""

import json
import sqlite3
import tomllib
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest
import xlsxwriter

from custseg_spark.core.mappings.vocabularies import IGNORED
from custseg_spark.errors import ConfigurationError, InputError
from custseg_spark.interfaces.dashboard.trying import mending
from custseg_spark.interfaces.dashboard.trying.mending import Look
from custseg_spark.interfaces.dashboard.trying.uploads import Limits, Upload, Uploads

LOG = """when,action,visitor,sku,price,qty,ref
2024-05-01 10:00:00,view,7,x1,9.50,1,
2024-05-01 10:01:00,buy,7,x1,9.50,2,A1
2024-05-02 10:00:00,wish,8,x2,3.00,1,
2024-05-02 10:00:00,view,8,x2,-3.00,1,
2024-05-03 11:00:00,view,9,x2,3.00,1,
2024-05-03 11:00:00,view,9,x2,3.00,1,
"""


@pytest.fixture
def uploads(tmp_path: Path) -> Iterator[Uploads]:
    with Uploads(tmp_path, Limits(spare_bytes=0)) as made:
        yield made


def uploaded(uploads: Uploads, content: str, name: str = "log.csv") -> Upload:
    receiving = uploads.receive(name, None)
    receiving.path.write_text(content)
    receiving.grown(len(content.encode()))
    return receiving.keep()


def seen(uploads: Uploads, content: str = LOG) -> tuple[Upload, Look]:
    upload = uploaded(uploads, content)
    return upload, mending.look(upload)


def test_the_first_choice_is_the_guess(uploads: Uploads) -> None:
    _, found = seen(uploads)
    first = mending.first_choice(found)
    assert first.roles["event_at"] == "when"
    assert first.roles["customer_id"] == "visitor"
    assert first.formats == ("yyyy-MM-dd HH:mm:ss",)
    assert first.types == {"view": "view", "buy": "purchase", "wish": ""}


def test_first_records_are_counted_with_their_reasons(uploads: Uploads) -> None:
    _, found = seen(uploads)
    checked = mending.tried(found, mending.mapping(found, mending.first_choice(found)))
    assert (checked.accepted, checked.refused, checked.duplicates, checked.ignored) == (3, 2, 1, 0)
    assert [(r.field, r.row, r.value) for r in checked.reasons] == [
        ("price", 5, "-3.00"),
        ("action", 4, "wish"),
    ]


def test_types_that_are_not_wanted_are_no_refusals(uploads: Uploads) -> None:
    _, found = seen(uploads)
    types = {"view": "view", "buy": "purchase", "wish": IGNORED}
    mended = replace(mending.first_choice(found), types=types)
    checked = mending.tried(found, mending.mapping(found, mended))
    assert (checked.accepted, checked.refused, checked.ignored) == (3, 1, 1)


def test_a_mended_mapping_is_what_was_chosen(uploads: Uploads) -> None:
    upload, found = seen(uploads)
    mended = replace(
        mending.first_choice(found),
        roles={"event_at": "when", "customer_id": "sku", "order_id": "ref"},
        event_type="purchase",
        timezone="Europe/Berlin",
        share=0.4,
    )
    mending.save(upload, found, mended)
    tree = tomllib.loads((upload.folder / "conf/sources/upload.toml").read_text())
    assert tree["columns"] == mended.roles
    assert tree["optional_columns"] == ["order_id"]
    assert (tree["event_type"], tree["timezone"]) == ("purchase", "Europe/Berlin")
    assert tree["max_rejected_share"] == 0.4
    assert "event_types" not in tree


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"roles": {"customer_id": "visitor"}, "event_type": "view"}, "no 'event_at'"),
        ({"roles": {"event_at": "when"}, "event_type": "view"}, "no 'customer_id'"),
        ({"formats": ()}, "event_at_formats names no format"),
        ({"formats": ("%Y-%m-%d",)}, "event_at_formats: unknown"),
        ({"types": {"view": ""}}, r"names no value"),
        ({"timezone": "../../etc/passwd"}, "timezone: unknown"),
    ],
)
def test_what_is_missing_is_said(uploads: Uploads, change: dict[str, object], words: str) -> None:
    _, found = seen(uploads)
    with pytest.raises(ConfigurationError, match=words):
        mending.mapping(found, replace(mending.first_choice(found), **change))  # type: ignore[arg-type]


HOSTILE = ("a\nmax_rejected_share = 1.0\n[columns]", "b\x7f\x01", '"""', "# x", "[jdbc]\nurl")


def test_column_names_are_text_in_the_mapping_whatever_they_hold(uploads: Uploads) -> None:
    header = ",".join('"' + name.replace('"', '""') + '"' for name in HOSTILE)
    rows = "".join(f"v{n},w,q,z,t,2024-05-0{n} 10:00:00,c{n % 3},9.5\n" for n in range(1, 9))
    upload, found = seen(uploads, f"{header},time,user_id,price\n{rows}")
    assert set(HOSTILE) <= {" ".join(n.split("\t")) for n in found.head.columns}
    first = mending.first_choice(found)
    roles = {**first.roles, "brand": HOSTILE[0], "store": HOSTILE[1], "category_id": HOSTILE[2]}
    mended = replace(first, roles=roles, event_type="view")
    mending.save(upload, found, mended)
    tree = tomllib.loads((upload.folder / "conf/sources/upload.toml").read_text())
    assert tree["columns"] == roles
    assert tree["max_rejected_share"] == mending.USUAL_SHARE
    assert tree.keys() == {
        *("max_rejected_share", "event_at_formats", "event_type", "columns", "multiline"),
    }


@pytest.mark.parametrize(
    "content",
    [
        pytest.param("just some words\nand no table\n", id="prose"),
        pytest.param("a,b\n", id="header-alone"),
        pytest.param("one\rtwo\r", id="carriage-returns"),
    ],
)
def test_a_file_that_is_no_log_is_explained_under_its_own_name(
    uploads: Uploads, content: str
) -> None:
    upload = uploaded(uploads, content, "words [x](y).csv")

    def mapped() -> None:
        found = mending.look(upload)
        mending.mapping(found, mending.first_choice(found))

    with pytest.raises((InputError, ConfigurationError)) as error:
        mapped()
    text = mending.explained(upload, error.value)
    assert str(upload.folder) not in text


def test_the_process_that_reads_writes_the_sample_or_says_why_not(
    uploads: Uploads, capsys: pytest.CaptureFixture[str]
) -> None:
    from custseg_spark.interfaces.dashboard.trying import reading
    from custseg_spark.pipeline import sampled_features

    upload, found = seen(uploads)
    mending.save(upload, found, mending.first_choice(found))
    assert reading.main(upload.folder) == 0
    assert capsys.readouterr().out.endswith("read 100 %\n")
    sample = sampled_features.read(upload.folder / "sample.parquet")
    assert sample.features["customer_id"].to_pylist() == ["7", "9"]
    assert json.loads((upload.folder / "about.json").read_text())["name"] == "log.csv"
    (upload.folder / "upload").write_text("when,action\n1,2\n")
    assert reading.main(upload.folder) == 3
    said = capsys.readouterr().err
    assert said.startswith("error: log.csv")
    assert str(upload.folder) not in said


ROWS = [
    (f"2024-05-0{n} 10:00:00", "buy" if n % 3 else "view", 700 + n % 3, f"x{n % 4}", 9.5)
    for n in range(1, 10)
]
NAMES = ("when", "action", "visitor", "sku", "price")


def parquet(path: Path) -> None:
    pl.DataFrame(ROWS, schema=NAMES, orient="row").write_parquet(path)


def database(path: Path) -> None:
    with closing(sqlite3.connect(path)) as made, made:
        made.execute('CREATE TABLE log ("when", action, visitor, sku, price REAL)')
        made.executemany("INSERT INTO log VALUES (?, ?, ?, ?, ?)", ROWS)


def workbook(path: Path) -> None:
    with xlsxwriter.Workbook(path) as book:
        sheet = book.add_worksheet("log")
        for number, row in enumerate([NAMES, *ROWS]):
            sheet.write_row(number, 0, row)


@pytest.mark.parametrize("write", [parquet, database, workbook])
def test_each_kind_of_file_is_looked_at_and_read(
    uploads: Uploads, write: Callable[[Path], None]
) -> None:
    from custseg_spark.interfaces.dashboard.trying import reading
    from custseg_spark.pipeline import sampled_features

    receiving = uploads.receive("log", None)
    write(receiving.path)
    receiving.grown(receiving.path.stat().st_size)
    upload = receiving.keep()
    found = mending.look(upload)
    first = mending.first_choice(found)
    checked = mending.tried(found, mending.mapping(found, first))
    assert (checked.accepted, checked.refused) == (9, 0)
    mending.save(upload, found, first)
    assert reading.main(upload.folder) == 0
    sample = sampled_features.read(upload.folder / "sample.parquet")
    assert sample.features["customer_id"].to_pylist() == ["700", "701", "702"]
    assert {p.name for p in upload.folder.iterdir()} == {
        *("upload", "about.json", "head.csv", "conf", "sample.parquet"),
    }
