"""What a configuration may name, checked before Spark starts: families, features, algorithms.

Imports no Spark: commands check their options while nothing heavy is loaded yet.
"""

from custseg_spark.config.rfm_groups import rfm_rules
from custseg_spark.config.settings import Config
from custseg_spark.core.clustering import comparison, preparation
from custseg_spark.core.clustering.models import ALGORITHMS
from custseg_spark.core.features import registry
from custseg_spark.errors import ConfigurationError, nearest


def check(config: Config) -> None:
    """ConfigurationError for an unknown family, feature, algorithm or kind of comparison, and for
    a map of RFM groups with a hole or an overlap."""
    available = registry.all_features(config.features.optional_families)
    preparation.choose_features(config.model.features, available)
    preparation.choose_features(config.model.preparation.within_activity, available)
    for algorithm in config.model.algorithms:
        known_algorithm(algorithm)
    comparison.require(config.model.selection.compare)
    rfm_rules(config.rfm)


def known_algorithm(algorithm: str) -> str:
    """The algorithm's name; ConfigurationError for an unknown one."""
    if algorithm not in ALGORITHMS:
        raise ConfigurationError(f"unknown algorithm '{algorithm}'{nearest(algorithm, ALGORITHMS)}")
    return algorithm


def feature_names() -> list[str]:
    """Every feature that an archetype may weigh, whatever families a run has."""
    return [f.name for f in registry.all_features(tuple(registry.OPTIONAL_FAMILIES))]
