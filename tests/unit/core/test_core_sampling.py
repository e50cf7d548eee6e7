"""The stable sample of customers."""

import polars as pl

from custseg_spark.core.sampling import HASH_STEPS, hash_step, sampled_steps

# Spark 4.2: pmod(xxhash64(customer_id), 1000000).
SPARKS = {
    "c1": 371_330,
    "": 971_652,
    "ünïcode": 462_327,
    "500.0": 110_434,
    "12345678901234567890": 806_599,
    "a b": 782_324,
}


def test_a_customer_s_step_is_that_of_spark_s_xxhash64() -> None:
    ids = pl.DataFrame({"customer_id": list(SPARKS)})
    assert ids.select(hash_step("customer_id")).to_series().to_list() == list(SPARKS.values())


def test_steps_are_in_proportion_to_the_sample_and_at_least_one() -> None:
    assert sampled_steps(250, 1_000) == HASH_STEPS // 4
    assert sampled_steps(1, 10**9) == 1
    assert sampled_steps(5, 5) == sampled_steps(5, 0) == HASH_STEPS


def test_about_as_many_customers_as_asked_for_are_drawn() -> None:
    ids = pl.DataFrame({"customer_id": [f"c{n}" for n in range(20_000)]})
    drawn = ids.filter(hash_step("customer_id") < sampled_steps(2_000, len(ids)))
    assert 1_850 < len(drawn) < 2_150
