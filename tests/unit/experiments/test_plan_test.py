"""`custseg plan-test`: what it prints of told figures and of a lake's customers; its errors."""

import re
from datetime import date
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest
import python_lake
from checkout import ROOT
from python_lake import NOW

from custseg_spark.core.experiments.plans import Baseline, baseline, plan
from custseg_spark.core.experiments.power import Design
from custseg_spark.engine.lake.native import NativeLake
from custseg_spark.engine.lake.reader import LakeReader
from custseg_spark.engine.lake.schemas import CUSTOMER_FEATURES
from custseg_spark.errors import ConfigurationError, InputError
from custseg_spark.interfaces.cli import plan_arguments, plan_test
from custseg_spark.outputs.exports import baselines

TOLD = ("--customers=50000", "--rate=0.04", "--mean=2.5", "--deviation=19")


def printed(capsys: pytest.CaptureFixture[str], *options: str) -> list[str]:
    plan_test.run(options)
    return capsys.readouterr().out.splitlines()


def cells(lines: list[str], name: str) -> list[str]:
    [line] = [line for line in lines if line.strip().startswith(name)]
    return line.replace(name, "").split()


def test_told_figures_have_their_smallest_effects_powers_and_sizes(
    capsys: pytest.CaptureFixture[str],
) -> None:
    lines = printed(capsys, *TOLD, "--control-share=0.2", "--correlation=0.5", "--lifts=0.2")
    assert lines[0] == (
        "Plan for 50,000 customers, 20.0% held back; 95% confidence, one look, power 80%"
    )
    assert cells(lines, "smallest effect it shows") == ["+0.64%", "+0.60", "+0.52"]
    assert cells(lines, "power for a rise of 20%") == ["93.6%", "65.3%", "77.6%"]
    assert cells(lines, "customers for 20%") == ["32,887", "70,837", "53,128"]


def test_looking_daily_takes_more_customers(capsys: pytest.CaptureFixture[str]) -> None:
    once = printed(capsys, *TOLD, "--lifts=0.2")
    daily = printed(capsys, *TOLD, "--lifts=0.2", "--planned-days=28")
    assert "looked at on each of 28 days" in daily[0]
    sizes = [int(cells(lines, "customers for 20%")[0].replace(",", "")) for lines in (once, daily)]
    assert 1.4 < sizes[1] / sizes[0] < 1.6


def test_a_baseline_is_of_all_customers_buyers_or_not() -> None:
    buys, spend = np.array([True, False, True, False]), np.array([10.0, 0, 30, 0])
    found = baseline(buys, spend, np.array([5.0, 0, 15, 0]))
    assert (found.rate, found.mean) == (0.5, 10.0)
    assert found.deviation == pytest.approx(np.std(spend, ddof=1))
    assert found.correlation == pytest.approx(1.0)
    assert found.adjusted_deviation == pytest.approx(0.0, abs=1e-6)
    assert baseline(buys[:1], spend[:1], spend[:1]) == Baseline(1.0, 10.0, 0.0)


def test_without_spend_nothing_is_said_of_it() -> None:
    made = plan(Baseline(0.05, 0.0, 0.0), Design(), 10_000, [0.1])
    assert made.detectable[1:] == (0.0, 0.0)
    assert made.promises[0].customers[1] is None


@pytest.fixture
def lake(tmp_path: Path) -> Path:
    made = {"a": (2, "40", "100"), "b": (0, "0", "0"), "c": (1, "8", "8"), "d": (0, "-3", "50")}
    features = [
        {
            "run_date": NOW,
            "customer_id": customer,
            "purchases_30d": purchases,
            "spend_30d": Decimal(spend),
            "spend_90d": Decimal(of_90),
        }
        for customer, (purchases, spend, of_90) in made.items()
    ]
    native = NativeLake(tmp_path / "lake")
    for table, rows in {**python_lake.ROWS, CUSTOMER_FEATURES: features}.items():
        python_lake.add(native, table, rows)
    return tmp_path / "lake"


def test_a_lake_s_customers_are_measured_in_their_last_30_days(
    lake: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = printed(capsys, f"--lake={lake}")
    assert lines[0].startswith("Plan for 4 customers, 50.0% held back")
    assert f"in 30 days before {NOW}: 50.00% buy; 11.25 a customer, deviation 19.72" in lines[1]
    reader = LakeReader(lake)
    found = baselines.measured(reader, NOW, "kmeans", "High-Value")
    assert (found.customers, found.segment, found.of.rate, found.of.mean) == (
        *(2, "High-Value", 0.5, 18.5),
    )
    assert baselines.measured(reader, None, "kmeans", "1") == found
    with pytest.raises(InputError, match="no segment 'High-Valeu' by kmeans; did you mean"):
        baselines.measured(reader, NOW, "kmeans", "High-Valeu")
    with pytest.raises(InputError, match="no run of 2001-01-01"):
        baselines.measured(reader, date(2001, 1, 1), "kmeans", None)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["--rate=0.1"], "--rate: of how many customers? Give --customers, too"),
        (["--mean=3"], "--mean goes with --rate"),
        ([*TOLD, "--segment=1"], "--segment is read of a run"),
        (["--customers=9", "--rate=1"], "--rate: expected from 0 to below 1, got 1.0"),
        ([*TOLD, "--deviation=-1"], "--deviation: expected 0 or more"),
        ([*TOLD, "--correlation=2"], "--correlation: expected from -1 to 1"),
        ([*TOLD, "--control-share=1"], "--control-share: expected above 0, below 1"),
        ([*TOLD, "--planned-days=0"], "--planned-days: expected from 1 to 366, got 0"),
        ([*TOLD, "--lifts=a"], "--lifts: expected shares such as 0.05,0.1, got 'a'"),
        ([*TOLD, "--customers=3"], "--customers: expected 4 or more, got 3"),
        ([*TOLD, "--algorithm=kmaens"], "did you mean 'kmeans'"),
    ],
    ids=lambda value: value[-1] if isinstance(value, list) else "",
)
def test_what_can_t_be_planned_is_an_error(options: list[str], expected: str) -> None:
    with pytest.raises(ConfigurationError) as error:
        plan_test.run(options)
    assert expected in str(error.value)


def test_a_lake_that_isnt_there_or_is_far_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there is no lake at"):
        plan_test.run([f"--lake={tmp_path}"])
    with pytest.raises(ConfigurationError, match="plan-test reads lakes in folders"):
        plan_test.run(["--lake=s3a://bucket/lake"])


def test_too_few_customers_for_two_groups_is_an_error() -> None:
    with pytest.raises(InputError, match="30 customers are too few for two groups"):
        plan_test.run(["--customers=30", "--rate=0.1", "--control-share=0.05"])


def test_the_guide_s_commands_print_what_it_shows(capsys: pytest.CaptureFixture[str]) -> None:
    guide = (ROOT / "docs" / "guides" / "exports.md").read_text(encoding="utf-8")
    measured, told = re.findall(r"^custseg plan-test (.*)$", guide, re.M)
    assert plan_arguments.parse("", measured.split()).design.control_share == 0.2
    plan_test.run(told.split())
    shown = capsys.readouterr().out.split("\n\nadjusted")[0]
    assert f"```\n{shown}\n```" in guide
