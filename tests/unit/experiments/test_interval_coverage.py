"""A small run of scripts/interval_coverage.py: intervals hold the truth as often as they say."""

from functools import partial

from interval_coverage import CONFIDENCE, Population, daily_looks, one_look

from custseg_spark.core.experiments.sequential import planned_confidence

# Standard error: 0.5 points.
CAMPAIGNS = 2_000


def test_intervals_of_one_look_hold_the_effect_in_95_of_100_campaigns() -> None:
    for name, share in one_look(CAMPAIGNS, Population(1_000, 600, 0.15, 0.04), 5):
        assert 0.94 <= share <= 0.96, name


def test_planned_daily_looks_hold_it_on_all_days_in_95_of_100_campaigns() -> None:
    of_one = partial(planned_confidence, days=5, confidence=CONFIDENCE)
    held = daily_looks(CAMPAIGNS, 5, of_one, spread=0.0, seed=1, customers=800)
    assert 0.94 <= held <= 0.96
