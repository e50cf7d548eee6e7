"""Limits for trials: a part of the customers, whole and always the same."""

from datetime import date

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from custseg_spark.config.settings import RunConfig
from custseg_spark.errors import ConfigurationError
from custseg_spark.models.layout import HASH_STEPS

_FINE_STEPS = 1_000


def limited(sessions: DataFrame, config: RunConfig, run_date: date) -> DataFrame:
    """The sessions of the customers that `sample_fraction` and `max_rows` leave.

    Customers come in the order of a hash of their ids: the fraction takes the first part of them,
    `max_rows` as many thousandths of all as have no more events than that before the run date;
    ConfigurationError where the first one has more.
    """
    below = round(config.sample_fraction * HASH_STEPS)
    if config.max_rows is not None:
        below = min(below, _steps_within(sessions, config.max_rows, run_date))
    return sessions if below >= HASH_STEPS else sessions.where(_hash_step() < below)


def _hash_step() -> Column:
    """A customer's place from 0 to a million. Another hash than that of the models' samples: of
    the customers that a trial leaves, a sample by the same hash would take all."""
    return F.pmod(F.xxhash64(F.lit("trial"), F.col("customer_id")), F.lit(HASH_STEPS))


def _steps_within(sessions: DataFrame, max_rows: int, run_date: date) -> int:
    thousandth = F.floor(_hash_step() / _FINE_STEPS).cast("int").alias("thousandth")
    totals = (
        sessions.where(F.col("session_date") < F.lit(run_date))
        .groupBy(thousandth)
        .agg(F.sum("event_count").alias("events"))
        .orderBy("thousandth")
        .collect()
    )
    if totals and totals[0].events > max_rows:
        raise ConfigurationError(
            f"run.max_rows = {max_rows}: expected at least {totals[0].events}, the events of the"
            " first thousandth of the customers"
        )
    taken = 0
    for row in totals:
        taken += row.events
        if taken > max_rows:
            return int(row.thousandth) * _FINE_STEPS
    return HASH_STEPS
