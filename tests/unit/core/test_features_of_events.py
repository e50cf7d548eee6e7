"""A few customers' features, from their events alone, equal the batch's over all customers."""

import json

import polars as pl
import pyarrow as pa
import pytest
from kernels import AS_OF, parts_of, validated, without_copies
from random_logs import random_log

from custseg_spark.core.features import learned
from custseg_spark.core.features.customers import customer_features
from custseg_spark.core.features.learned import Learned
from custseg_spark.core.features.levels import NO_LEVELS, Levels
from custseg_spark.core.features.scores import (
    Cutoffs,
    buyer_values,
    score_cutoffs,
    value_counts,
)
from custseg_spark.core.sessions.levels import category_sums, price_levels
from custseg_spark.errors import InputError
from custseg_spark.pipeline.in_memory import features_of_events

NIGHTLY = [pytest.param(seed, marks=pytest.mark.heavy) for seed in range(10, 40)]
NOTHING = Learned(AS_OF, NO_LEVELS, Cutoffs())


@pytest.mark.parametrize("seed", [*range(10), *NIGHTLY])
def test_each_customer_alone_has_the_features_of_the_batch(seed: int) -> None:
    days = without_copies(validated(random_log(seed, 6).lines, 1))
    events = pl.concat(days.values())
    [parts] = parts_of(days, 1)
    of_all = Learned(
        AS_OF,
        Levels(*price_levels(category_sums(events.filter(pl.col("event_date") < AS_OF)))),
        score_cutoffs(value_counts(buyer_values(parts, AS_OF))),
    )
    batch = customer_features(parts, as_of=AS_OF, levels=of_all.levels, cutoffs=of_all.cutoffs)
    kept = learned.parsed(of_all.as_json(), "learned.json")
    alone = [
        features_of_events(
            own.sample(fraction=1, shuffle=True, seed=seed), as_of=AS_OF, learned=kept
        )
        for own in events.partition_by("customer_id")
    ]
    assert pa.concat_tables(alone).sort_by("customer_id").combine_chunks() == batch.combine_chunks()


def test_nobody_has_features_without_an_event_before_the_date() -> None:
    days = without_copies(validated(random_log(1, 2).lines, 1))
    events = pl.concat(days.values())
    first = events["event_date"].min()
    made = features_of_events(events, as_of=first, learned=NOTHING)
    assert made.num_rows == 0
    assert made.schema == features_of_events(events, as_of=AS_OF, learned=NOTHING).schema


@pytest.mark.parametrize(
    "change",
    [
        {"format": 9},
        {"as_of": "today"},
        {"price_levels": {"category_keys": [2, 1], "log_price_units": [0, 0]}},
        {"price_levels": {"category_keys": [1], "log_price_units": []}},
        {"rfm_cutoffs": {"luck": [1]}},
        {"price_levels": {"category_keys": [1 << 70], "log_price_units": [0]}},
    ],
    ids=["format", "date", "order", "length", "score", "width"],
)
def test_what_isnt_a_runs_learning_is_refused(change: dict[str, object]) -> None:
    text = json.dumps({**json.loads(NOTHING.as_json()), **change})
    with pytest.raises(InputError, match=r"learned\.json can't be read"):
        learned.parsed(text, "learned.json")
