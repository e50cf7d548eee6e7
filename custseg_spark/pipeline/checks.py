"""Check the names in a configuration before Spark starts: families, features, algorithms.

The module imports no Spark: commands check their options before anything heavy is loaded.
"""

from custseg_spark.config.rfm_groups import rfm_rules
from custseg_spark.config.settings import Config
from custseg_spark.core.clustering import comparison, preparation
from custseg_spark.core.clustering.models import ALGORITHMS
from custseg_spark.core.features import registry
from custseg_spark.errors import ConfigurationError, nearest


def check(config: Config) -> None:
    """Raise ConfigurationError for an unknown name, and for RFM groups with a gap or an overlap."""
    available = registry.all_features(config.features.optional_families)
    preparation.choose_features(config.model.features, available)
    preparation.choose_features(config.model.preparation.within_activity, available)
    for algorithm in config.model.algorithms:
        known_algorithm(algorithm)
    comparison.require(config.model.selection.compare)
    rfm_rules(config.rfm)


def known_algorithm(algorithm: str) -> str:
    """Return the algorithm's name; ConfigurationError for an unknown one."""
    if algorithm not in ALGORITHMS:
        raise ConfigurationError(f"unknown algorithm '{algorithm}'{nearest(algorithm, ALGORITHMS)}")
    return algorithm


def feature_names() -> list[str]:
    """Return every feature that an archetype may weigh, with those of families that a run lacks."""
    return [f.name for f in registry.all_features(tuple(registry.OPTIONAL_FAMILIES))]
