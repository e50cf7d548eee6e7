"""Purchases as JSON and customer attributes as CSV, through the ingest job; what is refused.

And the guide's commands: from an API to a database.
"""

import csv
import io
import json
import re
import shlex
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import chdir, closing, redirect_stdout
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from checkout import ROOT, job
from ledger import Ledger, Read, RunJob, events, ledger, reading, reasons, skipped, utc
from purchase_server import purchases_of
from pyspark.sql import SparkSession

from custseg_spark.config.mappings import load_mapping
from custseg_spark.config.settings import LakeConfig
from custseg_spark.engine.lake.lake import Lake
from custseg_spark.engine.lake.schemas import (
    CUSTOMER_FEATURES,
    CUSTOMERS,
    EVENTS,
    INGEST_FILES,
    RUNS,
    SEGMENT_PROFILES,
)
from custseg_spark.engine.sources.formats import json_text
from custseg_spark.errors import ConfigurationError, InputError, RejectedShareError
from custseg_spark.interfaces.cli import preview as check

HEADER = "mobile,name,age,income,gender,education,occupation,zip_code"
ALL_ALLOWED = (
    "--set",
    "sources.customers.max_rejected_share=1",
    "--set",
    "sources.purchase_history.max_rejected_share=1",
)
ANN = "7000000001,Ann,34,52000.50,Female,Master,Nurse,LS1 4AP"
ATTRIBUTES = {
    2: (ANN, None),
    3: ("7000000002,Bob,41.0,31000,male,High School,Driver,90210", None),
    4: ("7000000003,,,,,,,", None),
    5: ("", "blank"),
    6: (",Nobody,34,1,male,,,", "missing_customer"),
    7: ("70-12,Cyd,34,1,male,,,", "not_an_integer"),
    8: ("7000000004,Dan,old,1,male,,,", "not_an_integer"),
    9: ("7000000005,Eve,121,1,female,,,", "out_of_range"),
    10: ("7000000006,Fay,-1,1,female,,,", "out_of_range"),
    11: ("7000000007,Gus,50,much,male,,,", "not_a_number"),
    12: ("7000000008,Hal,50,-5,male,,,", "negative"),
    13: ("7000000009,Ida,50,Infinity,female,,,", "not_finite"),
    14: ("7000000010,Jon,50", "wrong_field_count"),
    15: (HEADER, "repeated_header"),
    16: ("7000000002,Bob,42,32000,male,Bachelor,Driver,90210", None),
}
BOUGHT = '{"mobile": "7000000001", "date": "2024-03-01", "amount": 12.50, "store": "Leeds"}'
LINES = {
    1: (BOUGHT, None),
    2: (BOUGHT, None),
    3: (
        '{"store": null, "amount": "7", "date": "2024-03-02T10:30:00", "mobile": 7000000001}',
        None,
    ),
    4: ('{"mobile": "7000000002", "date": "2024-03-03", "amount": 1e1, "till": "4"}', None),
    5: ("", "blank"),
    6: ('{"mobile": "7000000001", "date": "2024-03-01", "amount": 12.50', "invalid_json"),
    7: ("[1, 2]", "invalid_json"),
    8: ("<html>Bad Gateway</html>", "invalid_json"),
    9: ('{"mobile": "1", "mobile": "2", "date": "2024-03-01", "amount": 1}', "invalid_json"),
    10: ('{"mobile": "1", "date": ["2024-03-01"], "amount": 1}', "invalid_json"),
    11: ('{"mobile": "7", "date": "yesterday", "amount": 1}', "unparseable_time"),
    12: ('{"mobile": "7", "date": "2024-03-01", "amount": NaN}', "not_finite"),
    13: ('{"mobile": "7", "date": "2024-03-01", "amount": 1e400}', "out_of_range"),
    14: ('{"mobile": "7", "date": "2024-03-01", "amount": -4}', "negative"),
    15: ('{"mobile": "7", "date": "2024-03-01"}', "not_a_number"),
    16: ('{"mobile": null, "date": "2024-03-01", "amount": 1}', "missing_customer"),
    17: ('{"mobile": "x7", "date": "2024-03-01", "amount": 1}', "not_an_integer"),
    18: ('{"mobile": "7", "date": "2024-03-01", "amount": 1, "store": "a\\u0000b"}', "nul_byte"),
    19: ('{"mobile": "7", "date": "2024-03-01", "amount": 1, "store": "\\ud800"}', "invalid_utf8"),
    20: ('{"quarantined": "not JSON", "answer": "<html>", "mobiles": ["7"]}', "malformed_answer"),
    21: ('{"mobile": "7", "date": "2024-03-01", "amount": true}', "not_a_number"),
    22: ("[" * 100_000, "invalid_json"),
    23: ('{"mobile": "8", "date": "2024-03-04", "amount": 5, "basket": {"b": [1], "a": 2}}', None),
    24: ('{"mobile": "8", "date": "2024-03-04", "amount": 5, "basket": {"a": 2, "b": [1]}}', None),
    25: ('{"mobile": "8", "date": "2024-03-04", "amount": 5, "basket": {"a": 3}}', None),
}


def write(path: Path, lines: Sequence[str], ending: str = "\n") -> Path:
    path.write_text(ending.join(lines) + "\n", encoding="utf-8")
    return path


def sources(**paths: Path) -> list[str]:
    given = [a for name, path in paths.items() for a in ("--source", f"{name}={path}")]
    return [*given, *ALL_ALLOWED]


def attributes_of(read: Read) -> dict[str, tuple[Any, ...]]:
    columns = ("name", "age", "income", "gender", "education", "occupation", "zip_code")
    rows = read(CUSTOMERS)
    found = {row.customer_id: tuple(row[c] for c in columns) for row in rows}
    assert len(found) == len(rows)
    return found


@pytest.fixture(scope="module")
def shop(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Lake, str]:
    """A folder with both sources, the lake of one ingest, and what the job printed."""
    folder = tmp_path_factory.mktemp("shop")
    write(folder / "customers.csv", [HEADER, *(line for line, _ in ATTRIBUTES.values())])
    with (folder / "purchases.jsonl").open("wb") as stream:
        stream.writelines(line.encode() + b"\r\n" for line, _ in LINES.values())
        stream.write(b'{"mobile": "7", "date": "2024-03-01", "amount": 1, "store": "\xff"}')
    printed = io.StringIO()
    with redirect_stdout(printed):
        lake = f"--lake={folder}/lake"
        job("ingest").run([lake, *sources(**_paths(folder))])
    return folder, Lake(spark, LakeConfig(path=f"{folder}/lake")), printed.getvalue()


def _paths(folder: Path) -> dict[str, Path]:
    return {
        "customers": folder / "customers.csv",
        "purchase_history": folder / "purchases.jsonl",
    }


def test_every_record_is_accounted_for(shop: tuple[Path, Lake, str]) -> None:
    _, lake, printed = shop
    assert ledger(reading(lake)) == {
        "customers.csv": Ledger(16, 1, 1, 3, 10, 1),
        "purchases.jsonl": Ledger(26, 0, 1, 7, 18, 0),
    }
    assert "39 records = 10 accepted + 28 rejected + 1 duplicates" in printed


def test_malformed_records_are_refused_with_their_reason(shop: tuple[Path, Lake, str]) -> None:
    found = {key: [r.code for r in why] for key, why in reasons(reading(shop[1])).items()}
    expected = {
        (name, row): [code]
        for name, lines in (("customers.csv", ATTRIBUTES), ("purchases.jsonl", LINES))
        for row, (_, code) in lines.items()
        if code and code != "blank"
    }
    assert found == {**expected, ("purchases.jsonl", 26): ["invalid_utf8"]}


def test_the_last_row_of_a_customer_has_the_attributes(shop: tuple[Path, Lake, str]) -> None:
    assert attributes_of(reading(shop[1])) == {
        "7000000001": ("Ann", 34, Decimal("52000.5000"), "Female", "Master", "Nurse", "LS1 4AP"),
        "7000000002": ("Bob", 42, Decimal(32000), "male", "Bachelor", "Driver", "90210"),
        "7000000003": (None,) * 7,
    }


def test_a_purchase_is_an_event_and_an_order(shop: tuple[Path, Lake, str]) -> None:
    found = {row: event for (_, row), event in events(reading(shop[1])).items()}
    shown = {
        row: (e.customer_id, utc(e.event_at), e.event_type, e.unit_price, e.store)
        for row, e in found.items()
    }
    first = ("7000000001", "2024-03-01 00:00:00", "purchase", Decimal("12.5000"), "Leeds")
    assert shown == {
        1: first,
        2: first,
        3: ("7000000001", "2024-03-02 10:30:00", "purchase", Decimal(7), None),
        4: ("7000000002", "2024-03-03 00:00:00", "purchase", Decimal(10), None),
        # What isn't taken may be nested: it only tells one purchase from another.
        **dict.fromkeys((23, 24, 25), ("8", "2024-03-04 00:00:00", "purchase", Decimal(5), None)),
    }
    assert {e.order_id for e in found.values()} == {e.event_id for e in found.values()}


def test_a_repeat_and_another_form_add_nothing(
    shop: tuple[Path, Lake, str], tmp_path: Path
) -> None:
    folder, lake, _ = shop
    before, known = attributes_of(reading(lake)), events(reading(lake))
    job("ingest").run([f"--lake={folder}/lake", *sources(**_paths(folder))])
    assert ledger(reading(lake)).keys() == {"customers.csv", "purchases.jsonl"}
    nested = [
        {
            "mobile": 7000000001,
            "purchases": [
                {"date": "2024-03-01", "amount": 12.5, "store": "Leeds"},
                {"amount": "12.50", "date": "2024-03-01", "store": "Leeds"},
                {"date": "2024-03-02T10:30:00", "amount": 7},
                "rubbish",
            ],
        },
        {"mobile": "7000000003", "purchases": []},
        {"mobile": "7000000002", "date": "2024-03-03", "amount": 10.00, "till": "4"},
        {"mobile": 8, "date": "2024-03-04", "amount": 5, "basket": {"a": 2, "b": [1]}},
        {"mobile": 8, "date": "2024-03-04", "amount": 5, "basket": {"a": 3}},
    ]
    array = tmp_path / "array.json"
    array.write_text(json.dumps(nested, indent=2))
    job("ingest").run([f"--lake={folder}/lake", *sources(purchase_history=array)])
    assert ledger(reading(lake))["array.json"] == Ledger(7, 0, 0, 0, 1, 6)
    assert (attributes_of(reading(lake)), events(reading(lake))) == (before, known)
    rows = len(lake.rows(INGEST_FILES))
    job("ingest").run([f"--lake={folder}/lake", *sources(purchase_history=array)])
    assert len(lake.rows(INGEST_FILES)) == rows


def test_attributes_are_those_of_the_last_ingest_and_file(
    run_job: RunJob, read: Read, tmp_path: Path
) -> None:
    folder = tmp_path / "customers"
    folder.mkdir()
    write(folder / "b.csv", [HEADER, ANN.replace("Ann", "Second")])
    write(folder / "a.csv", [HEADER, ANN.replace("Ann", "First"), "1,One,,,,,,"])
    write(folder / "notes.txt", ["nothing of customers", "1"])
    run_job("ingest", *sources(customers=folder))
    assert {i: p[0] for i, p in attributes_of(read).items()} == {"7000000001": "Second", "1": "One"}
    assert ledger(read) == {"a.csv": Ledger(3, 1, 0, 1, 0, 1), "b.csv": Ledger(2, 1, 0, 1, 0, 0)}
    assert skipped(read).keys() == {"notes.txt"}
    # Its name sorts first, but it came later. What it doesn't say is not known any more.
    write(folder / "0.csv", ["name,mobile", "Third,7000000001"])
    run_job("ingest", *sources(customers=folder))
    assert attributes_of(read)["7000000001"] == ("Third", *(None,) * 6)
    assert ledger(read)["0.csv"] == Ledger(2, 1, 0, 1, 0, 0)
    run_job("ingest", *sources(customers=folder / "a.csv"))
    assert attributes_of(read)["7000000001"][0] == "Third"


def test_too_much_refused_of_either_publishes_nothing(
    run_job: RunJob, read: Read, tmp_path: Path
) -> None:
    good_customers = write(tmp_path / "good.csv", [HEADER, ANN])
    good = write(tmp_path / "good.jsonl", [BOUGHT])
    bad_customers = write(tmp_path / "bad.csv", [HEADER, ANN, ",,,,,,,"])
    bad = write(tmp_path / "bad.jsonl", [BOUGHT, "{"])
    for customers, purchases, source in (
        (bad_customers, good, "customers"),
        (good_customers, bad, "purchase_history"),
    ):
        given = sources(customers=customers, purchase_history=purchases)[:4]
        with pytest.raises(RejectedShareError, match=f"source {source}: 1 of 2 records"):
            run_job("ingest", *given)
        assert [attributes_of(read), events(read), ledger(read)] == [{}, {}, {}]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"mobil": "7", "date": "2024-03-01", "amount": 1}', "no column 'mobile'; did you mean"),
        ('[{"mobile": "7"', "not a JSON array, after 0 objects"),
        ('[{"mobile": "7"}, ', "not a JSON array, after 1 objects"),
        ('[{"mobile": "7"}] 1', "something follows the array"),
        ('[{"mobile": "7"} {}]', "expected , or ], found {"),
        ('[{"mobile": 7} "\ud83d', "expected , or ], found"),
    ],
)
def test_a_file_that_is_not_its_mapping_s_is_an_error(
    run_job: RunJob, tmp_path: Path, content: str, message: str
) -> None:
    path = tmp_path / "purchases.json"
    path.write_bytes(content.encode("utf-8", errors="replace"))
    with pytest.raises(InputError, match=r"purchases\.json") as found:
        run_job("ingest", *sources(purchase_history=path))
    assert message in str(found.value)


def test_an_array_of_any_length_is_read_in_blocks(tmp_path: Path) -> None:
    """Objects that straddle the blocks of a million characters, numbers and escapes among them."""
    records = [{"n": n, "text": "é\n" * (n % 97), "x": f"{n}.10"} for n in range(30_000)]
    path = tmp_path / "long.json"
    path.write_text(" " + json.dumps(records, ensure_ascii=False), encoding="utf-8")
    assert path.stat().st_size > 4_000_000
    lines = json_text.array_lines(path, "")
    expected = [{**r, "n": str(r["n"])} for r in records]
    assert [json_text.record(line.encode(), ())[0] for line in lines] == expected


def test_preview_shows_purchases_and_customers(
    shop: tuple[Path, Lake, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = shop[0]
    allowed = [*ALL_ALLOWED]
    check.run(["customers", str(folder / "customers.csv"), *allowed])
    assert "14 records = 3 accepted + 10 rejected + 1 duplicates" in capsys.readouterr().out
    array = tmp_path / "array.json"
    array.write_text(
        '[{"mobile": "7", "purchases": [{"date": "2024-03-01", "amount": 1},'
        ' {"date": "2024-03-01", "amount": "free"}]}]'
    )
    check.run(["purchase_history", str(array), *allowed])
    shown = capsys.readouterr().out
    assert "2 records = 1 accepted + 1 rejected + 0 duplicates" in shown
    assert "not_a_number" in shown


def test_a_mapping_of_customers_has_their_columns(tmp_path: Path) -> None:
    text = 'fills = "{}"\n[columns]\ncustomer_id = "a"\n{} = "b"\n'
    for fills, column, message in (
        ("customers", "unit_price", "unknown canonical column 'unit_price'"),
        ("events", "income", "unknown canonical column 'income'"),
        ("customer", "age", "fills: unknown 'customer'; did you mean 'customers'?"),
    ):
        (tmp_path / "crm.toml").write_text(text.format(fills, column))
        with pytest.raises(ConfigurationError, match="source crm") as found:
            load_mapping("crm", {}, [tmp_path])
        assert message in str(found.value)


# --- The guide's commands ------------------------------------------------------------------------

GUIDE = (ROOT / "docs" / "guides" / "purchase_history.md").read_text(encoding="utf-8")
# Fewer customers (each day with a purchase is a file), more and smaller requests, and one k.
SMALLER = {
    "generate_customers": ["--customers=100", "--malformed=0.1"],
    "fetch": ["--set=fetch.batch_size=5", "--set=fetch.first_wait_s=0.01"],
    "segment": [
        "--set=model.k=3",
        "--set=model.stability.bootstraps=2",
        "--set=clv.min_repeat_buyers=10",
        "--set=sources.customers.max_rejected_share=0.2",
        "--set=report.enabled=false",
    ],
}
Bought = list[dict[str, str]]


def guide_commands() -> list[str]:
    [block] = re.findall(r"```bash\n(.*?)```", GUIDE, re.DOTALL)
    return block.replace("\\\n", "").strip().splitlines()


def run_in(folder: Path, port: int) -> list[str]:
    """Run the guide's commands there, the API on that port; the programs' names."""
    ran, servers = [], []
    try:
        for command in guide_commands():
            line = command.replace("8001", str(port)).replace("conf/", f"{ROOT}/conf/")
            _, program, *given = shlex.split(line.removesuffix("&"))
            name = Path(program).stem
            given += SMALLER.get(name, [])
            if program.startswith("jobs/"):
                job(name).run(given)
            else:
                process = subprocess.Popen([sys.executable, str(ROOT / program), *given])
                if line.endswith("&"):
                    servers.append(process)
                    wait_for(port)
                else:
                    assert process.wait() == 0
            ran.append(name)
    finally:
        for process in servers:
            process.kill()
            process.wait()
    return ran


def wait_for(port: int) -> None:
    for _ in range(600):
        with socket.socket() as one:
            if one.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise TimeoutError(port)


@pytest.fixture(scope="module")
def readme(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Lake]:
    """The folder that the guide's commands filled, and its lake."""
    folder = tmp_path_factory.mktemp("readme")
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port = one.getsockname()[1]
    with chdir(folder):
        ran = run_in(folder, port)
    assert ran == ["generate_customers", "purchase_api", "fetch", "segment", "export"]
    return folder, Lake(spark, LakeConfig(path=f"{folder}/shop/lake"))


@pytest.fixture(scope="module")
def attributes(readme: tuple[Path, Lake]) -> dict[str, dict[str, str]]:
    """The rows of the generated attributes by mobile, but for those that ingest must refuse."""
    with (readme[0] / "shop" / "customers.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    refused = {"unknown", "-1"}
    return {
        r["mobile"]: r
        for r in rows
        if r["mobile"] not in ("unknown", "n/a", "70-11") and not refused & {r["age"], r["income"]}
    }


def number(text: str) -> Decimal | None:
    """A generated number; n/a stands for no value."""
    return None if text == "n/a" else Decimal(text)


@pytest.fixture(scope="module")
def bought(readme: tuple[Path, Lake]) -> dict[str, Bought]:
    """What each customer with a mobile bought, by the generator; who bought nothing isn't there."""
    with (readme[0] / "shop" / "customers.csv").open(newline="") as stream:
        mobiles = [r["mobile"] for r in csv.DictReader(stream) if r["mobile"].isdecimal()]
    return {m: own for m in mobiles if (own := purchases_of(m, 7))}


def report(readme: tuple[Path, Lake], table: str) -> list[sqlite3.Row]:
    with closing(sqlite3.connect(readme[0] / "shop" / "reports.db")) as connection:
        connection.row_factory = sqlite3.Row
        return connection.execute(f"SELECT * FROM {table}").fetchall()


def amounts(own: Bought) -> Decimal:
    return sum((Decimal(p["amount"]) for p in own), Decimal(0))


def test_every_purchase_of_the_api_is_an_event(
    readme: tuple[Path, Lake], bought: Mapping[str, Bought], attributes: Mapping[str, object]
) -> None:
    lake = readme[1]
    found = sorted(
        (r.customer_id, str(r.event_date), r.unit_price, r.store) for r in reading(lake)(EVENTS)
    )
    assert found == sorted(
        (mobile, p["date"], Decimal(p["amount"]), p["store"])
        for mobile, own in bought.items()
        for p in own
    )
    assert attributes_of(reading(lake)).keys() == attributes.keys()
    rows = ledger(reading(lake))
    assert rows["customers.csv"].rejected == 100 - len(attributes) > 0


def test_attributes_are_features_and_the_preset_takes_them(
    readme: tuple[Path, Lake],
    bought: Mapping[str, Bought],
    attributes: Mapping[str, dict[str, str]],
) -> None:
    lake = readme[1]
    found = {r.customer_id: r for r in reading(lake)(CUSTOMER_FEATURES)}
    assert found.keys() == bought.keys()
    levels = {"High School": 3, "Diploma": 5, "Bachelor": 6, "Master": 7, "Doctorate": 8}
    for mobile, row in found.items():
        told = (row.age_years, row.declared_income, row.education_level, row.is_female)
        own = attributes.get(mobile)
        assert (
            told == (None,) * 4
            if own is None
            else told
            == (
                number(own["age"]),
                number(own["income"]),
                levels[own["education"]],
                int(own["gender"] == "female"),
            )
        )
    [manifest] = reading(lake)(RUNS)
    assert {"age_years", "declared_income", "education_level"} <= set(manifest.features)
    assert manifest.table_versions["customers"] == lake.version(CUSTOMERS)
    living = reading(lake)(SEGMENT_PROFILES)
    assert {"age_years", "occupation_share"} <= living[0].features.keys()


def test_a_customers_metrics_follow_from_the_purchases(
    readme: tuple[Path, Lake],
    bought: Mapping[str, Bought],
    attributes: Mapping[str, dict[str, str]],
) -> None:
    run_date = date.fromisoformat(max(p["date"] for own in bought.values() for p in own))
    run_date += timedelta(days=1)
    spent = sorted(map(amounts, bought.values()))
    rows = {row["customer_id"]: row for row in report(readme, "customer_behavior_metrics")}
    assert rows.keys() == bought.keys()
    for mobile, own in bought.items():
        row, total, days = rows[mobile], amounts(own), [p["date"] for p in own]
        first, last = (run_date - date.fromisoformat(day) for day in (min(days), max(days)))
        assert row["num_purchases"] == len(own)
        assert row["total_spend"] == float(total)
        assert row["avg_purchase_amount"] == pytest.approx(float(total / len(own)), abs=1e-4)
        # Purchases have no time of day: the first one was at midnight.
        frequency = len(own) * 30 / max(first.days, 30)
        assert row["avg_purchase_frequency"] == pytest.approx(frequency)
        assert row["last_purchase_days_ago"] == last.days
        less = sum(other < total for other in spent)
        assert row["spending_score"] == 1 + 100 * less // len(spent)
        assert row["loyalty_score"] is None or 0 <= row["loyalty_score"] <= 1
        assert row["clv"] >= 0
        assert row["run_date"] == str(run_date)
        given = attributes.get(mobile, {})
        for column in ("name", "gender", "education", "occupation", "zip_code"):
            assert row[column] == given.get(column)
        for column in ("age", "income"):
            expected = number(given[column]) if given else None
            assert row[column] == (None if expected is None else float(expected))


def test_stores_and_months_add_up_to_the_purchases(
    readme: tuple[Path, Lake], bought: Mapping[str, Bought]
) -> None:
    for table, key, of in (
        ("customer_store_summary", "store", lambda p: p["store"]),
        ("customer_purchase_trends", "month", lambda p: f"{p['date'][:7]}-01"),
    ):
        expected: dict[tuple[str, str], Bought] = {}
        for mobile, own in bought.items():
            for purchase in own:
                expected.setdefault((mobile, of(purchase)), []).append(purchase)
        found = {(r["customer_id"], r[key]): r for r in report(readme, table)}
        assert {k: (r["num_purchases"], r["total_spend"]) for k, r in found.items()} == {
            k: (len(own), float(amounts(own))) for k, own in expected.items()
        }
