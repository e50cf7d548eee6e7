"""The way in: from a file without a mapping to a mapping that the other commands find."""

import tomllib
from pathlib import Path

import pytest

from custseg_spark.errors import ConfigurationError
from custseg_spark.interfaces.cli import arguments, preview

ORDERS = "\n".join(
    [
        "Order No,Order Date,Client No,SKU,Qty,Unit Price",
        *(f"{n},2022-01-{n + 10},C{n % 4},S{n % 3},{1 + n % 2},9.50" for n in range(12)),
    ]
)


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to work in, with a log of orders and nothing else."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my orders.csv").write_text(ORDERS)
    return tmp_path


def test_a_guess_is_written_where_the_next_command_finds_it(
    shop: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    preview.run(["my orders.csv", "--write"])
    said = capsys.readouterr()
    assert "custseg segment 'my orders.csv' --mapping my_orders" in said.out
    assert (shop / "conf" / "sources" / "my_orders.toml").is_file()
    given = arguments.parse("", ["my orders.csv", "--mapping", "my_orders"])
    [mapping] = given.mappings
    assert (mapping.name, mapping.path) == ("my_orders", ("my orders.csv",))
    assert mapping.columns["customer_id"] == "Client No"
    preview.run(["my orders.csv", "--mapping", "my_orders"])
    assert "12 records = 12 accepted + 0 rejected" in capsys.readouterr().out


def test_a_guess_is_written_beside_a_configuration_of_ones_own(shop: Path) -> None:
    own = shop / "own" / "shop.toml"
    own.parent.mkdir()
    own.write_text("")
    preview.run(["my orders.csv", "--write", "--name", "orders", "--config", str(own)])
    given = arguments.parse("", ["my orders.csv", "--mapping", "orders", "--config", str(own)])
    assert [m.name for m in given.mappings] == ["orders"]
    assert (own.parent / "sources" / "orders.toml").is_file()


def test_a_guess_is_the_standard_output_and_nothing_else(
    shop: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    preview.run(["my orders.csv"])
    said = capsys.readouterr()
    columns = tomllib.loads(said.out)["columns"]
    assert columns["event_at"] == "Order Date"
    assert "customer_id       Client No" in said.err
    assert "'Order Date' has no time zone: read as UTC" in said.err
    assert not (shop / "conf").exists()


def test_another_mapping_of_that_name_is_left_as_it_is(shop: Path) -> None:
    preview.run(["my orders.csv", "--write"])
    preview.run(["my orders.csv", "--write"])
    written = shop / "conf" / "sources" / "my_orders.toml"
    written.write_text(written.read_text() + "# read by a person\n")
    with pytest.raises(ConfigurationError, match="is there already, and different"):
        preview.run(["my orders.csv", "--write"])
    assert written.read_text().endswith("# read by a person\n")


def test_a_name_of_a_shipped_mapping_is_not_taken(
    shop: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (shop / "customers.csv").write_text(ORDERS)
    preview.run(["customers.csv", "--write"])
    assert "--mapping customers_log" in capsys.readouterr().out


def test_open_questions_are_told_and_counted_before_use(
    shop: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    days = "\n".join(
        ["day,user,event", *(f"0{1 + n % 9}/0{1 + n % 8}/2022,u{n % 3},buy" for n in range(20))]
    )
    (shop / "days.csv").write_text(days)
    preview.run(["days.csv", "--write"])
    said = capsys.readouterr()
    assert "Day or month first in 'day'?" in said.err
    assert "The proposal isn't complete: source proposed: event_at_formats names no" in said.err
    assert "Answer the questions in conf/sources/days.toml, then" in said.out


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (["log.csv"], "by which mapping is log.csv read"),
        (["--mapping", "rees"], "--mapping rees: of which PATH"),
        (["log.csv", "--mapping", "ecommerce_event"], "did you mean 'ecommerce_events'"),
    ],
)
def test_a_path_and_its_mapping_go_together(given: list[str], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        arguments.parse("", given)


def test_several_paths_may_share_a_mapping() -> None:
    given = arguments.parse("", ["a.csv", "b/", "--mapping", "ecommerce_events"], segments=False)
    assert [m.path for m in given.mappings] == [("a.csv", "b/")]


def test_a_preview_takes_one_path(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        preview.run(["a", "b", "c"])
    assert ended.value.code == 2
    assert "one path at a time" in capsys.readouterr().err


def test_a_large_file_is_looked_at_no_further_than_its_beginning(
    shop: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of the hole of a terabyte nothing is read; its hash alone would take an hour."""
    with (shop / "large.csv").open("wb") as stream:
        stream.write((ORDERS + "\n").encode() * 2_000)
        stream.truncate(1 << 40)
    preview.run(["large.csv"])
    assert "the first 10,000 records; there are more" in capsys.readouterr().err
