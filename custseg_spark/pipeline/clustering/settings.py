"""Translate configuration sections into rules of the core."""

import math

from custseg_spark.config.model import ModelConfig
from custseg_spark.core.clustering.kmeans import FitSettings
from custseg_spark.core.clustering.preparation import Rules
from custseg_spark.core.clustering.selection import SelectionRules


def preparation_rules(config: ModelConfig) -> Rules:
    """Return the rules of the preparation."""
    return Rules(
        transform=config.preparation.transform,
        clip=config.preparation.clip,
        clip_percentile=config.preparation.clip_percentile,
        clip_factor=config.preparation.clip_factor,
        prior_events=config.preparation.prior_events,
        scaling=config.preparation.scaling,
        min_variance=config.preparation.min_variance,
        max_correlation=config.preparation.max_correlation,
        pca_components=config.preparation.pca_components,
    )


def fit_settings(config: ModelConfig) -> FitSettings:
    """Return the settings of the fits."""
    return FitSettings(
        seed=config.seed,
        starts=config.fit.starts,
        max_iterations=config.fit.max_iterations,
        tolerance=config.fit.tolerance,
        bisecting_iterations=config.fit.bisecting_iterations,
        bisecting_leaves=_leaves(config.k or config.selection.k_max),
        bisecting_steps=config.fit.bisecting_steps,
    )


def selection_rules(config: ModelConfig) -> SelectionRules:
    """Return the rules of the choice."""
    return SelectionRules(
        min_cluster_share=config.selection.min_cluster_share,
        min_stability=config.stability.minimum,
        stability_candidates=config.selection.candidates,
        switch_margin=config.selection.switch_margin,
        is_k_given=config.k is not None,
    )


def _leaves(most_clusters: int) -> int:
    """Return the leaves of a whole tree with a level more than the clusters need."""
    # MLlib divides level by level: a partly filled level takes as long as a full one.
    return int(2 ** (math.ceil(math.log2(most_clusters)) + 1))
