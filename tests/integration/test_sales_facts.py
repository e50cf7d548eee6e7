"""Sales fact tables: amounts that must agree, returns, the forms they come in; broken Parquet."""

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from checkout import job
from ledger import Ledger, Read, Reason, RunJob, events, ledger, reading, reasons, utc
from pyspark.sql import SparkSession
from sales import COLUMNS, Line, sale, table, write

from custseg_spark.config.mappings import load_mapping
from custseg_spark.config.settings import LakeConfig
from custseg_spark.config.shipped import conf_dir
from custseg_spark.engine.lake.lake import Lake
from custseg_spark.engine.lake.schemas import EVENTS, INGEST_FILES, SESSIONS
from custseg_spark.engine.sources.discovery import files
from custseg_spark.engine.sources.formats import parquet
from custseg_spark.errors import ConfigurationError, InputError, RejectedShareError
from custseg_spark.interfaces.cli import preview as check

ALL_ALLOWED = ("--set", "sources.sales_facts.max_rejected_share=1")

SOLD = sale()
FULL_PRICE = sale(order_id="1002", discount="0", net_amount="25.00")
NO_DISCOUNT = sale(order_id="1003", discount=None, net_amount="25.00")
RETURNED = sale(order_id="1004", quantity="-1", discount="0", net_amount="-12.50")
RETURNED_AT_A_DISCOUNT = sale(order_id="1005", quantity="-2", discount="-5.00", net_amount="-20.00")
RETURNED_BY_AMOUNT = sale(order_id="1006", quantity="2", discount="5.00", net_amount="-20.00")
ROUNDED = sale(order_id="1007", quantity="3", unit_price="0.3333", discount="0", net_amount="1.00")
NOT_IN_PERCENT = sale(order_id="1008", discount="0.20", net_amount="20.00")
LINES = [SOLD, FULL_PRICE, NO_DISCOUNT, RETURNED, RETURNED_AT_A_DISCOUNT, RETURNED_BY_AMOUNT]
LINES += [ROUNDED, NOT_IN_PERCENT, SOLD]
TIMES = {"order_date": pa.timestamp("us", tz="UTC")}
FLOATS = {"order_id": pa.float64(), "product_id": pa.float64(), "quantity": pa.float32()}
FORMS = {
    "a.csv": {},
    "b.parquet": {"order_date": pa.date32()},
    "c.parquet": TIMES,
    "d.parquet": FLOATS,
    "e.parquet": None,
}


def ingest(path: Path, *more: str) -> list[str]:
    return ["ingest", "--source", f"sales_facts={path}", *more]


@pytest.fixture(scope="module")
def forms(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Lake:
    """A lake of the same lines in every form: text, and as various writers type them."""
    folder, lake_dir = tmp_path_factory.mktemp("sales"), tmp_path_factory.mktemp("lake")
    for name, types in FORMS.items():
        if types is None:
            write(folder / name, LINES)
        else:
            write(folder / name, LINES, types)
    name, *arguments = ingest(folder, *ALL_ALLOWED)
    job(name).run(["--lake", str(lake_dir), *arguments])
    return Lake(spark, LakeConfig(path=str(lake_dir)))


def test_the_same_lines_are_the_same_events_in_every_form(forms: Lake) -> None:
    assert ledger(reading(forms)) == {
        name: Ledger(
            len(LINES) + (name == "a.csv"),
            int(name == "a.csv"),
            0,
            7 if name == "a.csv" else 0,
            1,
            1 if name == "a.csv" else 8,
        )
        for name in FORMS
    }


def test_a_line_becomes_a_sale_or_a_return(forms: Lake) -> None:
    found = {
        e.order_id: (e.event_type, e.quantity, e.unit_price, e.discount)
        for e in events(reading(forms)).values()
    }
    price, five, none = Decimal("12.5000"), Decimal("5.0000"), Decimal(0)
    assert found == {
        "1001": ("purchase", 2, price, five),
        "1002": ("purchase", 2, price, none),
        "1003": ("purchase", 2, price, none),
        "1004": ("return", 1, price, none),
        "1005": ("return", 2, price, five),
        "1006": ("return", 2, price, five),
        "1007": ("purchase", 3, Decimal("0.3333"), none),
    }
    [first] = [e for e in events(reading(forms)).values() if e.order_id == "1001"]
    assert utc(first.event_at) == "2024-03-01 00:00:00"
    assert (first.customer_id, first.product_id, first.session_id) == ("c1", "77", None)
    sessions = reading(forms)(SESSIONS)
    totals = [
        sum(row[name] for row in sessions)
        for name in ("purchase_amount", "return_amount", "discount_amount")
    ]
    assert totals == [Decimal("70.9999"), Decimal("52.5000"), five]


def test_a_net_amount_that_says_something_else_is_refused_by_name(forms: Lake) -> None:
    expected = "unit price x quantity - discount, within 0.01"
    found = {key: given for key, given in reasons(reading(forms)).items() if key[0] != "a.csv"}
    assert found == {
        (name, 8): [Reason("inconsistent_amount", "net_amount", value, expected)]
        for name, value in zip(
            ("b.parquet", "c.parquet", "d.parquet", "e.parquet"),
            ("20.00",) * 4,
            strict=True,
        )
    }


BAD_AMOUNTS = [
    (sale(net_amount=None), "not_a_number", "net_amount"),
    (sale(net_amount="twenty"), "not_a_number", "net_amount"),
    (sale(net_amount="NaN"), "not_finite", "net_amount"),
    (sale(net_amount="1e40"), "out_of_range", "net_amount"),
    (sale(net_amount="20.02"), "inconsistent_amount", "net_amount"),
    (sale(discount="-5"), "negative", "discount"),
    (sale(quantity="0", net_amount="-20"), "inconsistent_amount", "net_amount"),
    (sale(quantity="1.5"), "not_an_integer", "quantity"),
    (sale(unit_price="-12.5"), "negative", "unit_price"),
    (sale(customer_id=None), "missing_customer", "customer_id"),
    (sale(order_date="01.03.2024"), "unparseable_time", "order_date"),
]
GOOD_AMOUNTS = [
    sale(net_amount="20.01"),
    sale(net_amount="+2e1"),
    sale(order_date="2024-03-01 23:30:00+01", order_id="1009"),
    sale(order_date="2024-03-01T10:00:00", order_id="1010"),
]


def test_each_wrong_amount_has_its_reason(run_job: RunJob, read: Read, tmp_path: Path) -> None:
    bad = [line for line, _, _ in BAD_AMOUNTS]
    log = write(tmp_path / "log.csv", [*bad, *GOOD_AMOUNTS])

    run_job(*ingest(log, *ALL_ALLOWED))

    assert ledger(read) == {"log.csv": Ledger(16, 1, 0, 4, 11, 0)}
    found = {row: [(r.code, r.field) for r in given] for (_, row), given in reasons(read).items()}
    assert found == {n: [(c, f)] for n, (_, c, f) in enumerate(BAD_AMOUNTS, start=2)}
    times = {e.order_id: utc(e.event_at) for e in events(read).values()}
    assert times["1009"] == "2024-03-01 22:30:00"
    assert times["1010"] == "2024-03-01 10:00:00"


def test_a_table_with_discounts_in_percent_ends_the_job_and_says_so(
    run_job: RunJob, read: Read, tmp_path: Path
) -> None:
    percent = [sale(order_id=str(n), discount="0.2", net_amount="20") for n in range(9)]
    log = write(tmp_path / "log.parquet", percent)
    with pytest.raises(RejectedShareError) as caught:
        run_job(*ingest(log))
    assert (
        f"inconsistent_amount: 9 records, first {log}, row 1: net_amount = '20.00', expected unit"
        " price x quantity - discount, within 0.01"
    ) in str(caught.value)
    assert read(EVENTS) == []


def test_a_folder_of_parts_and_a_second_delivery(
    run_job: RunJob, read: Read, tmp_path: Path
) -> None:
    """As Spark writes it: parts, one of them empty, a mark, a part of another schema; a stray."""
    folder = tmp_path / "facts"
    write(folder / "part-0.parquet", [SOLD, FULL_PRICE])
    write(folder / "part-1.parquet", [])
    (folder / "_SUCCESS").touch()
    other = table([NO_DISCOUNT, RETURNED]).append_column("channel", pa.array(["web", None]))
    pq.write_table(other.drop_columns("discount"), folder / "part 2 [új].parquet")

    pq.write_table(pa.table({"what": [1]}), folder / "stray.parquet")

    run_job(*ingest(folder))
    write(folder / "part-3.parquet", [SOLD, ROUNDED])
    run_job(*ingest(folder))

    assert ledger(read) == {
        "part-0.parquet": Ledger(2, 0, 0, 2, 0, 0),
        "part-1.parquet": Ledger(0, 0, 0, 0, 0, 0),
        "part 2 [új].parquet": Ledger(2, 0, 0, 2, 0, 0),
        "part-3.parquet": Ledger(2, 0, 0, 1, 0, 1),
    }
    assert {(name, row) for name, row in events(read)} == {
        ("part-0.parquet", 1),
        ("part-0.parquet", 2),
        ("part 2 [új].parquet", 1),
        ("part 2 [új].parquet", 2),
        ("part-3.parquet", 2),
    }


TYPED = pa.table(
    {
        "customer_id": pa.array([17850.0, None, float("nan"), 1e20]),
        "order_date": pa.array(
            [datetime(2024, 3, 1), datetime(2024, 3, 1, 1, 2, 3, 450000), None, None],
            pa.timestamp("ms"),
        ),
        "order_id": pa.array([b"o1", b"\xff\x01", None, b""]),
        "product_id": pa.array([True, False, None, None]),
        "quantity": pa.array([2, -2, None, 127], pa.int8()),
        "unit_price": pa.array([12.99, 0.1, 1e-7, 2.5e9], pa.float32()),
        "net_amount": pa.array([25.98, 0.1 + 0.2, float("inf"), -0.0]),
        "tags": pa.array([["a", "b"], [], None, None]),
    }
)
TEXTS = [
    ("17850", "2024-03-01 00:00:00", "o1", "true", "2", "12.99", "25.98", '["a","b"]'),
    (None, "2024-03-01 01:02:03.450000", "FF01", "false", "-2", "0.1", "0.30000000000000004", "[]"),
    (None, None, None, None, None, "1.0E-7", "Infinity", None),
    ("1.0E20", None, "", None, "127", "2500000000", "0", None),
]


def test_typed_values_become_the_text_that_one_would_type(tmp_path: Path) -> None:
    pq.write_table(TYPED, tmp_path / "_typed.parquet", row_group_size=3)
    [file] = files.list_files(str(tmp_path / "_typed.parquet"))
    mapping = load_mapping("sales_facts", {}, [conf_dir() / "sources"])

    opened = parquet.inspect(file, "f", mapping)

    assert not isinstance(opened, str)
    parts = [part for piece in parquet.pieces(opened) for part in piece.records(mapping)]
    assert [part.values.columns for part in parts] == [TYPED.column_names] * 2
    assert [row for part in parts for row in part.values.rows()] == TEXTS
    assert [row for part in parts for row in part.rows.tolist()] == [1, 2, 3, 4]
    assert all(part.malformed.is_empty() for part in parts)


@pytest.fixture(scope="module")
def empty_lake(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Lake:
    """A lake for runs that must leave nothing in it."""
    lake = Lake(spark, LakeConfig(path=str(tmp_path_factory.mktemp("empty"))))
    lake.create([EVENTS, INGEST_FILES])
    return lake


def _parquet(content: pa.Table) -> Callable[[Path], Path]:
    def made(folder: Path) -> Path:
        pq.write_table(content, folder / "x.parquet")
        return folder / "x.parquet"

    return made


def _cut(folder: Path) -> Path:
    path = write(folder / "x.parquet", [SOLD])
    path.write_bytes(path.read_bytes()[:-20])
    return path


def _encrypted(folder: Path) -> Path:
    (folder / "x.parquet").write_bytes(b"PARE" + bytes(40) + b"PARE")
    return folder / "x.parquet"


GOOD = table([SOLD])


@pytest.mark.parametrize(
    ("made", "message"),
    [
        (
            _parquet(GOOD.rename_columns([c.replace("net_", "netto_") for c in COLUMNS])),
            "the file has no column 'net_amount'; did you mean 'netto_amount'?",
        ),
        (
            _parquet(GOOD.set_column(6, "discount", pa.array([[1.0, 2.0]]))),
            "the column 'discount' is list<element: double>; expected a single value",
        ),
        (
            _parquet(GOOD.append_column("Quantity", pa.array([1]))),
            "the file has the column 'quantity' twice (case aside)",
        ),
        (_cut, "the Parquet file is damaged: "),
        (_encrypted, "encrypted Parquet"),
    ],
    ids=["column", "nested", "twice", "cut", "encrypted"],
)
def test_a_file_that_cannot_be_read_is_named(
    empty_lake: Lake, tmp_path: Path, made: Callable[[Path], Path], message: str
) -> None:
    path = made(tmp_path)
    with pytest.raises(InputError) as caught:
        job("ingest").run(["--lake", empty_lake.config.path, *ingest(path)[1:]])
    assert str(caught.value).startswith(str(path))
    assert message in str(caught.value)
    assert not empty_lake.rows(INGEST_FILES)


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("amount_tolerance=-1", "amount_tolerance must be 0 or more, got -1"),
        ("columns.unit_price=1", r"\[columns\] unit_price: expected text"),
        ("returns.negative_amount=true", "did you mean 'negative_net_amount'"),
    ],
)
def test_a_wrong_key_is_named(run_job: RunJob, tmp_path: Path, override: str, message: str) -> None:
    log = write(tmp_path / "log.csv", [SOLD])
    with pytest.raises(ConfigurationError, match=message):
        run_job(*ingest(log, "--set", f"sources.sales_facts.{override}"))


def test_check_shows_and_proposes_for_parquet(
    spark: SparkSession, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines: list[Line] = [sale(order_id=str(1000 + n)) for n in range(20)]
    path = write(tmp_path / "facts.parquet", [*lines, RETURNED])

    check.run(["sales_facts", str(path)])
    shown = capsys.readouterr().out
    check.run(["?", str(path)])
    proposed = capsys.readouterr().out

    assert "21 records = 21 accepted + 0 rejected + 0 duplicates" in shown
    for line in ('event_at = "order_date"', 'net_amount = "net_amount"', 'discount = "discount"'):
        assert line in proposed
    assert 'unit_price = "unit_price"' in proposed
