"""Customers compared with others of as many events."""

import json
from dataclasses import asdict

import numpy as np
import pytest

from custseg_spark.core.clustering.activity import with_levels
from custseg_spark.core.clustering.preparation import (
    EVIDENCE,
    Level,
    Preparation,
    PreparedFeature,
)

PLAIN = PreparedFeature("width", 0.0, "none", -np.inf, np.inf)
OTHER = PreparedFeature("days", 0.0, "none", -np.inf, np.inf)


def columns(events: int, mean: float, deviation: float, customers: int = 200) -> np.ndarray:
    """Rows of events, width and days: half of the customers below the mean, half above."""
    sign = np.where(np.arange(customers) % 2, 1.0, -1.0)
    return np.array([np.full(customers, events), mean + deviation * sign, sign])


def learned(*groups: np.ndarray) -> Preparation:
    informed = dict(zip((EVIDENCE, "width", "days"), columns(20, 8.0, 2.0), strict=True))
    everyone = np.concatenate([columns(20, 8.0, 2.0), *groups], axis=1)
    return with_levels(
        Preparation((PLAIN, OTHER), {}),
        ["width"],
        informed,
        dict(zip((EVIDENCE, "width", "days"), everyone, strict=True)),
        20,
    )


def test_light_customers_get_the_mean_and_deviation_of_the_informed() -> None:
    width, days = learned(columns(5, 2.0, 0.5), columns(6, 3.0, 1.0)).features
    light = width.values(np.array([1.5, 2.5, 2.0, 4.0]), np.array([5.0, 5.0, 6.0, 6.0]))
    assert light == pytest.approx([6.0, 10.0, 6.0, 10.0])
    assert days == OTHER


def test_informed_customers_and_those_below_every_level_stay_as_they_are() -> None:
    [width, _] = learned(columns(5, 2.0, 0.5)).features
    values = np.array([3.25, 7.0, 9.5])
    assert width.values(values, np.array([4.0, 20.0, 400.0])).tolist() == values.tolist()


def test_a_level_of_few_customers_is_part_of_the_one_below() -> None:
    [width, _] = learned(columns(5, 2.0, 0.5), columns(6, 90.0, 7.0, customers=99)).features
    assert [level.events for level in width.levels] == [5, 20]
    assert width.values(np.array([2.5]), np.array([6.0])) == pytest.approx([10.0])


def test_customers_of_a_level_who_are_all_alike_are_at_the_mean() -> None:
    [width, _] = learned(columns(1, 1.0, 0.0)).features
    assert width.levels == (Level(1, 1.0, 7.0), Level(20, 1.0, 0.0))


def test_without_light_customers_there_are_no_levels() -> None:
    assert learned().features == (PLAIN, OTHER)


def test_levels_outlive_json() -> None:
    [width, _] = learned(columns(5, 2.0, 0.5)).features
    assert PreparedFeature.of(json.loads(json.dumps(asdict(width)))) == width
