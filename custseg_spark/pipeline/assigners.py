"""The assigners of a run's chosen clusterings, with the prices of their rules."""

from dataclasses import dataclass

import pyarrow as pa

from custseg_spark.config.model import RULES, ModelConfig
from custseg_spark.core.clustering.assigners import Assigner
from custseg_spark.core.clustering.buckets import numbers
from custseg_spark.core.clustering.models import ClusterModel
from custseg_spark.core.clustering.rules.fitting import Price, price, rules_of
from custseg_spark.core.clustering.rules.tree import RuleTree
from custseg_spark.core.clustering.scaling import FeatureSpace
from custseg_spark.core.features.registry import OPTIONAL_FAMILIES, all_features
from custseg_spark.engine.spark.model_store import Manifest
from custseg_spark.errors import InputError
from custseg_spark.pipeline.clustering.sample import CustomerSample

# The price for all customers is measured on so many of them; with fewer it is exact.
_PRICED_CUSTOMERS = 50_000


@dataclass(frozen=True)
class PricedAssigner:
    """The assigner of an algorithm's clustering, and the price of its rules.

    `informed` and `everyone` are prices on sampled customers; None for a model without rules.
    """

    assigner: Assigner
    informed: Price | None
    everyone: Price | None


def priced_assigner(
    sample: CustomerSample,
    space: FeatureSpace,
    model: ClusterModel,
    config: ModelConfig,
    manifest: Manifest | None,
) -> PricedAssigner:
    """Learn a fitted clustering's rules from the informed customers of the sample.

    A published model (`manifest`) has its own rules. Raises InputError if the rules are to assign
    but the published model has none.
    """
    informed = sample.informed(config.fit.sample_customers)
    if manifest:
        assigner = Assigner(model, manifest.rules, manifest.by_rules, manifest.known_from)
        if config.assign == RULES and not manifest.rules:
            raise InputError(
                f"model.assign = {RULES}: the published model of {manifest.algorithm} has no rules;"
                " fit anew (--model fit)"
            )
    else:
        rules = _learned(informed, space, model)
        assigner = Assigner(model, rules, config.assign == RULES, config.known_from)
    if assigner.rules is None:
        return PricedAssigner(assigner, None, None)
    everyone = sample.everyone(_PRICED_CUSTOMERS)
    of_both = [_price(rows, space, model, assigner.rules) for rows in (informed, everyone)]
    return PricedAssigner(assigner, *of_both)


def _learned(informed: pa.Table, space: FeatureSpace, model: ClusterModel) -> RuleTree:
    nullable = {f.name for f in all_features(tuple(OPTIONAL_FAMILIES)) if f.may_be_null}
    null_values = {f.name: f.null_value for f in space.preparation.features if f.name in nullable}
    columns = {name: numbers(informed[name]) for name in space.columns}
    return rules_of(model, space.points(informed), columns, null_values)


def _price(
    rows: pa.Table, space: FeatureSpace, model: ClusterModel, rules: RuleTree
) -> Price | None:
    columns = {name: numbers(rows[name]) for name in space.columns}
    return price(model, space.points(rows), rules.labels(columns))
