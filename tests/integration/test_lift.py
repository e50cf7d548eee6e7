"""What a campaign did: formulas against published figures, an independent library, and chance."""

from collections.abc import Sequence
from datetime import date
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from checkout import job
from literal_lake import BEFORE, NOW
from pyspark.sql import SparkSession
from scipy import stats

from custseg_spark.core.experiments.intervals import (
    Group,
    Interval,
    rate_difference,
    spend_difference,
)
from custseg_spark.engine.lake.lake import Lake
from custseg_spark.errors import ConfigurationError, InputError
from custseg_spark.interfaces.cli import export_arguments
from custseg_spark.outputs.exports.frames.effects import Days, outcomes


def group(spends: Sequence[int] | np.ndarray) -> Group:
    exact = [Fraction(float(s)) for s in spends]
    none = Fraction(0)
    squares = sum((s * s for s in exact), none)
    return Group(len(exact), sum(s > 0 for s in exact), sum(exact, none), squares)


def rates(buyers: int, customers: int) -> Group:
    return Group(customers, buyers, Fraction(0), Fraction(0))


@pytest.mark.parametrize(
    ("treated", "control", "low", "high"),
    [
        # Newcombe (1998), table II, method 10: two rates and the 95% interval of the difference.
        ((56, 70), (48, 80), 0.0524, 0.3339),
        ((9, 10), (3, 10), 0.1705, 0.8090),
        ((6, 7), (2, 7), 0.0582, 0.8062),
        ((5, 56), (0, 29), -0.0381, 0.1926),
        ((0, 10), (0, 20), -0.1611, 0.2775),
        ((0, 10), (0, 10), -0.2775, 0.2775),
        ((10, 10), (0, 20), 0.6791, 1.0000),
        ((10, 10), (0, 10), 0.6075, 1.0000),
    ],
)
def test_rates_have_the_published_intervals(
    treated: tuple[int, int], control: tuple[int, int], low: float, high: float
) -> None:
    found = rate_difference(rates(*treated), rates(*control), 0.95)
    assert found.difference == treated[0] / treated[1] - control[0] / control[1]
    assert (found.low, found.high) == (pytest.approx(low, abs=5e-5), pytest.approx(high, abs=5e-5))


@pytest.mark.parametrize("confidence", [0.8, 0.95, 0.99])
def test_spend_has_welchs_interval(confidence: float) -> None:
    rng = np.random.default_rng(5)
    treated, control = rng.lognormal(2, 1, 40).round(2), rng.lognormal(2.5, 0.5, 9).round(2)
    expected = stats.ttest_ind(treated, control, equal_var=False).confidence_interval(confidence)
    found = spend_difference(group(treated), group(control), confidence)
    assert found.difference == pytest.approx(treated.mean() - control.mean(), rel=1e-12)
    assert found.low == pytest.approx(expected.low, rel=1e-12)
    assert found.high == pytest.approx(expected.high, rel=1e-12)


def test_unknown_limits_are_none() -> None:
    nobody, one = group([]), group([5])
    assert rate_difference(nobody, one, 0.95) == Interval()
    assert spend_difference(nobody, one, 0.95) == Interval()
    assert spend_difference(one, group([1, 2]), 0.95) == Interval(3.5)
    assert spend_difference(group([2, 2]), group([1, 1]), 0.95) == Interval(1, 1, 1)


def test_intervals_hold_the_planted_effect_as_often_as_they_say() -> None:
    rng = np.random.default_rng(11)
    hits = {"rate": 0, "spend": 0}
    for _ in range(400):
        # In quarters, so that sums of squares are exact as doubles.
        treated = np.where(rng.random(900) < 0.12, rng.gamma(2, 25, 900).round() + 0.25, 0)
        control = np.where(rng.random(300) < 0.08, rng.gamma(2, 25, 300).round() + 0.25, 0)
        groups = [
            Group(len(g), int((g > 0).sum()), Fraction(g.sum()), Fraction((g * g).sum()))
            for g in (treated, control)
        ]
        for name, planted, found in (
            ("rate", 0.04, rate_difference(*groups, 0.9)),
            ("spend", 0.04 * 50.25, spend_difference(*groups, 0.9)),
        ):
            assert found.low is not None
            assert found.high is not None
            hits[name] += found.low < planted < found.high
    # 360 of 400 expected, with a standard deviation of 6.
    assert all(342 <= count <= 378 for count in hits.values()), hits


def test_outcomes_count_each_customer_once_among_everybody(spark: SparkSession) -> None:
    ddl = "customer_id string, segment_id int, segment string, change string, is_control boolean"
    moved = spark.createDataFrame(
        [
            ("a", 1, "A", "left", False),
            ("a", 2, "B", "entered", False),
            ("b", 1, "A", "left", True),
            ("b", 2, "B", "entered", True),
            ("c", 2, "B", "entered", False),
            ("d", 2, "B", "entered", True),
        ],
        ddl,
    )
    sold = [
        ("a", date(2021, 4, 1), "purchase", 10, 2),
        ("a", date(2021, 4, 3), "return", 5, 1),
        ("b", date(2021, 4, 2), "view", 99, 1),
        ("d", date(2021, 4, 2), "return", 3, 1),
        ("c", date(2021, 3, 31), "purchase", 77, 1),
        ("c", date(2021, 4, 5), "purchase", 77, 1),
        ("z", date(2021, 4, 2), "purchase", 77, 1),
        # Before the campaign: what it is adjusted by.
        ("a", date(2021, 3, 1), "purchase", 4, 1),
        ("a", date(2021, 3, 31), "purchase", 6, 1),
        ("b", date(2021, 3, 5), "return", 2, 1),
        ("b", date(2021, 2, 28), "purchase", 50, 1),
        ("d", date(2021, 3, 5), "purchase", 5, 1),
    ]
    events = spark.createDataFrame(
        sold, "customer_id string, event_date date, event_type string, price int, quantity bigint"
    ).selectExpr(
        "*", "CAST(price AS decimal(18,4)) AS unit_price", "CAST(0 AS decimal(18,4)) AS discount"
    )
    days = Days(date(2021, 4, 1), date(2021, 4, 5)), Days(date(2021, 3, 1), date(2021, 4, 1))
    found = outcomes(moved, events, *days).collect()

    def totals(*names: str) -> dict[tuple[str, str], list[tuple[int, ...]]]:
        return {
            (r.segment, r.change): [
                tuple(int(r[f"{group}_{of}"]) for of in names) for group in ("treated", "control")
            ]
            for r in found
        }

    assert totals("customers", "buyers", "spend", "squares") == {
        ("A", "left"): [(1, 1, 15, 225), (1, 0, 0, 0)],
        ("B", "entered"): [(2, 1, 15, 225), (2, 0, -3, 9)],
        ("everybody", "any"): [(2, 1, 15, 225), (2, 0, -3, 9)],
    }
    earlier = ("buyers_before", "buyers_both", "before", "squares_before", "products")
    assert totals(*earlier) == {
        ("A", "left"): [(1, 1, 10, 100, 150), (0, 0, -2, 4, 0)],
        # c bought on the last day before, for 77.
        ("B", "entered"): [(2, 1, 87, 6029, 150), (1, 0, 3, 29, -15)],
        ("everybody", "any"): [(2, 1, 87, 6029, 150), (1, 0, 3, 29, -15)],
    }


def arguments(lake: Lake, *more: str) -> list[str]:
    dates = (f"--run-date={NOW}", f"--changes-since={BEFORE}")
    return [f"--lake={lake.config.path}", *dates, "--control-share=0.5", *more]


def test_the_job_prints_and_writes_the_effects(
    small_lake: Lake, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    to, label = f"--to=csv:{tmp_path}", "--campaign=x"
    job("export").run(arguments(small_lake, to, label))
    job("lift").run(arguments(small_lake, to, label, "--until=2021-05-01"))
    said = capsys.readouterr().out
    assert "purchases from 2021-04-01 to before 2021-05-01" in said
    assert "treated less control, 95% confidence" in said
    assert "adjusted by the purchases from 2021-01-01 to before 2021-04-01 (CUPED)" in said
    assert "these intervals hold for one look" in said
    exported = [line.split(",") for line in _lines(tmp_path / "segment_changes.csv")]
    held_back = {cells[0] for cells in exported if cells[7] == "true"}
    assert len(held_back) in (1, 2), "the label must leave somebody in each group"
    everybody, *effects = [line.split(",") for line in _lines(tmp_path / "campaign_lift.csv")]
    assert everybody[:3] == ["0", '"everybody"', '"any"']
    assert everybody[3:5] == [str(3 - len(held_back)), str(len(held_back))]
    # c1 and c4 buy later, for 20 and 6.
    buyers = {'"c1"', '"c4"'}
    assert everybody[5:7] == [str(len(buyers - held_back)), str(len(buyers & held_back))]
    assert [effect[1:3] for effect in effects] == [
        ['"Loyal"', '"left"'],
        ['"Dormant"', '"entered"'],
        ['"Dormant"', '"left"'],
    ]


def _lines(file: Path) -> list[str]:
    return file.read_text().splitlines()[1:]


def test_a_period_without_a_day_or_before_the_groups_is_a_clear_error(small_lake: Lake) -> None:
    with pytest.raises(InputError, match="no day from 2021-06-01 to before 2021-04-10"):
        job("lift").run(arguments(small_lake, "--from=2021-06-01"))
    with pytest.raises(ConfigurationError, match="expected 2021-04-01 or later"):
        job("lift").run(arguments(small_lake, "--from=2021-03-31"))


def test_looks_at_every_day_are_wider_and_a_plan_has_an_end(
    small_lake: Lake, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    confidences = {}
    for looks in ("once", "--planned-days=30", "--every-day"):
        more = [] if looks == "once" else [looks]
        job("lift").run(
            arguments(
                small_lake, f"--to=csv:{tmp_path}", "--campaign=x", "--until=2021-04-11", *more
            )
        )
        row = _lines(tmp_path / "campaign_lift.csv")[0].split(",")
        assert row[17] == "0.95", "the confidence of all looks together"
        confidences[row[-1]] = float(row[-2])
    assert list(confidences) == ['"once"', '"30"', '"always"']
    assert 0.95 == confidences['"once"'] < confidences['"30"'] < confidences['"always"'] < 1
    assert "hold at all looks of 30 days together; this is day 10" in capsys.readouterr().out
    with pytest.raises(ConfigurationError, match="day 10 of a campaign that was to be looked at"):
        job("lift").run(arguments(small_lake, "--planned-days=9", "--until=2021-04-11"))


def test_an_effect_needs_a_control_share() -> None:
    with pytest.raises(ConfigurationError, match="give --control-share"):
        export_arguments.parse_lift("", [f"--run-date={NOW}", f"--changes-since={BEFORE}"])
