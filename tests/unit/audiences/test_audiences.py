"""Audience files of a literal lake: who is in, who isn't and why, and that no address leaks."""

import csv
import hashlib
import json
import stat
from pathlib import Path

import polars as pl
import pytest
import python_lake
from python_lake import NOW

from custseg_spark.errors import ConfigurationError, InputError
from custseg_spark.interfaces.cli import audience

CONTACTS = """customer_id,email,phone,consent
a,Ada@Example.com,+44 20 7031 3000,yes
b,b@example.com,,no
c,not an address,12,yes
d,d@example.com,,yes
z,z@example.com,,yes
"""


@pytest.fixture
def lake(tmp_path: Path) -> Path:
    python_lake.make(tmp_path / "lake")
    (tmp_path / "contacts.csv").write_text(CONTACTS)
    return tmp_path


def run(folder: Path, *options: str) -> dict[int, dict[str, object]]:
    """What the summary says of each segment."""
    given = [f"--lake={folder / 'lake'}", f"--contacts={folder / 'contacts.csv'}"]
    audience.run([*given, f"--to={folder / 'out'}", *options])
    made = json.loads((folder / "out" / "audiences.json").read_text())
    assert made["run_date"] == NOW.isoformat()
    return {each["segment_id"]: each for each in made["audiences"]}


def rows(folder: Path, name: str) -> list[dict[str, str]]:
    with (folder / "out" / name).open(newline="") as file:
        return list(csv.DictReader(file))


def sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def test_a_segments_customers_with_consent_and_a_contact_are_in(
    lake: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made = run(lake)
    counts = ("customers", "held_back", "without_contact", "without_consent", "unusable")
    assert [made[1][name] for name in counts] == [2, 0, 0, 0, 0]
    assert [made[2][name] for name in counts] == [2, 0, 0, 1, 1]
    assert rows(lake, "meta-segment-2.csv") == []
    assert {row["Email"]: row["Phone"] for row in rows(lake, "google-segment-1.csv")} == {
        sha("ada@example.com"): sha("+442070313000"),
        sha("d@example.com"): "",
    }
    assert "High-Value" in capsys.readouterr().out


def test_no_address_is_in_any_file_and_files_are_the_owners(lake: Path) -> None:
    run(lake)
    for path in (lake / "out").iterdir():
        assert b"example.com" not in path.read_bytes()
        assert b"7031" not in path.read_bytes()
        assert not stat.S_IMODE(path.stat().st_mode) & 0o077
    for path in (lake / "lake").rglob("*"):
        assert path.is_dir() or b"example.com" not in path.read_bytes()


def test_segments_platforms_and_columns_are_named(lake: Path) -> None:
    frame = pl.DataFrame({"mobile": ["a", "d"], "agreed": [True, False], "tel": ["0171", "0172"]})
    frame.write_parquet(lake / "contacts.csv.parquet")
    audience.run(
        [
            f"--lake={lake / 'lake'}",
            f"--contacts={lake / 'contacts.csv.parquet'}",
            "--columns=customer_id=mobile,consent=agreed,phone=tel",
            "--segments=High-Value",
            "--platforms=meta",
            "--calling-code=+49",
            f"--to={lake / 'out'}",
        ]
    )
    assert {path.name for path in (lake / "out").iterdir()} == {
        "audiences.json",
        "meta-segment-1.csv",
    }
    # +49171 is too short for a number.
    assert rows(lake, "meta-segment-1.csv") == []


def test_who_is_held_back_from_the_campaign_is_left_out(lake: Path) -> None:
    made = run(lake, "--control-share=0.5", "--campaign=spring")
    assert sum(int(str(each["held_back"])) for each in made.values()) > 0


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        (["--segments=Loyal"], InputError, "has no segment 'Loyal'"),
        (["--algorithm=gmm"], InputError, "no segments by gmm"),
        (["--run-date=2020-01-01"], InputError, "no run of 2020-01-01"),
        (["--platforms=x"], ConfigurationError, "unknown 'x'"),
        (["--columns=customer_id,consent"], ConfigurationError, "nothing for email or phone"),
        (["--columns=customer_id,consent=agreed,email"], InputError, "no column 'agreed'"),
        (["--calling-code=abc"], ConfigurationError, "one to three digits"),
        (["--control-share=1"], ConfigurationError, "from 0 to below 1"),
    ],
)
def test_what_is_wrong_is_named(
    lake: Path, options: list[str], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        run(lake, *options)
    assert not (lake / "out" / "audiences.json").exists()


def test_contacts_without_a_consent_column_are_refused(lake: Path) -> None:
    (lake / "contacts.csv").write_text("customer_id,email\na,a@example.com\n")
    with pytest.raises(InputError, match="no column 'consent'"):
        run(lake)
