"""What prices of a category usually are."""

from collections import defaultdict
from decimal import Decimal
from fractions import Fraction

import polars as pl
import pytest
import session_oracle
from session_events import ABSURD_PRICES, event, frame, random_events

from custseg_spark.core.sessions.levels import category_sums, price_levels

AT = "2021-02-01 10:00"


def levels_by_key(sums: pl.DataFrame) -> dict[int, int]:
    keys, units = price_levels(sums)
    assert keys.tolist() == sorted(keys.tolist())
    return dict(zip(keys.tolist(), units.tolist(), strict=True))


def test_events_without_a_category_or_a_price_have_no_level() -> None:
    events = [event("a", AT, category_id=None), event("a", AT, price="0")]
    assert category_sums(frame(events)).is_empty()
    assert levels_by_key(category_sums(frame(events))) == {}


def test_a_level_is_the_mean_logarithm_of_all_events_prices() -> None:
    events = [event("a", AT, price=p) for p in ("1", "2.5")] + [event("b", AT, "return", "0.1")]
    # (0 + 0.916290731874 - 2.302585092994) / 3
    assert levels_by_key(category_sums(frame(events))) == {session_oracle.key("c1"): -462098120373}


@pytest.mark.parametrize(
    ("total", "count", "units"),
    [
        (1, 2, 1),
        (-1, 2, -1),
        (1, 3, 0),
        (-5, 3, -2),
        # 0.4999999999999 is 0.5 to ten digits, and so 1: as Spark rounds, twice.
        (4_999_999_999_999, 10_000_000_000_000, 1),
        (-4_999_999_999_999, 10_000_000_000_000, -1),
        (10**25, 10**12, 10**13),
    ],
)
def test_means_are_rounded_half_up_as_spark_divides(total: int, count: int, units: int) -> None:
    sums = pl.DataFrame(
        {"key": [7], "log_high": [total // 10**6], "log_low": [total % 10**6], "count": [count]}
    )
    assert levels_by_key(sums) == {7: units}


@pytest.mark.parametrize("seed", range(20))
def test_sums_of_slices_add_up_to_the_oracles_levels(seed: int) -> None:
    events = random_events(seed, days=3, prices=ABSURD_PRICES)
    logs: dict[int | None, list[Decimal]] = defaultdict(list)
    for one in events:
        if one["category_id"] is not None and one["unit_price"] > 0:
            logs[session_oracle.key(one["category_id"])].append(session_oracle.log_price(one))
    slices = pl.concat([category_sums(frame(events[n::3])) for n in range(3)])
    levels = levels_by_key(slices)
    assert levels.keys() == logs.keys()
    for key, own in logs.items():
        mean = Fraction(sum(own, Decimal(0))) / len(own)
        assert abs(Fraction(levels[key]) - mean * 10**12) <= Fraction(1, 2), key
