"""Levels by activity, learned from a sample of all customers."""

from collections.abc import Mapping

import numpy as np

from custseg_spark.config.model import ModelConfig
from custseg_spark.core.clustering import activity
from custseg_spark.core.clustering.buckets import numbers
from custseg_spark.core.clustering.preparation import EVIDENCE, Preparation
from custseg_spark.pipeline.clustering.sample import CustomerSample


def levelled(
    prepared: Preparation,
    sample: CustomerSample,
    informed: Mapping[str, np.ndarray],
    config: ModelConfig,
) -> Preparation:
    """Return the preparation with the configured features compared within activity.

    `informed` are the raw columns of the customers whom the model learns from.
    """
    names = config.preparation.within_activity
    if not names:
        return prepared
    everyone = {name: numbers(sample.rows[name]) for name in {*prepared.names, EVIDENCE}}
    return activity.with_levels(prepared, names, informed, everyone, sample.bar.events)
